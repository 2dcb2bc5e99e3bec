"""Real failures of ranks under torchrun and gloo: `ranklog first-error` names the right one."""

import pytest
from launchers.expected import PROGRAMS
from launchers.launching import run, torchrun

import ranklog

pytestmark = pytest.mark.launchers

FAILING_RANK = 2
EXPECTED = {
    "raises": ("cause", "failed", "uncaught RuntimeError: CUDA out of memory"),
    "killed": ("no word", "silent", None),
    "segfault": ("cause", "crashed", None),
    "exits": ("cause", "finished", "bad batch"),
    "hangs": ("echo", "ended", None),
}


@pytest.mark.parametrize(("how", "expected"), EXPECTED.items(), ids=EXPECTED)
def test_the_rank_that_failed_is_told_from_those_that_failed_for_it(tmp_path, how, expected):
    arguments = [PROGRAMS / "failing.py", "run", how, FAILING_RANK, 6 if how == "hangs" else 60]
    command = torchrun("--standalone", "--nproc-per-node=4", *arguments)
    finished = run(command, tmp_path, timeout_seconds=100)
    assert finished.code == 1, finished
    failure = ranklog.first_error(tmp_path / "run")
    first = failure.first
    message = None if first.error is None else first.error.message
    assert (FAILING_RANK, *expected) == (first.rank, first.kind, first.status, message)
    others = {one.rank: one.kind for one in failure.ranks if one.rank != FAILING_RANK}
    assert {0: "echo", 1: "echo", 3: "echo"} == others
