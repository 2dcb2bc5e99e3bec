"""Ranks that reduce together, until one of them fails in the way that is asked for.

Arguments: run directory, how, the rank, the seconds that a collective may take.
"""

import ctypes
import datetime
import logging
import os
import signal
import sys
import time

import torch
import torch.distributed as dist

from logging_helpers import init_logging

logger = logging.getLogger("failing")


def fail(how):
    if how == "raises":
        raise RuntimeError("CUDA out of memory")
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "segfault":
        ctypes.string_at(0)
    if how == "hangs":
        time.sleep(60)
    if how == "exits":
        logger.error("bad batch")
        sys.exit(3)


def main():
    run_dir, how, failing_rank, seconds = sys.argv[1:]
    init_logging(run_dir=run_dir, console_ranks="0")
    dist.init_process_group("gloo", timeout=datetime.timedelta(seconds=float(seconds)))
    for step in range(5):
        if step == 3 and dist.get_rank() == int(failing_rank):
            fail(how)
        dist.all_reduce(torch.ones(10))
        logger.info("step %d", step)


if __name__ == "__main__":
    signal.alarm(90)  # if whoever should end it does not
    main()
