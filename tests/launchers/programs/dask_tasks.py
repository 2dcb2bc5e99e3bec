"""Dask's workers tell in their client's file; one is killed. Argument: run directory."""

import logging
import os
import signal
import sys
from pathlib import Path

from distributed import Client, LocalCluster, WorkerPlugin

from logging_helpers import init_logging, init_worker

logger = logging.getLogger("dasktasks")


class LoggingPlugin(WorkerPlugin):
    def __init__(self):
        self.init_worker = init_worker

    def setup(self, worker):
        self.init_worker()


def square(number, die_once):
    logger.info("task %d", number, extra={"own_pid": os.getpid()})
    if die_once and not Path("died").exists():
        Path("died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def main():
    init_logging(run_dir=os.path.abspath(sys.argv[1]), show_rank=True)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        client.register_plugin(LoggingPlugin())
        futures = client.map(square, range(4), die_once=False)
        logger.info("squares %d", sum(client.gather(futures)))
        logger.info("killed %d", client.submit(square, 10, die_once=True).result())
        client.wait_for_workers(2)
        futures = client.map(square, range(4, 8), die_once=False)
        logger.info("squares %d", sum(client.gather(futures)))


if __name__ == "__main__":
    main()
