"""A job of several ranks: each logs its own records, rank 0 speaks for the job.

    python examples/launch_ranks.py -n 4 examples/distributed.py --run-dir runs/distributed

Every rank has its own file, ``logs/script.log``, ``logs/script_1.log`` and so on. Started by
itself, the script is a job of one process and shows no rank.
"""

import argparse
import logging

from logging_helpers import get_node_rank, get_rank_info, init_logging, log_master

# Named loggers for different components
data_logger = logging.getLogger("data")
metrics_logger = logging.getLogger("metrics")


def main() -> None:
    parser = argparse.ArgumentParser(description="Log from all ranks of a job.")
    parser.add_argument("--run-dir", help="default: no files")
    options = parser.parse_args()

    # Conditional rank display
    is_distributed = get_node_rank() is not None
    init_logging(level="INFO", show_rank=is_distributed, run_dir=options.run_dir)
    info = get_rank_info()
    rank, world_size = info.rank or 0, info.world_size or 1

    # Only rank 0 logs this
    log_master("Starting distributed job")

    # All ranks log with their rank shown
    data_logger.info("Worker ready")
    share = range(rank, 1000, world_size)
    metrics_logger.info("Worker %d: sum of %d numbers is %d", rank, len(share), sum(share))

    # Levels, by number or by name
    log_master("Only rank 0 warns", logger=metrics_logger, level=logging.WARNING)
    log_master("Only rank 0 complains", logger=metrics_logger, level="ERROR")


if __name__ == "__main__":
    main()
