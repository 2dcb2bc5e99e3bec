"""One contestant in a process of its own: reads numbers of calls, answers with the time they took.

Started by `calls.py`: ``python worker.py SCENARIO NUMBER DIRECTORY``. Its standard error is a
file, the console of every contestant.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from scenarios import SCENARIOS, loop_of


def main(name: str, number: str, directory: str) -> None:
    scenario = SCENARIOS[name]
    loop = loop_of(scenario, scenario.contestants[int(number)], Path(directory))
    print("ready", flush=True)
    for line in sys.stdin:
        count = int(line)
        cpu, wall = time.process_time(), time.perf_counter()
        own_times = loop(count)
        cpu, wall = own_times or (time.process_time() - cpu, time.perf_counter() - wall)
        print(cpu, wall, _resident_kib(), flush=True)


def _resident_kib() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


if __name__ == "__main__":
    main(*sys.argv[1:])
