"""What a training script does: the loops that are timed. All contestants run these lines."""

from __future__ import annotations

import os
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Loop = Callable[[int], Any]
"""Makes a number of calls; may return the CPU and wall seconds that they took."""


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


def paced(loop: Loop, pause_seconds: float = 0.0005) -> Loop:
    """One call at a time, with a pause before each: caches are cold, as in a training step.

    Only the calls are timed.
    """

    def run(count: int) -> tuple[float, float]:
        cpu = wall = 0.0
        for _ in range(count):
            time.sleep(pause_seconds)
            cpu_before, wall_before = time.thread_time(), time.perf_counter()
            loop(1)
            wall += time.perf_counter() - wall_before
            cpu += time.thread_time() - cpu_before
        return cpu, wall

    return run


def in_processes(loop: Loop) -> Loop:
    """The same number of calls, half of them in a forked child."""

    def run(count: int) -> tuple[float, float]:
        cpu, wall = _cpu_of_all(), time.perf_counter()
        child = os.fork()
        if child == 0:
            try:
                loop(count // 2)
            finally:
                os._exit(0)
        loop(count - count // 2)
        os.waitpid(child, 0)
        return _cpu_of_all() - cpu, time.perf_counter() - wall

    return run


def _cpu_of_all() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def line_of(workload: str) -> int:
    """Number of the line that logs."""
    lines = Path(__file__).read_text().splitlines()
    return next(n for n, text in enumerate(lines, 1) if text.endswith(f"# the call: {workload}"))


LOGGER = __name__
"""The logger name that every record must show; loguru takes the same from the caller."""

assert LOGGER in sys.modules  # run as a module, never as a script
