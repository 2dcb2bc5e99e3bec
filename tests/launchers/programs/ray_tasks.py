"""Ray's tasks and actors tell in their driver's file. Argument: run directory."""

import logging
import os
import sys

import ray

from logging_helpers import init_logging, init_worker, log_master

logger = logging.getLogger("raytasks")


def set_up_logging():
    init_worker()


@ray.remote
def square(number):
    logger.info("task %d", number, extra={"own_pid": os.getpid()})
    log_master(f"master's task {number}", logger=logger)
    return number * number


@ray.remote
class Counter:
    def __init__(self):
        self.total = 0

    def add(self, number):
        self.total += number
        logger.info("actor adds %d", number, extra={"own_pid": os.getpid()})
        return self.total


def main():
    init_logging(run_dir=os.path.abspath(sys.argv[1]), show_rank=True)
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        runtime_env={"worker_process_setup_hook": set_up_logging},
    )
    logger.info("squares %s", sum(ray.get([square.remote(number) for number in range(4)])))
    counter = Counter.remote()
    logger.info("total %s", max(ray.get([counter.add.remote(number) for number in range(4)])))
    ray.shutdown()


if __name__ == "__main__":
    main()
