"""What it costs that several processes may share a rank's file. Writes to `results.md`.

Two questions: how much a record costs more because each write asks whether the file has to
be rotated or was taken away; and whether processes on one file are slower than on their own.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from figures import machine, ratios, spread, table, write_section

from logging_helpers import init_logging, shutdown_logging
from logging_helpers.outputs.rank_file import RankFile
from logging_helpers.settings.resolve import Rotation
from ranklog.line_format import TextLayout

ROUNDS = 61
CALLS = 2000
PROCESSES = 8
RECORDS = 10_000
PROCESS_ROUNDS = 9
LINE = b"2026-10-05 23:50:00.123456+00:00 | INFO     | r0000 | train:step:7 - step 72 loss 0.1234\n"


def _write_unchecked(self: RankFile, data: bytes) -> None:
    """The same sink for a file that is never shared, rotated or taken away."""
    try:
        if self._episode is not None:
            self._recover()
        written = os.write(self._descriptor, data)
        if written != len(data):
            self._write_again(data, written)
    except OSError as error:
        self._lose(data, error)


def _seconds(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _call() -> None:
    logger = logging.getLogger("train")
    for i in range(CALLS):
        logger.info("step %d loss %.4f", i, 0.12345)


def _compare(rounds: int, once: Callable[[], float]) -> tuple[list[float], list[float]]:
    """Seconds with the check and without it, in turns."""
    checked_write = RankFile.write
    checked: list[float] = []
    unchecked: list[float] = []
    try:
        for number in range(2 * rounds):
            is_checked = number % 4 in (0, 3)  # neither is always the first
            RankFile.write = checked_write if is_checked else _write_unchecked  # type: ignore[method-assign]
            (checked if is_checked else unchecked).append(once())
    finally:
        RankFile.write = checked_write  # type: ignore[method-assign]
    return checked, unchecked


def cost_of_the_check(directory: str) -> list[list[str]]:
    """Rows of a table."""
    with open(os.devnull, "w") as console:
        init_logging(run_dir=Path(directory, "calls"), stream=console, console_ranks="7", rank=0)
        _call()
        calls = _compare(ROUNDS, lambda: _seconds(_call))
        shutdown_logging()
    file = _rank_file(Path(directory, "writes"), 0)
    writes = _compare(ROUNDS, lambda: _seconds(lambda: [file.write(LINE) for _ in range(CALLS)]))
    return [
        [
            name,
            f"{statistics.median(checked) / CALLS * 1e6:.2f}",
            f"{statistics.median(unchecked) / CALLS * 1e6:.2f}",
            spread(ratios(checked, unchecked), 3),
        ]
        for name, (checked, unchecked) in (
            ("`logger.info`, file only", calls),
            ("`RankFile.write` alone", writes),
        )
    ]


def _rank_file(directory: Path, rank: int) -> RankFile:
    return RankFile(
        str(directory), rank, TextLayout(), Rotation(100_000_000), lambda text: text.encode()
    )


def _write_only(directory: Path, rank: int) -> Callable[[], None]:
    file = _rank_file(directory / "logs", rank)

    def work() -> None:
        for _ in range(RECORDS):
            file.write(LINE)

    return work


def _log(directory: Path, rank: int) -> Callable[[], None]:
    init_logging(run_dir=directory, rank=rank, console_ranks=str(PROCESSES))  # of none of these
    logger = logging.getLogger("train")

    def work() -> None:
        for i in range(RECORDS):
            logger.info("step %d loss %.4f", i, 0.12345)

    return work


def _throughput(
    directory: Path, prepare: Callable[[Path, int], Callable[[], None]], *, is_shared: bool
) -> float:
    """Records per second of all processes together."""
    go_read, go = os.pipe()
    done_read, done = os.pipe()
    children = []
    for number in range(PROCESSES):
        child = os.fork()
        if child == 0:
            try:
                os.close(go)
                work = prepare(directory, 0 if is_shared else number)
                os.write(done, b".")
                os.read(go_read, 1)  # until the parent closes its end: all begin together
                work()
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    ready = 0
    while ready < PROCESSES:
        ready += len(os.read(done_read, PROCESSES))
    begin = time.perf_counter()
    os.close(go)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    seconds = time.perf_counter() - begin
    for descriptor in (go_read, done_read, done):
        os.close(descriptor)
    logs = [path for path in (directory / "logs").iterdir() if path.suffix == ".log"]
    stepped = sum(path.read_bytes().count(b" - step ") for path in logs)
    assert stepped == PROCESSES * RECORDS, stepped
    return PROCESSES * RECORDS / seconds


def one_file_or_many(
    directory: str, prepare: Callable[[Path, int], Callable[[], None]]
) -> list[str]:
    """A row of a table: records per second on one file and on one for each process, in turns."""
    one: list[float] = []
    many: list[float] = []
    for number in range(2 * PROCESS_ROUNDS):
        is_shared = number % 4 in (0, 3)
        with tempfile.TemporaryDirectory(dir=directory) as run_dir:
            found = _throughput(Path(run_dir), prepare, is_shared=is_shared)
        (one if is_shared else many).append(found)
    return [
        f"{statistics.median(one) / 1000:.0f}",
        f"{statistics.median(many) / 1000:.0f}",
        spread(ratios(one, many)),
    ]


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--directory", help="where to write, such as a network file system")
    with tempfile.TemporaryDirectory(dir=parser.parse_args().directory) as directory:
        rows = cost_of_the_check(directory)
        sharing = [
            ["`logger.info`, file only", *one_file_or_many(directory, _log)],
            ["`RankFile.write` alone", *one_file_or_many(directory, _write_only)],
        ]
    text = "\n\n".join(
        (
            "## What sharing a file costs",
            machine(["ranklog", "loguru"]),
            f"µs per record, median of {ROUNDS} rounds of {CALLS:,} records in turns; in brackets"
            " the middle 80 % of rounds. The limit is 1.10.",
            table(["", "with the check", "without", "ratio"], rows),
            f"{PROCESSES} processes, {RECORDS:,} records of {len(LINE)} bytes each, thousand"
            f" records per second of all together, {PROCESS_ROUNDS} rounds in turns. At least"
            " 0.80 is wanted.",
            table(
                ["", "one file", "eight files", "ratio"],
                sharing,
            ),
        )
    )
    write_section("sharing", text)


if __name__ == "__main__":
    main()
