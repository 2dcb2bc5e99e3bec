"""A small launcher: starts one script as the ranks of a job on this machine.

    python examples/launch_ranks.py -n 4 examples/distributed.py

Each process gets ``RANK``, ``WORLD_SIZE``, ``LOCAL_RANK`` and ``LOCAL_WORLD_SIZE`` as torchrun
would set them, and ``LAUNCH_ID``, the same for all ranks and another one for each launch.
When a rank fails, the others are ended and its exit code is passed on; Ctrl-C and SIGTERM
end them all.
"""

from __future__ import annotations

import argparse
import os
import queue
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Sequence

GRACE_SECONDS = 5.0
"""How long a process may take to end after SIGTERM, before SIGKILL."""


def rank_environment(rank: int, world_size: int, launch_id: str) -> dict[str, str]:
    """The variables that tell a process its place in the job."""
    return {
        "RANK": str(rank),
        "WORLD_SIZE": str(world_size),
        "LOCAL_RANK": str(rank),
        "LOCAL_WORLD_SIZE": str(world_size),
        "LAUNCH_ID": launch_id,
    }


def launch(command: Sequence[str], processes: int) -> int:
    """Run `command` as `processes` ranks and wait for all of them.

    Args:
        command: Program and arguments, the same for every rank.
        processes: Number of ranks, 1 or more.

    Returns:
        0, or the exit code of the rank that failed first (128 + n for signal n).
    """
    launch_id = uuid.uuid4().hex
    ended: queue.SimpleQueue[int] = queue.SimpleQueue()
    ranks: list[subprocess.Popen[bytes]] = []

    def wait_for(rank: int) -> None:
        ranks[rank].wait()
        ended.put(rank)

    try:
        for rank in range(processes):
            environment = os.environ | rank_environment(rank, processes, launch_id)
            ranks.append(subprocess.Popen(command, env=environment))
            threading.Thread(target=wait_for, args=(rank,), daemon=True).start()
        for _ in ranks:
            rank = ended.get()  # blocks; the threads do the waiting, nobody polls
            code = ranks[rank].returncode
            if code != 0:
                how = f"exited with code {code}" if code > 0 else f"was ended by signal {-code}"
                print(f"launch_ranks: rank {rank} {how}, ending the others", file=sys.stderr)
                return code if code > 0 else 128 - code
        return 0
    finally:
        end(ranks)


def end(ranks: Sequence[subprocess.Popen[bytes]]) -> None:
    """End the processes that still run, and only those: SIGTERM, then SIGKILL."""
    running = [process for process in ranks if process.poll() is None]
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _exit_on_sigterm(signum: int, _frame: object) -> None:
    raise SystemExit(128 + signum)


def main() -> int:
    parser = argparse.ArgumentParser(description="Start a script as the ranks of a job.")
    parser.add_argument("-n", "--processes", type=int, default=2, metavar="N")
    parser.add_argument("script")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if options.processes < 1:
        parser.error(f"argument -n: {options.processes} is not a number of ranks, 1 or more")
    signal.signal(signal.SIGTERM, _exit_on_sigterm)
    try:
        return launch([sys.executable, options.script, *options.arguments], options.processes)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
