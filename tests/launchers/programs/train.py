"""A small real training loop under torchrun that tells every step on every rank.

Arguments: run directory, and the rank that fails in the first attempt (none: -1).
"""

import gc
import logging
import os
import platform
import sys

import torch
import torch.distributed as dist
from torch import nn

from logging_helpers import init_logging, log_master
from logging_helpers.identity.launchers import VARIABLES

STEPS = 6
FAILING_STEP = 3

logger = logging.getLogger("training")


def tell_facts():
    variables = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    facts = {"pid": os.getpid(), "python": platform.python_version(), "variables": variables}
    logger.debug("torch rank %d of %d", dist.get_rank(), dist.get_world_size(), extra=facts)


def run_step(model, optimizer, step):
    x = torch.randn(16, 4, generator=torch.Generator().manual_seed(100 * step + dist.get_rank()))
    loss = nn.functional.mse_loss(model(x), x.sum(1, keepdim=True))
    optimizer.zero_grad()
    loss.backward()
    for parameter in model.parameters():
        dist.all_reduce(parameter.grad)
        parameter.grad /= dist.get_world_size()
    optimizer.step()
    logger.info("step %d on torch rank %d", step, dist.get_rank())


def fail_here(failing_rank):
    dist.barrier()  # every rank has told the steps before
    if dist.get_rank() == failing_rank:
        raise RuntimeError(f"rank {failing_rank} fails as planned")


def train(failing_rank):
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(STEPS):
        if step == FAILING_STEP and failing_rank is not None:
            fail_here(failing_rank)
        run_step(model, optimizer, step)
    weights = [round(weight, 4) for weight in model.weight.flatten().tolist()]
    logger.debug("weights", extra={"weights": weights})


def main():
    run_dir, failing_rank = sys.argv[1], int(sys.argv[2])
    will_fail = failing_rank >= 0 and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
    dist.init_process_group("gloo")
    init_logging(level="INFO", file_level="DEBUG", show_rank=True, run_dir=run_dir)
    tell_facts()
    log_master("training starts", logger=logger)
    train(failing_rank if will_fail else None)
    log_master("training ends", logger=logger, level=logging.WARNING)
    # Joins gloo's threads, which would abort a Python that is shutting down, once nobody needs
    # them any more and nothing refers to the group. Under DistributedDataParallel it does not
    # (torch 2.13), so this program does without; see https://github.com/pytorch/pytorch/pull/179291
    dist.barrier()
    dist.destroy_process_group()
    gc.collect()


if __name__ == "__main__":
    main()
