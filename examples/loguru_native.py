"""A program that uses loguru itself: the same console, the same files, the same rank.

    python examples/launch_ranks.py -n 2 examples/loguru_native.py --run-dir runs/loguru

Records of loguru's ``logger`` and of libraries that use stdlib's `logging` arrive alike.
"""

import argparse
import logging

from loguru import logger

from logging_helpers import init_logging, log_master


def library_call() -> None:
    """Stands for a library, which knows nothing of loguru."""
    logging.getLogger("some.library").warning("A library warns through stdlib")


@logger.catch(message="Bad input is logged, not fatal")
def divide(dividend: int, divisor: int) -> float:
    return dividend / divisor


def main() -> None:
    parser = argparse.ArgumentParser(description="Log with loguru's own logger.")
    parser.add_argument("--run-dir", help="default: no files")
    options = parser.parse_args()

    init_logging(level="INFO", show_rank=True, run_dir=options.run_dir)

    logger.info("Loguru formats {} and keeps {{braces}}", "arguments")
    logger.bind(epoch=3, loss=0.25).info("Bound fields are in the file")
    with logger.contextualize(request="abc"):
        logger.success("So are those of a context")
    divide(1, 0)
    library_call()
    log_master("Only rank 0, with loguru's logger", logger=logger)


if __name__ == "__main__":
    main()
