"""Programs that fail, and what is left of them."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap

import ranklog
from logging_helpers.identity.launchers import VARIABLES
from ranklog.line_format import Damage

TIMEOUT_SECONDS = 60
START = """\
import ctypes, faulthandler, logging, os, signal, sys, threading, time
import logging_helpers
from logging_helpers import init_logging, shutdown_logging
run_dir = sys.argv[1]

def ready():
    os.write(1, b"ready\\n")
"""
NOT_OURS = (*VARIABLES, "LOG_LEVEL", "LOG_CONSOLE_RANKS", "PYTHONFAULTHANDLER")


@contextlib.contextmanager
def started(code, run_dir, **variables):
    """A program that has said that it is ready; ended when the block is left."""
    environ = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    command = [sys.executable, "-c", START + textwrap.dedent(code), str(run_dir)]
    process = subprocess.Popen(
        command,
        env=environ | variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=TIMEOUT_SECONDS)


def wait_until_ready(process):
    assert process.stdout.readline() == "ready\n", process.communicate(timeout=TIMEOUT_SECONDS)[1]


def ended_by(number, code, run_dir, **variables):
    """Send a signal to a program that is ready: its exit code, output and stderr."""
    with started(code, run_dir, **variables) as process:
        wait_until_ready(process)
        process.send_signal(number)
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
        return process.returncode, out, err


def terminated(code, run_dir, **variables):
    return ended_by(signal.SIGTERM, code, run_dir, **variables)


def run(code, run_dir, **variables):
    """Run a program to its end: its exit code, output and stderr."""
    with started(code, run_dir, **variables) as process:
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
        return process.returncode, out, err


def log_text(run_dir, name="script.log"):
    return (run_dir / "logs" / name).read_text()


def user_messages(run_dir):
    """What the reader makes of a run with raw lines in it: no record may be missing."""
    damage = Damage()
    found = ranklog.read(run_dir, damage=damage)
    kept = [record.message for record in found if not (record.is_banner or record.is_end)]
    assert damage.cut_records == 0
    return kept
