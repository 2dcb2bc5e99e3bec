"""Runs all of `scenarios.py` in full and prints what was lost; see `make stress`.

Exits with 1 if a record was lost, doubled, torn or misplaced, or if a broken sink was not
seen to lose any.
"""

import argparse
import platform
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "outputs"))

from rank_files import NOTHING
from scenarios import BROKEN, DISTURBED, SHARED

TIMEOUT_SECONDS = 1800


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--records", type=int, default=5_000_000, help="of the shared scenarios, in all"
    )
    parser.add_argument(
        "--share", type=float, default=1, help="of the kills, stops and forks to do"
    )
    parser.add_argument("--directory", help="where to write, such as a network file system")
    return parser.parse_args()


def _run(scenario, directory, **changed):
    begin = time.monotonic()
    found = scenario.run(directory, timeout_seconds=TIMEOUT_SECONDS, **changed)
    seconds = time.monotonic() - begin
    print(
        f"| {scenario.name} | {found.found:,} | {found.lost} | {found.doubled} | {found.torn}"
        f" | {found.misplaced} | {seconds:.0f} |",
        flush=True,
    )
    return found


def main():
    """Run everything; see the module."""
    arguments = _arguments()
    print(f"Python {platform.python_version()}, {platform.system()} {platform.release()}\n")
    print("| ours | records | lost | doubled | torn | misplaced | seconds |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    total, is_right = 0, True
    with tempfile.TemporaryDirectory(dir=arguments.directory) as scratch:
        for scenario in (*SHARED, *DISTURBED):
            fixed = scenario.fixed
            if scenario.disturbance:
                changed = {"times": max(1, int(fixed["times"] * arguments.share))}
            else:
                writers = fixed["processes"] * fixed["threads"]
                # Rounded up, so that it is not less in all.
                changed = {"per_writer": -(-arguments.records // (len(SHARED) * writers))}
            with tempfile.TemporaryDirectory(dir=scratch) as directory:
                found = _run(scenario, Path(directory), **changed)
            total += found.found
            is_right = is_right and found == NOTHING
        print(f"\n{total:,} records in all\n")
        print("| broken sink | " + " | ".join(f"lost by {kind}" for kind in BROKEN) + " |")
        print("|---|" + "--:|" * len(BROKEN))
        for scenario in (*SHARED, *DISTURBED):
            with tempfile.TemporaryDirectory(dir=scratch) as directory:
                lost = [scenario.losses(Path(directory), kind).lost for kind in BROKEN]
            print(f"| {scenario.name} | " + " | ".join(map(str, lost)) + " |", flush=True)
            is_right = is_right and all(lost)
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
