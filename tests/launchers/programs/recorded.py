"""Under torch's ``@record``: rank 1 fails when rank 0 has started, which waits for ever.

Argument: run directory.
"""

import logging
import sys
import threading
import time
from pathlib import Path

from torch.distributed.elastic.multiprocessing.errors import record

from logging_helpers import get_rank_info, init_logging

logger = logging.getLogger("recorded")


def wait_here():
    threading.Event().wait()


def has_started(log):
    return log.exists() and " - starts" in log.read_text()


@record
def main():
    init_logging(run_dir=sys.argv[1])
    logger.info("starts")
    if get_rank_info().rank == 1:
        # The launcher ends rank 0 at once, wherever it is.
        while not has_started(Path(sys.argv[1], "logs", "script.log")):
            time.sleep(0.05)
        raise ValueError("fails as planned")
    wait_here()


if __name__ == "__main__":
    main()
