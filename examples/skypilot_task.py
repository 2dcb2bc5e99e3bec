"""A SkyPilot task on several nodes: the wrapper, and `logging_helpers` beside it.

    sky launch examples/skypilot_task.yaml

or one node of it, by hand:

    SKYPILOT_NODE_RANK=0 SKYPILOT_NUM_NODES=2 python examples/skypilot_task.py

The nodes throw darts to find pi, each its own share of them.
"""

import argparse
import logging
import random
import shutil

from logging_helpers import get_rank_info, init_logging
from skypilot_logging import log_all, log_error, log_master

logger = logging.getLogger("skypilot_task")


def count_hits(darts: int, seed: int) -> int:
    """How many of so many darts at the unit square hit the circle's quarter."""
    throw = random.Random(seed).random
    return sum(throw() ** 2 + throw() ** 2 < 1 for _ in range(darts))


def main() -> None:
    parser = argparse.ArgumentParser(description="Find pi on several nodes.")
    parser.add_argument("--run-dir", help="default: no files")
    parser.add_argument("--darts", type=int, default=400_000, help="of all nodes")
    parser.add_argument("--min-free-gb", type=float, default=0.1)
    options = parser.parse_args()

    # Without this line the wrapper's first call sets logging up, console only.
    init_logging(show_rank=True, run_dir=options.run_dir)
    info = get_rank_info()
    node, nodes = info.rank or 0, info.world_size or 1

    # Option 1: the wrapper. It shows the rank always
    log_master("Head node: Setting up cluster")
    log_all("All nodes: Starting worker process")
    free_gb = shutil.disk_usage(".").free / 1e9
    if free_gb < options.min_free_gb:
        log_error(f"Error on this node! {options.min_free_gb:g} GB of disk wanted, not free")

    # Option 2: the logger of stdlib
    logger.info("Processing local shard")
    darts = options.darts // nodes
    hits = count_hits(darts, seed=node)
    logger.info("Node %d of %d: pi is about %.2f", node, nodes, 4 * hits / darts)


if __name__ == "__main__":
    main()
