"""Starts workers in one of the ways that Python has, each logging in the job's file."""

import logging
import multiprocessing
import os
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor

from loguru import logger as loguru_logger

from logging_helpers import get_rank_info, init_logging, init_worker, log_master


def portable_patcher(record):
    record["extra"]["patched"] = True


def work(number):
    """What a worker does; returns its pid."""
    logging.getLogger("worker").info("worker %d", number, extra={"number": number})
    loguru_logger.debug("native {}", number)
    log_master(f"master {number}")
    warnings.warn(f"warning {number}", UserWarning, stacklevel=1)
    logging.getLogger("worker").debug("rank %s", get_rank_info().rank)
    return os.getpid()


def run(number):
    init_worker(number)  # as DataLoader calls its worker_init_fn
    work(number)


def main():
    way, run_dir, patched = sys.argv[1:4]
    patchers = {"none": None, "portable": portable_patcher, "lambda": lambda record: None}
    warnings.simplefilter("always")
    init_logging("DEBUG", run_dir, True, patcher=patchers[patched], rank=2)
    if way == "executor":
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context, initializer=init_worker) as executor:
            print(*executor.map(work, range(2)))
    elif way == "pool":
        with multiprocessing.get_context("spawn").Pool(1, initializer=init_worker) as pool:
            print(*pool.map(work, range(2)))
    elif way == "target":
        # Handed to the child as what it is started with.
        process = multiprocessing.get_context("spawn").Process(target=init_worker)
        process.start()
        process.join()
    else:
        context = multiprocessing.get_context(way)
        processes = [context.Process(target=run_with, args=(init_worker, n)) for n in range(2)]
        for process in processes:
            process.start()
            process.join()
        print(*[process.pid for process in processes])


def run_with(initializer, number):
    initializer(number)
    work(number)


if __name__ == "__main__":
    main()
