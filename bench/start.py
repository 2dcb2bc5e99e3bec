"""What a start costs: import, set-up, first record, and system calls on the run directory.

``python bench/start.py [--rounds N]``. Import: whole interpreters are timed from outside (wall,
and CPU time from ``wait4``), taking turns in an order that shifts by one each round; a bare
interpreter among them shows what is not ours to save. Set-up: each fresh interpreter imports
first, then times itself, so that only the set-up is compared; it gets a directory of its own.
System calls are counted with strace, where there is one.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from calls import clean_environ
from figures import machine, ratios, spread, table, write_section

IMPORT_GOAL = 1.10
SET_UP_GOAL = 1.00
SYSTEM_CALLS_GOAL = 8

_IMPORTS = {
    "package": "import logging_helpers",
    # Names are loaded when first asked for.
    "names": "from logging_helpers import init_logging, log_master",
    "loguru": "import loguru",
    "logging": "import logging",
    "bare": "pass",
}

_TIMED = """
import logging, sys, time
{imports}
directory = sys.argv[1]
cpu, wall = time.process_time(), time.perf_counter()
{set_up}
cpu_1, wall_1 = time.process_time(), time.perf_counter()
{record}
cpu_2, wall_2 = time.process_time(), time.perf_counter()
print(cpu_1 - cpu, wall_1 - wall, cpu_2 - cpu, wall_2 - wall)
"""
_SET_UPS = {
    "ranklog": _TIMED.format(
        imports="from logging_helpers import init_logging",
        set_up="init_logging(run_dir=directory)",
        record="logging.getLogger('train.loop').info('step %d', 1)",
    ),
    "loguru": _TIMED.format(
        imports="from loguru import logger",
        set_up="logger.remove(); logger.add(sys.stderr);"
        " logger.add(directory + '/logs/script.log', rotation='100 MB')",
        record="logger.info('step {}', 1)",
    ),
}

# _exit, because what the end of a process writes is not counted.
_START = """
import os, sys, logging_helpers
logging_helpers.init_logging(run_dir=sys.argv[1])
os._exit(0)
"""


class Cost(NamedTuple):
    """Seconds of one process."""

    wall: float
    user: float
    cpu: float


def run_timed(code: str, console: int) -> Cost:
    """Run an interpreter and time it from outside."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code], stderr=console, env=clean_environ({}))
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{code!r} failed")
    return Cost(wall, usage.ru_utime, usage.ru_utime + usage.ru_stime)


def measure_imports(rounds: int, console: int) -> dict[str, list[Cost]]:
    costs: dict[str, list[Cost]] = {name: [] for name in _IMPORTS}
    for code in _IMPORTS.values():
        run_timed(code, console)  # writes what is to be compiled, once
    for turn in range(rounds):
        for name in _rotated(_IMPORTS, turn):
            costs[name].append(run_timed(_IMPORTS[name], console))
    return costs


def _rotated(names: Iterable[str], turn: int) -> list[str]:
    order = list(names)
    first = turn % len(order)
    return order[first:] + order[:first]


def render_imports(costs: dict[str, list[Cost]]) -> str:
    names, loguru, bare = costs["names"], costs["loguru"], costs["bare"]
    rows = []
    for name, ours in costs.items():
        is_ours = name in ("package", "names")
        whole = [
            spread(ratios(_column(ours, i), _column(loguru, i))) if is_ours else ""
            for i in range(3)
        ]
        rows.append(
            (
                f"`{_IMPORTS[name]}`",
                *(spread([v * 1e3 for v in _column(ours, i)], 1) for i in range(3)),
                *whole,
                f"goal ≤ {IMPORT_GOAL:.2f}" if is_ours else "",
            )
        )
    text = table(("", "wall ms", "user ms", "CPU ms", "it ÷ loguru, wall", "user", "CPU", ""), rows)
    net = [
        spread(
            [
                (a - c) / (b - c)
                for a, b, c in zip(
                    _column(names, i), _column(loguru, i), _column(bare, i), strict=True
                )
            ]
        )
        for i in range(3)
    ]
    return (
        f"### Import, whole interpreters\n\n{text}\n\n"
        "Without the bare interpreter's share, the names ÷ loguru:"
        f" wall {net[0]}, user {net[1]}, CPU {net[2]}."
    )


