"""Lightning starts the other ranks itself, in the midst of `fit`. Argument: run directory."""

import logging
import os
import platform
import sys
import warnings

import lightning
import torch
from torch.utils.data import DataLoader, TensorDataset

from logging_helpers import init_logging, log_master

logger = logging.getLogger("fitting")


def set_up():
    init_logging(run_dir=sys.argv[1], show_rank=True)
    own = {"pid": os.getpid(), "host": platform.node(), "python": platform.python_version()}
    logger.info("set up", extra=own)


class Line(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def on_fit_start(self):
        set_up()
        log_master("fit starts", logger=logger)

    def training_step(self, batch, index):
        logger.info("batch %d on torch rank %d", index, self.global_rank)
        return self.layer(batch[0]).square().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def main():
    warnings.simplefilter("ignore")
    set_up()
    log_master("before fit", logger=logger)
    trainer = lightning.Trainer(
        devices=2,
        strategy="ddp",
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    data = TensorDataset(torch.randn(8, 2))
    trainer.fit(Line(), DataLoader(data, batch_size=2))
    log_master("after fit", logger=logger)


if __name__ == "__main__":
    main()
