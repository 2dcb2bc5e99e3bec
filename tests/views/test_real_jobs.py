"""What the command says of jobs of real processes, as somebody asks it who was woken for them."""

import pytest
from views.jobs import FAILING_RANK, run_job
from views.runs import ask, objects

import ranklog

OOM = "CUDA out of memory. Tried to allocate 2.00 GiB"


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    """Runs by what happened in them, each run once."""
    ran = {}

    def job(*happenings):
        if happenings not in ran:
            run_dir = tmp_path_factory.mktemp("run")
            codes = [run_job(run_dir, how) for how in happenings]
            ran[happenings] = run_dir, codes[-1]
        return ran[happenings]

    return job


def test_an_exception_is_told_from_its_echoes(jobs):
    run_dir, codes = jobs("benign")
    assert [1, -15, 1, -15] == codes
    failure = ranklog.first_error(run_dir)
    assert (2, "cause", "failed") == (*failure.first[:2], failure.first.status)
    assert failure.first.error.message == f"uncaught RuntimeError: {OOM}"
    assert failure.first.first.message.startswith("retrying download")
    assert {
        0: ("echo", "peer gone", "failed"),
        1: ("echo", "collective timed out", "ended"),
        2: ("cause", None, "failed"),
        3: ("logged", None, "ended"),
    } == {one.rank: (one.kind, one.echo, one.status) for one in failure.ranks}
    answer = ask("first-error", run_dir)
    assert answer.code == 1
    assert answer.lines[0].startswith("rank 2 failed first, ")
    assert answer.lines[1] == f"because of: uncaught RuntimeError: {OOM}"
    assert f"    ! RuntimeError: {OOM}" in answer.lines
    table = answer.lines[answer.lines.index("", 8) :]
    assert [line.split()[0] for line in table[-5:]][:2] == ["rank", "2"]


def test_a_rank_that_was_killed_is_named_though_it_said_nothing(jobs):
    run_dir, codes = jobs("killed")
    assert [1, -15, -9, -15] == codes
    answer = ask("first-error", run_dir)  # at once, before it is silent for long
    assert answer.code == 1
    assert answer.lines[0].startswith("rank 2 died or hangs without a word, last record ")
    assert answer.lines[1] == "last said: step 2"
    assert [(2, "silent")] == [
        (one["rank"], one["status"])
        for one in objects(ask("first-error", run_dir, "--json"))
        if one["is_first"]
    ]


def test_a_segmentation_fault_is_told_with_its_place(jobs):
    run_dir, codes = jobs("segfault")
    assert [1, -15, -11, -15] == codes
    answer = ask("first-error", run_dir)
    assert answer.code == 1
    assert answer.lines[0].startswith("rank 2 failed first, ")
    assert answer.lines[1].startswith(
        "because of: Fatal Python error: Segmentation fault, was at File"
    )
    assert answer.lines[1].endswith("in string_at")
    assert "crashed" == ranklog.silent(run_dir).ranks[FAILING_RANK].status
    # The stacks are shown whole, and are no damage.
    assert "Fatal Python error: Segmentation fault" in answer.lines
    assert any("failing_job.py" in line and line.endswith("in fail") for line in answer.lines)
    assert "" == answer.err


def test_of_a_job_that_hangs_the_rank_that_is_elsewhere_is_shown(jobs):
    run_dir, codes = jobs("hangs")
    assert [1, -15, -15, -15] == codes
    answer = ask("first-error", run_dir)
    assert answer.code == 1
    assert answer.lines[0].startswith("only echoes of a failure were found, the earliest on rank ")
    where = answer.lines[answer.lines.index("where they were when they were ended:") + 1 :]
    assert ["rank 2", "ranks 1,3"] == [line.partition(":")[0].strip() for line in where]
    assert where[0].endswith("in fail")
    assert where[1].endswith("in all_reduce")


def test_a_restart_that_ends_well_leaves_nothing_to_say(jobs):
    run_dir, codes = jobs("segfault", "fine")
    assert [0, 0, 0, 0] == codes
    assert (0, "no errors, and every rank is running or has finished\n") == (
        (answer := ask("first-error", run_dir)).code,
        answer.text,
    )
    silence = ask("silent", run_dir)
    assert (0, "4 finished: 0-3") == (silence.code, silence.lines[-2])
    before = ask("first-error", run_dir, "--attempt", "1")
    assert (1, "because of: Fatal Python error") == (before.code, before.lines[1][:30])
    assert [(rank, attempt) for rank in range(4) for attempt in (1, 2)] == [
        (one.rank, one.attempt) for one in ranklog.ranks(run_dir)
    ]
