"""What a log call costs, beside its peers: ``python bench/calls.py [SCENARIO ...]``.

Each contestant runs in a process of its own, because root logger and loguru are one per
process and contestants would share handlers. The processes live for the whole scenario and
take turns: in each round every one makes its calls, in an order that shifts by one from round
to round, while the others wait for a line on their pipe. CPU time is the process's own, all
threads, user and system; so a busy machine disturbs it little, and ratios are taken within a
round. The console is standard error, a file on the same disk for all.

Afterwards each contestant's output is counted and searched for every field.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from checks import faults
from figures import machine, ratios, spread, table, write_section
from scenarios import SCENARIOS, Contestant, Scenario

PACKAGES = (
    "ranklog",
    "loguru",
    "picologging",
    "concurrent-log-handler",
    "structlog",
    "logxide",
    "accelerate",
)
_WARM_UP_CALLS = 200
_WORKER = Path(__file__).with_name("worker.py")
# Nothing of the launcher that started us, should there be one.
_PASSED_ON = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH"),
    "RANKLOG_BENCH_MAX_BYTES",
)
_RANK_3 = {"RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "3"}


class Worker:
    """A contestant's process."""

    def __init__(self, scenario: str, number: int, directory: Path) -> None:
        self.contestant = SCENARIOS[scenario].contestants[number]
        self.directory = directory / str(number)
        self.directory.mkdir()
        self.console = directory / f"console_{number}.txt"
        self.calls = 0
        self.resident_kib = 0
        self.cpu: list[float] = []
        self.wall: list[float] = []
        with self.console.open("wb") as console:
            self._process = subprocess.Popen(
                [sys.executable, str(_WORKER), scenario, str(number), str(self.directory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=console,
                text=True,
                env=clean_environ(self.contestant.environ),
            )

    def end(self) -> None:
        """Let it write out what it holds, and end."""
        self._process.communicate(timeout=60)

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def wait_until_ready(self) -> None:
        self._answer()
        self._run(_WARM_UP_CALLS)

    def run_round(self, calls: int) -> None:
        cpu, wall = self._run(calls)
        self.cpu.append(cpu / calls * 1e6)
        self.wall.append(wall / calls * 1e6)

    def _run(self, calls: int) -> tuple[float, float]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{calls}\n")
        self._process.stdin.flush()
        self.calls += calls
        cpu, wall, resident_kib = map(float, self._answer().split())
        self.resident_kib = round(resident_kib)
        return cpu, wall

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.contestant.name} died: {self.console.read_text()[-2000:]}")
        return line


def clean_environ(more: Mapping[str, str]) -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {**passed_on, **_RANK_3, **more}


def run(name: str, rounds: int, directory: Path) -> list[Worker]:
    """All rounds of a scenario; the workers have ended when it returns."""
    scenario = SCENARIOS[name]
    workers: list[Worker] = []
    try:
        for number, contestant in enumerate(scenario.contestants):
            if contestant.can_run:
                workers.append(Worker(name, number, directory))
        for worker in workers:
            worker.wait_until_ready()
        for turn in range(rounds):
            first = turn % len(workers)
            for worker in workers[first:] + workers[:first]:
                worker.run_round(scenario.calls)
        for worker in workers:
            worker.end()
    except BaseException:
        for worker in workers:
            worker.kill()
        raise
    return workers


def render(scenario: Scenario, workers: list[Worker]) -> str:
    subject = workers[0]
    digits = 1 if scenario.has_file else 2
    rows = []
    for worker in workers:
        cpu, wall = ratios(subject.cpu, worker.cpu), ratios(subject.wall, worker.wall)
        remarks = faults(
            scenario, worker.contestant, worker.directory, worker.console, worker.calls
        )
        rows.append(
            (
                worker.contestant.name,
                spread(worker.cpu, digits),
                f"{worker.resident_kib / 1024:.1f}",
                "1" if worker is subject else spread(cpu),
                _goal(worker.contestant),
                "1" if worker is subject else spread(wall),
                "; ".join(filter(None, [worker.contestant.remark, *remarks])),
            )
        )
    header = (
        "",
        "CPU µs per call (10–90 %)",  # noqa: RUF001 - a range
        "MiB",
        "ranklog ÷ it",
        "goal",
        "the same, wall",
        "",
    )
    absent = [one.module for one in scenario.contestants if not one.can_run]
    note = f"\n\nNot for this Python: {', '.join(absent)}." if absent else ""
    return f"### {scenario.title}\n\n{table(header, rows)}{note}"


def _goal(contestant: Contestant) -> str:
    return "" if contestant.goal is None else f"≤ {contestant.goal:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("scenario", nargs="*", help=f"of {', '.join(SCENARIOS)}; default: all")
    parser.add_argument("--save", action="store_true", help="write some scenarios to the page")
    parser.add_argument("--rounds", type=int, default=41, help="interleaved rounds [%(default)s]")
    arguments = parser.parse_args()
    names = arguments.scenario or [name for name in SCENARIOS if name != "growth"]
    if unknown := set(names) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    parts = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="ranklog-bench-") as directory:
            print(f"{name} …", file=sys.stderr, flush=True)
            workers = run(name, arguments.rounds, Path(directory))
            parts.append(render(SCENARIOS[name], workers))
    text = "\n\n".join(parts)
    python = ".".join(map(str, sys.version_info[:2]))
    if arguments.save:
        head = f"## The same on Python {python} ({arguments.rounds} rounds)"
        write_section(f"calls-{python}", f"{head}\n\n{machine(PACKAGES)}\n\n{text}")
    elif arguments.scenario:
        print(text)  # part of a run does not replace the page
    else:
        head = f"## Cost of a log call (`bench/calls.py`, {arguments.rounds} rounds)"
        write_section("calls", f"{head}\n\n{machine(PACKAGES)}\n\n{text}")


if __name__ == "__main__":
    main()
