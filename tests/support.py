"""What several tests need: child processes with a deadline, and records of a run."""

import inspect
import logging
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass

import ranklog
from logging_helpers.identity.launchers import VARIABLES

TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Ended:
    """What is left of a child process."""

    code: int
    out: str
    err: str


def run_python(code, *arguments, cwd=None, **variables):
    """Run `code` as a program of its own; see `run_program`."""
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return run_program(command, cwd=cwd, **variables)


def run_program(command, *, cwd=None, **variables):
    """Run a program, in UTC, with no launcher's variables but `variables`."""
    ours = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    for name in ("LOG_LEVEL", "LOG_CONSOLE_RANKS", "NO_COLOR", "FORCE_COLOR"):
        ours.pop(name, None)
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=ours | {"TZ": "UTC"} | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def user_records(run_dir):
    """Records of a run but the project's own banners and ends."""
    return [r for r in ranklog.read(run_dir) if not (r.is_banner or r.is_end)]


def messages(run_dir):
    """Messages of a run's user records."""
    return [record.message for record in user_records(run_dir)]


def the_record(run_dir):
    """The only user record of a run."""
    (record,) = user_records(run_dir)
    return record


def file_names(run_dir):
    """All that is in the run's log directory."""
    return sorted(path.name for path in (run_dir / "logs").iterdir())


def contents(run_dir):
    """Every file under a run directory and its bytes."""
    return {
        str(path.relative_to(run_dir)): path.read_bytes()
        for path in sorted(run_dir.rglob("*"))
        if path.is_file()
    }


def here():
    """Number of the caller's line."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def drop_pytests_handlers():
    """Leave root without handlers; pytest's raise on bad arguments, on purpose."""
    logging.getLogger().handlers.clear()
