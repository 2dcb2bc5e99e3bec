"""A run that holds everything: levels, tracebacks, rotated pieces, a death in C code."""

from __future__ import annotations

import gzip
import random
from datetime import timedelta
from pathlib import Path

from strategies import HEADER, TIME, banner, end, record

from ranklog import Record
from ranklog.line_format import Layout, encode

RANKS = (None, 1, 2, 10)
PIECES = (".20261005T235001.000000Z{}.gz", ".20261005T235002.000000Z{}", "{}")
LEVELS = (
    *("TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"),
    *(f"Level {number}" for number in (5, 15, 24, 25, 35, 45, 50, 1000)),
    *("BATCH", "ERROR OF MINE"),
)
MESSAGES = (
    "plain",
    "",
    " - a - b",
    "one\ntwo\n\nfour",
    f"\n{HEADER}",
    "    | a\n    ! b\n    = {}\n    ~ cut",
    "日本 \x1b[31mred\x1b[0m \\x1b",
    '"}\n{"timestamp":"',
)
TRACEBACK = f"Traceback (most recent call last):\n  File 'x.py', line 1\nValueError: bad\n{HEADER}"
CHILD_PID = 7
STACK = 'Fatal Python error: Segmentation fault\n\nThread 0x1 [x]:\n  File "x.py", line 1 in f\n'


def records_of(rank: int | None) -> list[Record]:
    """A rank's records, every one with a message of its own; some stand a little out of order."""
    chance = random.Random(rank or 0)
    shared = TIME + timedelta(milliseconds=5)  # to the microsecond the same in all ranks
    pid = 100 + (rank or 0)
    found = [banner(pid, time=TIME, rank=rank, pid=pid)]
    for number, level in enumerate(LEVELS * 8, 1):
        # No two in a millisecond, which is all that lnav 0.11 can tell apart.
        time = shared + timedelta(microseconds=2000 * number + chance.randrange(1000))
        is_error = level in ("ERROR", "CRITICAL", "Level 45")
        found.append(
            record(
                time=shared if number == 1 else time,
                level=level,
                rank=rank,
                pid=pid if number % 5 else CHILD_PID,
                logger="train.loop" if number % 7 else "a b:c|d",
                function="run_step" if number % 3 else "<module>",
                line=number,
                message=f"{number} {MESSAGES[number % len(MESSAGES)]}",
                exception=TRACEBACK if is_error else None,
                extra={} if number % 2 else {"epoch": number, "names": ["a b", "日本"]},
            )
        )
    for place in range(10, 100, 9):
        found.insert(place + 3, found.pop(place))
    found.append(end(time=shared + timedelta(seconds=9), rank=rank, pid=pid))
    return found


def write_run(logs: Path, layout: Layout) -> Path:
    """The files of all ranks, each in three pieces; the last rank dies in C code."""
    logs.mkdir(parents=True)
    for rank in RANKS:
        records = records_of(rank)
        stem = f"script_{rank}" if rank else "script"
        for number, name in enumerate(PIECES):
            some = records[number * 50 : (number + 1) * 50] if number < 2 else records[100:]
            data = b"".join(encode(one, layout, is_child=one.pid == CHILD_PID) for one in some)
            path = logs / (stem + name.format(layout.suffix))
            path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    if layout.name == "text":
        with path.open("a") as file:
            file.write(STACK)
    return logs
