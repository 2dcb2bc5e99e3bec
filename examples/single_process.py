"""One process: one line to set logging up, stdlib's `logging` as before.

    python examples/single_process.py --run-dir runs/single

The console shows INFO and above, without a rank; the file ``logs/script.log`` in the run
directory has the traceback and the extra fields too. ``LOG_LEVEL=DEBUG`` shows more.
"""

import argparse
import logging
import warnings

from logging_helpers import init_logging

logger = logging.getLogger(__name__)


def parse_ratio(text: str) -> float:
    """Read a ratio such as ``3/4``."""
    numerator, denominator = text.split("/")
    return int(numerator) / int(denominator)


def main() -> None:
    parser = argparse.ArgumentParser(description="Log from one process.")
    parser.add_argument("--run-dir", help="default: no files")
    options = parser.parse_args()

    init_logging(level="INFO", run_dir=options.run_dir)

    logger.info("This is a regular log message")
    logger.debug("Seen with LOG_LEVEL=DEBUG only")
    for text in ("3/4", "1/0"):
        try:
            logger.info("%s is %.2f", text, parse_ratio(text), extra={"ratio": text})
        except ZeroDivisionError:
            logger.exception("%s is not a ratio", text)
    warnings.warn("Warnings are log records as well", stacklevel=1)


if __name__ == "__main__":
    main()
