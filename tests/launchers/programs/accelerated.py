"""Trains with accelerate under torchrun. Argument: run directory."""

import logging
import os
import platform
import sys

import torch
from accelerate import Accelerator
from accelerate.logging import get_logger

from logging_helpers import init_logging, log_master
from logging_helpers.identity.launchers import VARIABLES

logger = logging.getLogger("accelerated")


def main():
    init_logging(run_dir=sys.argv[1], show_rank=True)
    accelerator = Accelerator(cpu=True)
    variables = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    own = {"pid": os.getpid(), "python": platform.python_version(), "variables": variables}
    place = (accelerator.process_index, accelerator.num_processes)
    logger.info("process %d of %d", *place, extra=own)
    log_master("training starts", logger=logger)
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model, optimizer = accelerator.prepare(model, optimizer)
    for step in range(3):
        loss = model(torch.randn(4, 2)).square().mean()
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        logger.info("step %d", step)
    theirs = get_logger("accelerated.theirs")
    theirs.info("theirs on the main process")
    theirs.info("theirs on every process", main_process_only=False)
    accelerator.end_training()


if __name__ == "__main__":
    main()
