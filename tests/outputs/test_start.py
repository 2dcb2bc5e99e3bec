"""A thousand ranks start on one shared directory: what a start asks of it is counted."""

import shutil
import subprocess
import sys

import pytest
from rank_files import line

MOST_CALLS = 8
# _exit, because what the end of a process writes is not counted.
START = """
import os, sys, logging_helpers
logging_helpers.init_logging(run_dir=sys.argv[1])
os._exit(0)
"""


def with_logs(run_dir):
    (run_dir / "logs").mkdir(parents=True)


def with_parent(run_dir):
    run_dir.parent.mkdir()


def with_file(run_dir, content):
    with_logs(run_dir)
    (run_dir / "logs" / "script.log").write_bytes(content)


CASES = {
    "the directory above run_dir is missing": lambda run_dir: None,
    "run_dir is missing": with_parent,
    "logs is missing": lambda run_dir: run_dir.mkdir(parents=True),
    "the rank's file is missing": with_logs,
    "a restart": lambda run_dir: with_file(run_dir, line("whole")),
    "a restart after a kill within a write": lambda run_dir: with_file(run_dir, b"2026"),
}


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace counts system calls")
@pytest.mark.parametrize("prepare", CASES.values(), ids=CASES.keys())
def test_a_start_makes_few_system_calls_on_the_run_directory(tmp_path, child_environment, prepare):
    run_dir, trace = tmp_path / "runs" / "job", tmp_path / "trace"
    prepare(run_dir)
    command = ["strace", "-f", "-y", "-o", str(trace), sys.executable, "-c", START, str(run_dir)]
    subprocess.run(command, env=child_environment, check=True, timeout=60)
    calls = [
        call
        for call in trace.read_text().splitlines()
        if str(run_dir) in call and "execve(" not in call
    ]
    assert 0 < len(calls) <= MOST_CALLS, "\n".join(calls)
