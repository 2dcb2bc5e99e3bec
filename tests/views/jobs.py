"""Runs a job of real processes, in which one rank fails."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from logging_helpers.identity.launchers import VARIABLES

PROGRAM = Path(__file__).parents[1] / "programs" / "failing_job.py"
RANKS = 4
FAILING_RANK = 2
TIMEOUT_SECONDS = 40


def run_job(run_dir, how, *, ranks=RANKS):
    """Start the ranks as a launcher does; when `FAILING_RANK` is over, end the others.

    Args:
        run_dir: Where they write.
        how: What happens to that rank, as the program takes it.
        ranks: How many.

    Returns:
        Exit codes by rank.
    """
    meeting = run_dir / f"meeting-{len(list(run_dir.glob('meeting-*')))}"
    meeting.mkdir(parents=True)
    processes = [_start(run_dir, how, meeting, rank, ranks) for rank in range(ranks)]
    try:
        if how == "fine":
            return [one.wait(TIMEOUT_SECONDS) for one in processes]
        if how == "hangs":
            _wait_for((meeting / "hangs").exists)
        else:
            processes[FAILING_RANK].wait(TIMEOUT_SECONDS)
        (meeting / "failed").touch()
        processes[0].wait(TIMEOUT_SECONDS)
        _wait_for(lambda: "Watchdog" in (run_dir / "logs" / "script_1.log").read_text())
        for one in processes:
            if one.poll() is None:
                one.send_signal(signal.SIGTERM)
        return [one.wait(TIMEOUT_SECONDS) for one in processes]
    finally:
        for one in processes:
            one.kill()
            one.wait(TIMEOUT_SECONDS)


def _start(run_dir, how, meeting, rank, ranks):
    environ = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    environ |= {"RANK": str(rank), "WORLD_SIZE": str(ranks), "LOCAL_RANK": str(rank)}
    return subprocess.Popen(
        [sys.executable, PROGRAM, run_dir, how, meeting],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _wait_for(is_so):
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)
