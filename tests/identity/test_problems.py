"""Values that are malformed or contradict each other, explicit ranks, and ids of jobs."""

import pytest

from logging_helpers import RankInfo, init_logging
from logging_helpers.identity.detect import detect
from logging_helpers.identity.readings import find_node_rank, safe_job_id

MALFORMED = "environment variable {} is malformed; expected a whole number of 0 or more"
PROBLEMS = {
    "RANK=abc": ({"RANK": "abc"}, MALFORMED.format("RANK='abc'"), RankInfo()),
    "RANK=-1": ({"RANK": "-1"}, MALFORMED.format("RANK='-1'"), RankInfo()),
    "RANK of a blank": ({"RANK": " 1"}, MALFORMED.format("RANK=' 1'"), RankInfo()),
    "other digits": ({"RANK": "\u0663"}, MALFORMED.format("RANK='\u0663'"), RankInfo()),
    "endless": ({"RANK": "1" * 10}, MALFORMED.format(f"RANK='{'1' * 10}'"), RankInfo()),
    "said once of both rows that read it": (
        {"TORCHELASTIC_RUN_ID": "none", "RANK": "1.0"},
        MALFORMED.format("RANK='1.0'"),
        RankInfo(),
    ),
    "of a launcher that is not used": (
        {"RANK": "1", "WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "x"},
        MALFORMED.format("OMPI_COMM_WORLD_RANK='x'"),
        RankInfo(1, 2, source="env"),
    ),
    "a node's": (
        {"SKYPILOT_NODE_RANK": "head"},
        MALFORMED.format("SKYPILOT_NODE_RANK='head'"),
        RankInfo(),
    ),
    "rank of the world size": (
        {"RANK": "4", "WORLD_SIZE": "4"},
        "RANK=4 is not below WORLD_SIZE=4",
        RankInfo(4, source="env"),
    ),
    "local rank": (
        {"RANK": "1", "WORLD_SIZE": "4", "LOCAL_RANK": "2", "LOCAL_WORLD_SIZE": "2"},
        "LOCAL_RANK=2 is not below LOCAL_WORLD_SIZE=2",
        RankInfo(1, 4, 2, source="env"),
    ),
    "node rank": (
        {"SKYPILOT_NODE_RANK": "2", "SKYPILOT_NUM_NODES": "2"},
        "SKYPILOT_NODE_RANK=2 is not below SKYPILOT_NUM_NODES=2",
        RankInfo(2, node_rank=2, source="skypilot"),
    ),
    "a range that is no number of nodes": (
        {"RANK": "1", "WORLD_SIZE": "1:4"},
        MALFORMED.format("WORLD_SIZE='1:4'"),
        RankInfo(1, source="env"),
    ),
    "more processes on the node than in the job": (
        {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "4"},
        "LOCAL_WORLD_SIZE=4 is more than WORLD_SIZE=2",
        RankInfo(1, 2, source="env"),
    ),
    "no size": (
        {
            "OMPI_COMM_WORLD_LOCAL_SIZE": "0",
            "OMPI_COMM_WORLD_RANK": "0",
            "OMPI_COMM_WORLD_SIZE": "2",
        },
        "OMPI_COMM_WORLD_LOCAL_SIZE=0 is not a size; a size is 1 or more",
        RankInfo(0, 2, source="openmpi"),
    ),
}


@pytest.mark.parametrize(("environ", "problem", "info"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_a_malformed_or_contradicting_value_is_a_problem_and_counts_as_not_set(
    environ, problem, info
):
    assert (info, (problem,)) == detect(environ)[:2]


def test_an_explicit_rank_beats_every_variable():
    assert (
        RankInfo(2, 4, source="argument") == detect({"RANK": "1", "WORLD_SIZE": "4"}, rank=2).info
    )
    assert RankInfo(0, source="argument") == detect({}, rank=0).info


def test_an_explicit_rank_outside_the_world_has_no_world_size():
    assert RankInfo(9, source="argument") == detect({"RANK": "1", "WORLD_SIZE": "4"}, rank=9).info


@pytest.mark.parametrize(
    ("job_id", "expected"),
    [
        ("sky-2026_1.x", "sky-2026_1.x"),
        ("a/b c:d", "a_b_c_d"),
        ("../../etc", "__.._etc"),
        (".", "_"),
        (".hidden", "_hidden"),
        ("日本", "_"),
        ("x" * 300, "x" * 128),
    ],
)
def test_a_job_id_is_safe_as_the_name_of_a_directory(job_id, expected):
    assert expected == safe_job_id(job_id)


@pytest.mark.parametrize(("environ", "problem", "info"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_init_logging_raises_for_a_problem(monkeypatch, environ, problem, info):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is compared
        init_logging()
    assert problem == str(raised.value)


def test_a_malformed_node_rank_is_passed_over():
    environ = {"SKYPILOT_NODE_RANK": "x", "RANK": "", "OMPI_COMM_WORLD_RANK": "03"}
    assert ("03", (MALFORMED.format("SKYPILOT_NODE_RANK='x'"),)) == find_node_rank(environ)


@pytest.mark.parametrize(("environ", "problem", "info"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_what_is_wrong_with_the_environment_is_only_noted_for_an_explicit_rank(
    environ, problem, info
):
    detection = detect(environ, rank=1)
    assert (1, "argument", ()) == (
        detection.info.rank,
        detection.info.source,
        detection.problems,
    )
    assert problem in detection.info.conflicts
