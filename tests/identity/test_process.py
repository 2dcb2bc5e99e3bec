"""The identity of this process follows its environment."""

import os

import pytest

from logging_helpers import (
    RankInfo,
    get_node_rank,
    get_rank_info,
    init_logging,
    is_master,
    shutdown_logging,
)
from logging_helpers.identity.detect import detect
from logging_helpers.identity.launchers import VARIABLES

SAID = "ranklog: environment variable {} is malformed; expected a whole number of 0 or more; taken as not set\n"


def _bare(rank):
    return RankInfo(
        rank,
        source="env",
        conflicts=(f"RANK={rank} has no WORLD_SIZE or LOCAL_RANK beside it",),
    )


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"OMPI_COMM_WORLD_RANK": "3"}, "3"),
        ({"OMPI_COMM_WORLD_RANK": "3", "RANK": "2"}, "2"),
        ({"OMPI_COMM_WORLD_RANK": "3", "RANK": "2", "SKYPILOT_NODE_RANK": "1"}, "1"),
        ({"OMPI_COMM_WORLD_RANK": "3", "RANK": "", "SKYPILOT_NODE_RANK": ""}, "3"),
        ({"RANK": "0"}, "0"),
        # The guide's function is about variables, not about what numbers processes.
        ({"RANK": "5", "WORLD_SIZE": "8", "SKYPILOT_NODE_RANK": "1"}, "1"),
    ],
)
def test_the_node_rank_is_the_first_variable_in_the_guides_order(monkeypatch, variables, expected):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert expected == get_node_rank()


def test_the_identity_follows_the_environment_at_once(monkeypatch):
    assert RankInfo() == get_rank_info()
    monkeypatch.setenv("RANK", "1")
    assert _bare(1) == get_rank_info()
    monkeypatch.setenv("RANK", "0")
    assert _bare(0) == get_rank_info()
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert RankInfo(0, 4, source="env") == get_rank_info()
    monkeypatch.delenv("RANK")
    assert RankInfo() == get_rank_info()


@pytest.mark.parametrize("variable", sorted(VARIABLES))
@pytest.mark.parametrize("ranks", [(), ("RANK", "OMPI_COMM_WORLD_RANK"), ("SKYPILOT_NODE_RANK",)])
def test_any_variable_is_noticed_when_it_appears_changes_or_goes(monkeypatch, variable, ranks):
    for name in ranks:
        monkeypatch.setenv(name, "1")
    monkeypatch.delenv(variable, raising=False)
    for change in (None, "7", "8", None):
        if change is None:
            monkeypatch.delenv(variable, raising=False)
        else:
            monkeypatch.setenv(variable, change)
        expected = detect(os.environ).info
        assert (expected.is_master, expected) == (is_master(), get_rank_info())
        assert (expected.is_master, expected) == (is_master(), get_rank_info())


def test_rank_is_noticed_where_an_unrelated_variable_goes_for_it(monkeypatch):
    monkeypatch.setenv("UNRELATED", "1")
    assert (True, RankInfo()) == (is_master(), get_rank_info())
    count = len(os.environ)
    monkeypatch.delenv("UNRELATED")
    monkeypatch.setenv("RANK", "7")
    assert count == len(os.environ)
    assert (False, 7) == (is_master(), get_rank_info().rank)


def test_exchanging_one_variable_for_another_is_noticed(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert _bare(1) == get_rank_info()
    monkeypatch.delenv("RANK")
    monkeypatch.setenv("PMIX_RANK", "2")
    assert RankInfo(2, source="pmix") == get_rank_info()
    monkeypatch.delenv("PMIX_RANK")
    monkeypatch.setenv("SKYPILOT_NODE_RANK", "3")
    assert RankInfo(3, node_rank=3, source="skypilot") == get_rank_info()


def test_an_unchanged_environment_is_not_examined_again(monkeypatch):
    monkeypatch.setenv("RANK", "2")
    known = get_rank_info()
    assert known is get_rank_info()
    monkeypatch.setenv("UNRELATED", "1")
    assert known is get_rank_info()
    assert (False, known) == (is_master(), get_rank_info())


def test_a_malformed_variable_counts_as_not_set_and_is_said_once(monkeypatch, capsys):
    monkeypatch.setenv("RANK", "abc")
    assert (None, RankInfo(), True) == (get_node_rank(), get_rank_info(), is_master())
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert (None, RankInfo(), True) == (get_node_rank(), get_rank_info(), is_master())
    assert ("", SAID.format("RANK='abc'")) == tuple(capsys.readouterr())


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, True),
        ({"RANK": "0"}, True),
        ({"RANK": "1"}, False),
        ({"SKYPILOT_NODE_RANK": "0", "RANK": "1", "WORLD_SIZE": "2"}, False),
    ],
)
def test_the_master_is_rank_0_or_a_process_alone(monkeypatch, variables, expected):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert expected is is_master()


def test_an_explicit_rank_holds_until_shutdown(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "4")
    init_logging(rank=3)
    assert (RankInfo(3, 4, source="argument"), "1") == (get_rank_info(), get_node_rank())
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert RankInfo(3, 8, source="argument") == get_rank_info()
    shutdown_logging()
    assert RankInfo(1, 8, source="env") == get_rank_info()


def test_an_explicit_rank_ends_with_a_call_that_gives_none(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    init_logging(rank=3)
    init_logging()
    assert _bare(1) == get_rank_info()
