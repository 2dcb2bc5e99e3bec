"""Ray Train numbers its workers after their processes started. Argument: run directory."""

import logging
import os
import platform
import sys

import ray
from ray.train import RunConfig, ScalingConfig, get_context
from ray.train.torch import TorchTrainer

from logging_helpers import get_rank_info, init_logging, init_worker, log_master

logger = logging.getLogger("raytraining")


def set_up_logging():
    init_worker()


def train_loop(config):
    rank = get_context().get_world_rank()
    own = {"pid": os.getpid(), "host": platform.node(), "python": platform.python_version()}
    init_logging(run_dir=config["run_dir"], show_rank=True)
    logger.info("worker starts", extra={**own, "info_rank": get_rank_info().rank})
    log_master("training starts", logger=logger)
    for step in range(3):
        logger.info("step %d on ray's rank %d", step, rank)
    log_master("training ends", logger=logger)


def main():
    run_dir = os.path.abspath(sys.argv[1])
    init_logging(run_dir=run_dir, show_rank=True)
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        runtime_env={"worker_process_setup_hook": set_up_logging},
    )
    trainer = TorchTrainer(
        train_loop,
        train_loop_config={"run_dir": run_dir},
        scaling_config=ScalingConfig(num_workers=2),
        run_config=RunConfig(storage_path=os.path.abspath("storage")),
    )
    logger.info("driver starts")
    trainer.fit()
    logger.info("driver ends")
    ray.shutdown()


if __name__ == "__main__":
    main()
