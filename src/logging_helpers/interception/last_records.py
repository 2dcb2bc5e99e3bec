"""Stdlib's records after loguru's end: of exit handlers, and of objects deleted after those.

Loguru removes its sinks at exit. A sink that is added after that would have it make records
while the interpreter is taken down, which ends Python 3.13 and 3.14 with a segmentation fault
(https://github.com/python/cpython/issues/132413).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from logging_helpers.interception.handler import loguru_levels, own_fields


class LastRecords:
    """Hands records to our sink past loguru, and so past patchers and ``contextualize``.

    To be made before the interpreter is taken down.

    Args:
        accept: Takes a loguru record.
    """

    def __init__(self, accept: Callable[[Any], object]) -> None:
        self._accept = accept
        self._zone = datetime.now().astimezone().tzinfo

    def __call__(self, source: logging.LogRecord, message: str) -> None:
        """Deliver a record.

        Args:
            source: The record.
            message: Its message, with all that belongs to it but an exception.
        """
        level = loguru_levels.loguru_level(source.levelno)
        exception = source.exc_info
        self._accept(
            {
                "time": datetime.fromtimestamp(source.created, self._zone),
                "level": SimpleNamespace(
                    name=level if isinstance(level, str) else f"Level {level}", no=source.levelno
                ),
                "name": source.name,
                "function": source.funcName or "<unknown>",
                "line": source.lineno,
                "process": SimpleNamespace(id=source.process or os.getpid()),
                "message": message,
                "exception": exception if exception and exception[0] is not None else None,
                "extra": own_fields(source),
            }
        )
