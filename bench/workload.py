"""What a training script does: the loops that are timed. All contestants run these lines."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

Loop = Callable[[int], None]


def percent(logger: Any) -> Loop:
    def train_step(count: int) -> None:
        for i in range(count):
            logger.info("step %d loss %.4f", i, 0.12345)  # the call: percent

    return train_step


def braces(logger: Any) -> Loop:
    def train_step(count: int) -> None:
        for i in range(count):
            logger.info("step {} loss {:.4f}", i, 0.12345)  # the call: braces

    return train_step


def disabled(logger: Any) -> Loop:
    def train_step(count: int) -> None:
        for i in range(count):
            logger.debug("step %d loss %.4f", i, 0.12345)

    return train_step


def extras(logger: Any) -> Loop:
    def train_step(count: int) -> None:
        for i in range(count):
            fields = {"epoch": 3, "batch": i}
            logger.info("step %d loss %.4f", i, 0.12345, extra=fields)  # the call: extras

    return train_step


def bound_extras(logger: Any) -> Loop:
    def train_step(count: int) -> None:
        for i in range(count):
            bound = logger.bind(epoch=3, batch=i)
            bound.info("step {} loss {:.4f}", i, 0.12345)  # the call: bound_extras

    return train_step


def exceptions(logger: Any) -> Loop:
    def train_step(count: int) -> None:
        for _ in range(count):
            try:
                _outer(0)
            except ZeroDivisionError:
                logger.exception("step 7 failed")  # the call: exceptions

    return train_step


def _outer(zero: int) -> float:
    return _middle(zero)


def _middle(zero: int) -> float:
    return _inner(zero)


def _inner(zero: int) -> float:
    return 1 / zero


def suppressed(log: Callable[[str], None]) -> Loop:
    def train_step(count: int) -> None:
        for _ in range(count):
            log("checkpoint written")

    return train_step


def in_threads(loop: Loop, threads: int = 4) -> Loop:
    """The same number of calls, spread over threads."""

    def run(count: int) -> None:
        workers = [
            threading.Thread(target=loop, args=(count // threads,), name=f"t{n}")
            for n in range(threads)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    return run


def line_of(workload: str) -> int:
    """Number of the line that logs."""
    lines = Path(__file__).read_text().splitlines()
    return next(n for n, text in enumerate(lines, 1) if text.endswith(f"# the call: {workload}"))


LOGGER = __name__
"""The logger name that every record must show; loguru takes the same from the caller."""

assert LOGGER in sys.modules  # run as a module, never as a script
