"""Every rank tells steps until one dies by SIGKILL; started again, each tells one and ends.

Arguments: run directory, the rank that dies. Each rank keeps the number of steps that
`logger.info` has returned from in the file `told-RANK` of the working directory.
"""

import logging
import os
import platform
import signal
import sys
import time
from itertools import count
from pathlib import Path

from logging_helpers import get_rank_info, init_logging
from logging_helpers.identity.launchers import VARIABLES

STEPS = 20
"""Steps that every rank has told before one dies."""

STEP_SECONDS = 0.01
DIED = Path("died")

logger = logging.getLogger("killed")


def keep(path, number):
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(str(number))
    fresh.rename(path)


def told_by(rank):
    path = Path(f"told-{rank}")
    return int(path.read_text()) if path.exists() else 0


def tell_until_killed(dying_rank):
    info = get_rank_info()
    for step in count(1):
        logger.info("step %d", step)
        keep(Path(f"told-{info.rank}"), step)
        if info.rank == dying_rank and min(map(told_by, range(info.world_size))) >= STEPS:
            DIED.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(STEP_SECONDS)


def main():
    init_logging(run_dir=sys.argv[1], show_rank=True)
    variables = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    own = {"pid": os.getpid(), "host": platform.node(), "python": platform.python_version()}
    logger.info("facts", extra={**own, "variables": variables})
    if not DIED.exists():
        tell_until_killed(int(sys.argv[2]))
    logger.info("last step")


if __name__ == "__main__":
    signal.alarm(90)  # if whoever should end it does not
    main()
