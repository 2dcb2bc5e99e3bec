"""Sums numbers over Open MPI's ranks. Argument: run directory."""

import logging
import os
import platform
import sys

from mpi4py import MPI

from logging_helpers import init_logging, log_master
from logging_helpers.identity.launchers import VARIABLES

NUMBERS = 5

logger = logging.getLogger("mpi")


def tell_facts(rank, size):
    variables = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    facts = {"pid": os.getpid(), "python": platform.python_version(), "variables": variables}
    logger.debug("MPI rank %d of %d", rank, size, extra=facts)


def sum_over_ranks(world, number):
    total = world.allreduce(number * (world.Get_rank() + 1))
    logger.info("sum %d on MPI rank %d is %d", number, world.Get_rank(), total)


def main():
    world = MPI.COMM_WORLD
    init_logging(level="INFO", file_level="DEBUG", show_rank=True, run_dir=sys.argv[1])
    tell_facts(world.Get_rank(), world.Get_size())
    log_master("summing starts", logger=logger)
    for number in range(NUMBERS):
        sum_over_ranks(world, number)
    log_master("summing ends", logger=logger, level=logging.WARNING)


if __name__ == "__main__":
    main()
