"""Loads data in two worker processes of each rank. Arguments: run directory, start method."""

import logging
import os
import sys

from torch.utils.data import DataLoader, Dataset, get_worker_info

from logging_helpers import init_logging, init_worker, log_master

logger = logging.getLogger("loading")


class Squares(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        worker = get_worker_info().id
        logger.info("item %d in worker %d", index, worker, extra={"own_pid": os.getpid()})
        log_master(f"master's item {index}", logger=logger)
        return index * index


def main():
    run_dir, start_method = sys.argv[1:]
    init_logging(run_dir=run_dir, show_rank=True)
    logger.info("loading starts")
    loader = DataLoader(
        Squares(),
        batch_size=2,
        num_workers=2,
        worker_init_fn=init_worker,
        multiprocessing_context=start_method,
    )
    logger.info("sum %d", sum(int(batch.sum()) for batch in loader))


if __name__ == "__main__":
    main()
