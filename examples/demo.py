"""The main job, as `make demo` runs it: the data pipeline as four ranks, then a look at its logs.

    python examples/demo.py

Run again, it appends to the same files under ``runs/demo`` in the checkout.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path

from launch_ranks import launch

from ranklog import Record, read

EXAMPLES = Path(__file__).resolve().parent
SHOWN_RECORDS = 12


def shown(path: Path) -> str:
    """A path as a person would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def list_files(logs: Path, started: datetime) -> None:
    """Print size and number of records of each file, in all runs and in this one."""
    print(f"\nFiles in {shown(logs)}:")
    print(f"  {'file':<16}{'bytes':>10}{'records':>10}{'this run':>10}   levels of this run")
    for path in sorted(logs.iterdir(), key=lambda path: (len(path.name), path.name)):
        records = list(read(path))
        levels = Counter(record.level for record in records if record.time >= started)
        of_levels = ", ".join(f"{count} {level}" for level, count in sorted(levels.items()))
        print(
            f"  {path.name:<16}{path.stat().st_size:>10}{len(records):>10}{levels.total():>10}"
            f"   {of_levels}"
        )


def print_beginning(logs: Path, started: datetime) -> None:
    """Print the first records of this run, all ranks merged in time order."""
    print(f"\nThe first {SHOWN_RECORDS} records of this run, all ranks merged:")
    this_run = (record for record in read(logs) if record.time >= started)
    for record in islice(this_run, SHOWN_RECORDS):
        print(f"  {one_line(record)}")


def one_line(record: Record) -> str:
    """A record as one line for the screen."""
    place = f"{record.logger}:{record.function}:{record.line}"
    return (
        f"{record.time:%H:%M:%S.%f}Z [{record.rank}] {record.level:<8} {place:<30}"
        f" {record.message.splitlines()[0]}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Run the data pipeline and look at its logs.",
        epilog="Other options are passed to data_pipeline.py.",
    )
    parser.add_argument("-n", "--processes", type=int, default=4, metavar="N")
    parser.add_argument("--run-dir", type=Path, default=EXAMPLES.parent / "runs" / "demo")
    options, arguments = parser.parse_known_args()

    pipeline = str(EXAMPLES / "data_pipeline.py")
    started = datetime.now(timezone.utc)
    command = [sys.executable, pipeline, "--run-dir", str(options.run_dir), *arguments]
    code = launch(command, options.processes)
    logs = options.run_dir / "logs"
    if logs.is_dir():
        list_files(logs, started)
        print_beginning(logs, started)
    return code


if __name__ == "__main__":
    sys.exit(main())
