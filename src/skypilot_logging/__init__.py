"""Logging for SkyPilot tasks: a thin wrapper of `logging_helpers` that always shows the rank.

Importing it configures nothing. The first call does, unless the program called
`logging_helpers.init_logging` before.
"""

from __future__ import annotations

import logging

from logging_helpers.identity.process import get_rank_info, is_master
from logging_helpers.master import log_here
from logging_helpers.say import say_once
from logging_helpers.session import current_setup
from logging_helpers.setup import init_logging

LOGGER_NAME = "skypilot"

__all__ = [
    "log_all",
    "log_debug",
    "log_error",
    "log_master",
    "log_warning",
    "setup_logger",
]


def setup_logger(level: int | str = logging.INFO) -> logging.Logger:
    """Set logging up if the program has not, and return this module's logger.

    Args:
        level: Lowest level of the console, as for `logging_helpers.init_logging`.

    Returns:
        The stdlib logger ``"skypilot"``.

    Raises:
        ValueError: The level or a variable is not accepted.
    """
    if current_setup() is None:
        init_logging(level=level, show_rank=True)
    return logging.getLogger(LOGGER_NAME)


def log_master(message: object, level: int | str = logging.INFO) -> None:
    """Log on the head node's rank 0 only."""
    if is_master():
        _log(message, level)


def log_all(message: object, level: int | str = logging.INFO) -> None:
    """Log on every node and rank."""
    _log(message, level)


def log_error(message: object) -> None:
    """Log an error on this node."""
    _log(message, logging.ERROR)


def log_warning(message: object) -> None:
    """Log a warning on this node."""
    _log(message, logging.WARNING)


def log_debug(message: object) -> None:
    """Log a detail on this node, for those who asked for DEBUG."""
    _log(message, logging.DEBUG)


def _log(message: object, level: int | str) -> None:
    try:
        logger = setup_logger()
    except ValueError as error:
        # What a user of this module did not call must not raise into a training loop.
        say_once(f"{error}; logging is not set up")
        logger = logging.getLogger(LOGGER_NAME)
    setup = current_setup()
    rank = get_rank_info().rank
    if setup is not None and not setup.settings.show_rank and rank is not None:
        # The program chose a console without ranks; here they are always shown.
        message = f"[{rank}] {message}"
    log_here(message, logger, level, depth=2)
