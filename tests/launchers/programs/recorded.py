"""Under torch's ``@record``: rank 1 fails, rank 0 waits for it for ever.

Argument: run directory.
"""

import logging
import sys
import threading

from torch.distributed.elastic.multiprocessing.errors import record

from logging_helpers import get_rank_info, init_logging

logger = logging.getLogger("recorded")


def wait_here():
    threading.Event().wait()


@record
def main():
    init_logging(run_dir=sys.argv[1])
    logger.info("starts")
    if get_rank_info().rank == 1:
        raise ValueError("fails as planned")
    wait_here()


if __name__ == "__main__":
    main()
