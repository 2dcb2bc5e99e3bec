"""Forwards stdlib's records to loguru, with everything the caller gave them."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from loguru import logger as loguru_logger

from logging_helpers.outputs.plain_record import extra_of
from logging_helpers.say import say_once
from logging_helpers.settings.levels import LevelNames
from ranklog.line_format import safe_repr

STANDARD_ATTRIBUTES = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {
    "message",
    "asctime",
    "taskName",
}
"""What a LogRecord has of its own; stdlib refuses them as keys of ``extra=``."""
_ATTRIBUTE_COUNT = len(vars(logging.LogRecord("", 0, "", 0, "", (), None)))
STALE_SECONDS = 0.01
"""After which time a record's time is its LogRecord's, not loguru's."""


class _Forwarding(threading.local):
    """The record this thread is forwarding: the way around loguru to our patch function."""

    record: logging.LogRecord | None = None


_forwarding = _Forwarding()
loguru_levels = LevelNames()


class InterceptHandler(logging.Handler):
    """A stdlib handler that hands every record to loguru. `init_logging` puts one on root.

    Name, function, line, file, process and thread are the record's own, so that
    ``stacklevel``, adapters and records from queues or other processes stay true. ``extra=``
    fields become loguru's extra; ``stack_info`` follows the message. A message whose ``%``
    arguments do not fit is logged with its arguments behind it, and reported as stdlib does.

    Args:
        on_closed: Called when somebody closes the handler, as ``basicConfig(force=True)`` does.
    """

    def __init__(self, on_closed: Callable[[], None] | None = None) -> None:
        super().__init__(logging.NOTSET)
        self._on_closed = on_closed
        self.past_loguru: Callable[[logging.LogRecord, str], None] | None = None
        """Takes records and their messages in place of loguru, when that has ended."""

    def createLock(self) -> None:  # noqa: N802 - stdlib's name
        """Have no lock.

        Held around loguru's own locks it would deadlock with a loguru sink that logs to
        stdlib (threads taking the two locks in opposite order).
        """
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Filter and forward a record, without stdlib's lock."""
        passed = self.filter(record)
        if isinstance(passed, logging.LogRecord):  # from Python 3.12 on a filter may replace it
            record = passed
        if passed:
            self.emit(record)
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        """Forward a record to loguru; errors go to `handleError`, never to the caller."""
        outer = _forwarding.record
        try:
            message = self._message(record)
            logger = _patched
            exception = record.exc_info
            if exception and exception[0] is not None:
                logger = logger.opt(exception=exception)
            elif record.exc_text:  # from another process, which formatted it
                message = f"{message}\n{record.exc_text}"
            if record.stack_info:
                message = f"{message}\n{record.stack_info}"
            if self.past_loguru is not None:
                self.past_loguru(record, message)
                return
            _forwarding.record = record
            # No arguments: loguru formats only messages that have some, so braces and
            # markup in a finished message stay as they are.
            forward(logger.log, loguru_levels.loguru_level(record.levelno), message)
        except Exception:
            self.handleError(record)
        finally:
            _forwarding.record = outer

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - stdlib's name
        """Report an error as stdlib does, but never raise: stdlib raises a RecursionError."""
        try:
            super().handleError(record)
        except Exception as error:
            say_once(f"an error in logging could not be reported: {type(error).__name__}")

    def _message(self, record: logging.LogRecord) -> str:
        try:
            return record.getMessage()
        except Exception as error:
            return self.unformatted(record, error)

    def unformatted(self, record: logging.LogRecord, error: Exception) -> str:
        """Report a message that could not be formatted, while `error` is handled.

        Returns:
            What is known of it, to be logged instead.
        """
        self.handleError(record)
        return (
            f"{_text(record.msg)} {safe_repr(record.args)}"
            f" [message could not be formatted: {type(error).__name__}: {_text(error)}]"
        )

    def close(self) -> None:
        """Close the handler, which holds nothing, and let its owner know."""
        super().close()
        if self._on_closed is not None:
            self._on_closed()


def forward(log: Callable[[int | str, str], None], level: int | str, message: str) -> None:
    """Call ``logger.log`` of loguru, for a record whose place a patcher writes."""
    log(level, message)


# Loguru takes the place that it is called from apart, for each record: it counts the lines of
# the function, and splits the file's name. Both are quick for a short one. In angle brackets,
# as code that is in no file, it does not mislead coverage.
forward.__code__ = forward.__code__.replace(co_filename="<ranklog>")


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:
        return safe_repr(value)


def own_fields(source: logging.LogRecord) -> dict[str, Any]:
    """The fields of ``extra=`` in a LogRecord, without a ``rank``, which is ours to say."""
    return {
        key: value
        for key, value in vars(source).items()
        if key not in STANDARD_ATTRIBUTES and key != "rank"
    }


def _describe(record: Any) -> None:
    """Loguru patcher: write what the forwarded LogRecord says into loguru's record."""
    source = _forwarding.record
    if source is None:
        return
    _forwarding.record = None
    record["name"] = source.name
    record["function"] = source.funcName or "<unknown>"
    record["line"] = source.lineno
    record["module"] = source.module
    if len(vars(source)) > _ATTRIBUTE_COUNT:
        extra_of(record).update(own_fields(source))
    # Records that waited in a queue or come from another process keep their own origin.
    if time.time() - source.created > STALE_SECONDS:
        keep_time(record, source.created)
    try:
        file, process, thread = record["file"], record["process"], record["thread"]
        file.name, file.path = source.filename, source.pathname
        if source.process is not None and source.process != process.id:
            process.id, process.name = source.process, source.processName
        if source.thread is not None and source.thread != thread.id:
            thread.id, thread.name = source.thread, source.threadName
    except (AttributeError, KeyError):
        pass  # the program's patcher has put something else there


def keep_time(record: Any, created: float) -> None:
    """Have a loguru record say when it was logged, where it took a while to come here.

    Args:
        record: The record.
        created: When it was logged, seconds since the epoch.
    """
    now = record.get("time")
    if isinstance(now, datetime):
        record["time"] = type(now).fromtimestamp(created, now.tzinfo)


_patched = loguru_logger.patch(_describe)


def is_console_handler(handler: logging.Handler) -> bool:
    """Whether a handler prints to the console as ours does, so that lines would come twice."""
    if not isinstance(handler, logging.StreamHandler) or isinstance(handler, logging.FileHandler):
        return False
    stream = handler.stream
    return stream is not None and stream in (
        sys.stderr,
        sys.stdout,
        sys.__stderr__,
        sys.__stdout__,
    )
