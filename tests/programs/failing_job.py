"""One rank of a job in which something goes wrong; the others fail after it, as those of a real job.

Arguments: run directory, what happens to `FAILING_RANK`, a directory to meet in.
"""

import ctypes
import logging
import os
import signal
import sys
import time
from pathlib import Path

from logging_helpers import get_rank_info, init_logging

FAILING_RANK = 2
logger = logging.getLogger("train")


def wait_for(*paths):
    while not all(path.exists() for path in paths):
        time.sleep(0.005)


def fail(how, meeting):
    if how == "raises":
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "segfault":
        ctypes.string_at(0)
    if how == "hangs":
        (meeting / "hangs").touch()
        time.sleep(90)


def all_reduce(rank):
    """What becomes of a collective when a peer is gone."""
    if rank == 0:
        raise ConnectionError(
            "[../third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer"
            " [10.0.0.1]:1234"
        )
    if rank == 1:
        logger.error(
            "[Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=73,"
            " OpType=ALLREDUCE, NumelIn=1, NumelOut=1, Timeout(ms)=600000) ran for 600029"
            " milliseconds before timing out."
        )
    time.sleep(90)  # hangs, until the launcher ends it


def main():
    run_dir, how, meeting = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    init_logging(run_dir=run_dir, console_ranks="0")
    info = get_rank_info()
    logger.info("rank %d is ready", info.rank)
    if how == "benign":
        logger.error("retrying download of the weights, attempt 1 of 3")
        how = "raises"
    (meeting / f"ready-{info.rank}").touch()
    wait_for(*(meeting / f"ready-{rank}" for rank in range(info.world_size)))
    for step in range(3):
        logger.info("step %d", step)
    if how == "fine":
        return
    if info.rank == FAILING_RANK:
        fail(how, meeting)
    wait_for(meeting / "failed")
    all_reduce(info.rank)


if __name__ == "__main__":
    signal.alarm(60)  # if whoever should end it does not
    main()
