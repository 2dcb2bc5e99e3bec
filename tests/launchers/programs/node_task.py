"""One process per node, as SkyPilot starts it. Argument: run directory."""

import logging
import os
import platform
import sys

from logging_helpers import init_logging, log_master
from logging_helpers.identity.launchers import VARIABLES

logger = logging.getLogger("node")


def tell_facts():
    variables = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    facts = {"pid": os.getpid(), "python": platform.python_version(), "variables": variables}
    logger.debug("facts", extra=facts)


def main():
    init_logging(level="INFO", file_level="DEBUG", show_rank=True, run_dir=sys.argv[1])
    tell_facts()
    log_master("task starts", logger=logger)
    logger.info("node works")


if __name__ == "__main__":
    main()
