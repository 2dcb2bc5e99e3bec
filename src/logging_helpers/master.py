"""Logs once in the whole job."""

from __future__ import annotations

import logging
import sys
from typing import Any

from loguru import logger as loguru_logger

from logging_helpers.identity.process import is_master
from logging_helpers.say import say_once
from logging_helpers.settings.levels import LevelNames, parse_level
from ranklog.line_format import STANDARD_LEVELS

_level_names = LevelNames()


def log_master(message: object, logger: Any = None, level: int | str = logging.INFO) -> None:
    """Log on rank 0 only, or where there is only one process. Never raises.

    The record names the file, line and function of the caller. Before `init_logging` this
    is a plain call on the stdlib logger.

    Args:
        message: The message; never formatted, so ``%`` and braces stay as they are.
        logger: A stdlib logger, its name, a LoggerAdapter or loguru's logger; default the root
            logger, also for anything else, which is said once on stderr.
        level: A number, or a name of stdlib's or loguru's. One that does not exist is said
            once on stderr and taken as INFO.
    """
    if is_master():
        log_here(message, logger, level, depth=1)


def log_here(message: object, logger: Any, level: int | str, *, depth: int) -> None:
    """Log as the caller of a wrapper. Never raises.

    Args:
        message: The message.
        logger: As for `log_master`.
        level: As for `log_master`.
        depth: Number of frames between this function and the caller to name.
    """
    number = level if type(level) is int and level >= 0 else _lenient_level(level)
    try:
        if isinstance(logger, type(loguru_logger)):
            own_level = _level_names.loguru_level(number)
            logger.opt(depth=depth + 1).log(own_level, str(message))
        else:
            logger = _stdlib_logger(logger)
            stacklevel = depth + 2 + _adapter_frames(logger)
            logger.log(number, message, stacklevel=stacklevel)
    except Exception as error:
        say_once(f"a message could not be logged: {type(error).__name__}: {error}")


def _stdlib_logger(logger: Any) -> Any:
    if logger is None or isinstance(logger, str):
        return logging.getLogger(logger)
    if callable(getattr(logger, "log", None)):
        return logger
    say_once(f"argument logger={logger!r} is no logger; the root logger is used")
    return logging.getLogger()


def _lenient_level(level: int | str) -> int:
    try:
        number = parse_level(level, "argument level")
        if isinstance(level, str):
            _tell_stdlib(level.strip().upper(), number)
        return number
    except Exception as error:  # it may be anything, and fail to tell what it is
        say_once(f"{error}; taken as INFO")
        return logging.INFO


def _tell_stdlib(name: str, number: int) -> None:
    """Give stdlib a name of loguru's for a number that it has none for, so that the name shows."""
    if STANDARD_LEVELS.get(name) == number and logging.getLevelName(number) == f"Level {number}":
        logging.addLevelName(number, name)


def _adapter_frames(logger: Any) -> int:
    """Frames of LoggerAdapters that ``stacklevel`` counts.

    Up to Python 3.10 it counts them; see https://github.com/python/cpython/issues/89334.
    Can go with Python 3.10.
    """
    frames = 0
    while sys.version_info < (3, 11) and isinstance(logger, logging.LoggerAdapter):
        frames += 1
        logger = logger.logger
    return frames
