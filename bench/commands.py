"""Runs whole commands in turns: wall time, CPU time and memory of each."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Command:
    """A contestant.

    Attributes:
        name: As tables show it.
        words: The command line.
        environ: Variables beside our own.
        rounds: In how many rounds it takes part, the first ones; ``None`` for all.
        limit_files: How many files it may have open, as ``ulimit -n`` sets it.
        wall: Seconds, by round.
        cpu: The same of user and system time together.
        peak_mib: Largest resident set, of a run of its own; see `measure_peak`.
    """

    name: str
    words: Sequence[str | os.PathLike[str]]
    environ: Mapping[str, str] = field(default_factory=dict)
    rounds: int | None = None
    limit_files: int | None = None
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak_mib: float = 0.0

    def run(self, out: Path) -> None:
        """Run it once, its output into a file that is there already."""

        def limit() -> None:
            if self.limit_files is not None:
                both = (self.limit_files, self.limit_files)
                resource.setrlimit(resource.RLIMIT_NOFILE, both)

        with open(out, "wb") as stream:
            begin = time.perf_counter()
            process = subprocess.Popen(
                [os.fspath(word) for word in self.words],
                stdout=stream,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "LC_ALL": "C", **self.environ},
                preexec_fn=limit,
            )
            _, _, usage = os.wait4(process.pid, 0)
            self.wall.append(time.perf_counter() - begin)
        process.returncode = 0  # waited for above
        self.cpu.append(usage.ru_utime + usage.ru_stime)

    def measure_peak(self) -> None:
        """Run it once more, below a small process: a child begins with the size of its parent."""
        program = (
            "import resource, subprocess, sys\n"
            "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        command = [sys.executable, "-c", program, *map(os.fspath, self.words)]
        environ = {**os.environ, "LC_ALL": "C", **self.environ}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
        self.peak_mib = int(done.stdout) / 1024


def take_turns(commands: Sequence[Command], out: Path, rounds: int) -> None:
    """Run all of them in each round, in an order that shifts by one.

    The first round warms the page cache up and does not count.
    """
    for number in range(rounds + 1):
        for place in range(len(commands)):
            command = commands[(place + number) % len(commands)]
            if command.rounds is None or number <= command.rounds:
                command.run(out)
        if number == 0:
            for command in commands:
                command.wall.clear()
                command.cpu.clear()