def _column(costs: Sequence[Cost], index: int) -> list[float]:
    return [cost[index] for cost in costs]


def measure_set_up(
    rounds: int, console: int, parent: Path, *, is_fresh: bool
) -> dict[str, list[list[float]]]:
    """CPU and wall time of set-up, then of set-up and first record, per round."""
    figures: dict[str, list[list[float]]] = {name: [] for name in _SET_UPS}
    for turn in range(rounds):
        for name in _rotated(_SET_UPS, turn):
            directory = parent / name
            if is_fresh:
                shutil.rmtree(directory, ignore_errors=True)
            answer = subprocess.run(
                [sys.executable, "-c", _SET_UPS[name], str(directory)],
                stdout=subprocess.PIPE,
                stderr=console,
                check=True,
                env=clean_environ({}),
            ).stdout
            figures[name].append([float(value) * 1e3 for value in answer.split()])
    return figures


def render_set_up(title: str, figures: dict[str, list[list[float]]]) -> str:
    rows = []
    for index, what in enumerate(
        ("set-up, CPU", "set-up, wall", "to first record, CPU", "to first record, wall")
    ):
        ours, loguru = ([round_[index] for round_ in figures[name]] for name in _SET_UPS)
        goal = f"≤ {SET_UP_GOAL:.2f}" if index < 2 else ""
        rows.append((what, spread(ours), spread(loguru), spread(ratios(ours, loguru)), goal))
    header = ("", "ranklog ms", "loguru's two sinks ms", "ratio", "goal")
    return f"### Console and file set up, {title}\n\n{table(header, rows)}"


def system_calls(run_dir: Path, trace: Path) -> list[str]:
    """System calls that name `run_dir` or a descriptor in it, of one rank's start."""
    subprocess.run(
        # -y shows the path behind each descriptor.
        ["strace", "-f", "-y", "-s", "40", "-o", trace, sys.executable, "-c", _START, run_dir],
        check=True,
        stderr=subprocess.DEVNULL,
        env=clean_environ({}),
    )
    calls = [
        re.sub(r"^\d+\s+", "", line)
        for line in trace.read_text().splitlines()
        if str(run_dir) in line and "execve(" not in line
    ]
    # Where the benchmark was started is nobody's business.
    return [
        re.sub(r"AT_FDCWD<[^>]*>", "AT_FDCWD", call).replace(str(run_dir), "RUN") for call in calls
    ]


def render_system_calls(parent: Path) -> str:
    cases = []
    trace = parent / "trace.txt"
    run_dir = parent / "runs" / "job"
    title = "run_dir and the directory above it are missing"
    cases.append((title, system_calls(run_dir, trace)))
    cases.append(("a restart, in the rank's file", system_calls(run_dir, trace)))
    log = run_dir / "logs" / "script_3.log"
    log.write_bytes(log.read_bytes()[:-5])
    cases.append(
        ("a restart after a crash in the middle of a record", system_calls(run_dir, trace))
    )
    log.unlink()
    cases.append(("run_dir/logs is there, the rank's file is not", system_calls(run_dir, trace)))
    rows = [(title, str(len(calls)), f"≤ {SYSTEM_CALLS_GOAL}") for title, calls in cases]
    listing = "\n\n".join(
        f"{title}:\n\n```\n" + "\n".join(calls) + "\n```" for title, calls in cases
    )
    summary = table(("at the start of one rank", "calls", "goal"), rows)
    return f"### System calls on run_dir\n\n{summary}\n\n{listing}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=41, help="interleaved rounds [%(default)s]")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="ranklog-bench-") as name:
        parent = Path(name)
        with (parent / "console.txt").open("wb") as console:
            parts = [render_imports(measure_imports(rounds, console.fileno()))]
            for title, is_fresh in (("fresh directory", True), ("directory is there", False)):
                figures = measure_set_up(rounds, console.fileno(), parent, is_fresh=is_fresh)
                parts.append(render_set_up(title, figures))
        if shutil.which("strace"):
            parts.append(render_system_calls(parent))
        else:
            parts.append("System calls: not counted, there is no strace.")
    head = f"## Cost of a start (`bench/start.py`, {rounds} rounds)"
    write_section("start", f"{head}\n\n{machine(('ranklog', 'loguru'))}\n\n" + "\n\n".join(parts))


if __name__ == "__main__":
    main()
