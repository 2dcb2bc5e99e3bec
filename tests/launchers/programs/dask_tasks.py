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


def square_on_each_worker(client, first):
    addresses = sorted(client.scheduler_info()["workers"])
    futures = [
        client.submit(square, number, die_once=False, workers=[address])
        for number, address in enumerate(addresses, first)
    ]
    logger.info("squares %s", client.gather(futures))


def main():
    init_logging(run_dir=os.path.abspath(sys.argv[1]), show_rank=True)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        client.register_plugin(LoggingPlugin())
        square_on_each_worker(client, 0)
        logger.info(
            "square %d after a worker died", client.submit(square, 2, die_once=True).result()
        )
        client.wait_for_workers(2)
        square_on_each_worker(client, 3)


if __name__ == "__main__":
    main()
