"""Whether a record costs more after many: ``python bench/growth.py [--records 10000000]``.

Each contestant makes all the records in one process, a part of them at a time, all taking
turns as in `calls.py`, and rotates its file a thousand times on the way. Compared are the cost
of the last tenth of the records with that of the first, and the memory after each. A machine
does not stay as fast as it is for ten minutes: what counts is the cost in parts of stdlib's in
the same turns. Old pieces are deleted, so that ten million records need some hundred megabytes
of disk.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from calls import PACKAGES, Worker
from figures import machine, ratios, spread, table, write_section
from scenarios import SCENARIOS

SCENARIO = "growth"
ROTATIONS = 1000
PARTS = 100
_BYTES_PER_RECORD = 90


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--records", type=int, default=10_000_000, help="[%(default)s]")
    records = parser.parse_args().records
    os.environ["RANKLOG_BENCH_MAX_BYTES"] = str(records * _BYTES_PER_RECORD // ROTATIONS)
    with tempfile.TemporaryDirectory(prefix="ranklog-bench-") as name:
        workers = _run(records // PARTS, Path(name))
    rows = []
    control = workers[-1][0]  # stdlib's
    tenth = PARTS // 10
    for worker, first_kib in workers:
        first, last = worker.cpu[:tenth], worker.cpu[-tenth:]
        growth = ratios(last, first)
        against = ratios(worker.cpu, control.cpu)
        relative = ratios(against[-tenth:], against[:tenth])
        memory = f"{first_kib / 1024:.1f} → {worker.resident_kib / 1024:.1f}"
        goal = "" if worker.contestant.goal is None else f"≤ {worker.contestant.goal:.2f}"
        cells = (spread(first, 1), spread(last, 1), spread(growth), spread(relative), goal, memory)
        rows.append((worker.contestant.name, *cells, worker.contestant.remark))
    header = ("", "CPU µs, first tenth", "last tenth", "last ÷ first", "the same of stdlib's cost")
    header += ("goal", "MiB", "")
    head = f"## Growth over {records:,} records and {ROTATIONS:,} rotations (`bench/growth.py`)"
    text = f"{head}\n\n{machine(PACKAGES)}\n\n{table(header, rows)}"
    write_section("growth", text)


def _run(calls: int, directory: Path) -> list[tuple[Worker, int]]:
    """All parts, in turn; each worker with its memory after the first, in KiB."""
    workers = []
    try:
        for number in range(len(SCENARIOS[SCENARIO].contestants)):
            workers.append(Worker(SCENARIO, number, directory))
        for worker in workers:
            worker.wait_until_ready()
        first_kib = []
        for part in range(PARTS):
            print(f"part {part + 1} of {PARTS}", file=sys.stderr, flush=True)
            for worker in workers:
                worker.run_round(calls)
            if part == 0:
                first_kib = [worker.resident_kib for worker in workers]
        for worker in workers:
            worker.end()
    except BaseException:
        for worker in workers:
            worker.kill()
        raise
    return list(zip(workers, first_kib, strict=True))


if __name__ == "__main__":
    main()
