"""A shorter way from stdlib's log calls to loguru, past LogRecord, where nobody can tell.

All of stdlib's log methods end in ``Logger._log``, which makes a LogRecord and walks the
handlers: half of what a call costs. While a `FastRoad` is open, ``_log`` is replaced by one
that gives the message to loguru at once, provided that nothing but our handler would have
seen the record; else it calls the ``_log`` it replaced. `tests/interception/test_roads_agree.py`
holds that both roads write the same.

What stdlib promises nowhere is `_log` itself and that the log methods call it. Where either
is not as it was when this was written, the road stays closed and nothing but time is lost.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import attrgetter
from os.path import basename, splitext
from types import FrameType
from typing import Any

from loguru import logger as loguru_logger

from logging_helpers.interception.handler import (
    STALE_SECONDS,
    STANDARD_ATTRIBUTES,
    InterceptHandler,
    keep_time,
    loguru_level,
)

_Place = tuple[str, str, int, str, str, str, float, "dict[Any, Any] | None"]

_SOURCE = logging.Logger.info.__code__.co_filename
"""The file of stdlib's logging. Whoever looks for a caller skips its frames."""
_PARAMETERS = (
    *("self", "level", "msg", "args"),
    *("exc_info", "extra", "stack_info", "stacklevel"),
)
# How many attributes a logger has. One with more may have a method of its own, and one of
# another class may do anything.
_ATTRIBUTE_COUNTS: dict[type, int] = {
    logging.Logger: len(vars(logging.Logger(""))) + 1,  # its manager gives it one
    logging.RootLogger: len(vars(logging.RootLogger(logging.NOTSET))),
}
# What a record goes through. Sentry, for one, replaces `callHandlers`.
_methods_of = attrgetter("makeRecord", "findCaller", "handle", "callHandlers", "filter")
_METHODS: tuple[object, ...] = _methods_of(logging.Logger)
_LogRecord = logging.LogRecord
_init, _get_message = _LogRecord.__init__, _LogRecord.getMessage
# Up to Python 3.10 stdlib counts its own frames, and so ours, as levels of the stack.
_COUNTS_OUR_FRAME = sys.version_info < (3, 11)


class _Call(threading.local):
    """The call this thread is forwarding: the way around loguru to our patch function."""

    place: _Place | None = None


_call = _Call()


class FastRoad:
    """Replaces ``Logger._log``, and gives it back.

    Args:
        handler: The handler on root, which takes all that the fast road does not serve.
        check: Looks whether the handler is still there. Called with each such call: here we
            still see calls whose records nobody brings us any more.
    """

    def __init__(self, handler: InterceptHandler, check: Callable[[], None]) -> None:
        self.handler = handler
        self.check = check
        self._ordinary: Callable[..., None] | None = None
        self._replacement: Callable[..., None] | None = None
        self._is_open = False

    def open(self) -> None:
        """Serve from now on; does nothing where others have replaced ``Logger._log``."""
        code = getattr(logging.Logger._log, "__code__", None)
        if self._is_open or code is None or code.co_varnames[: code.co_argcount] != _PARAMETERS:
            return
        # Who replaced a method before we were imported shows by the file of the code.
        methods = (logging.Logger._log, *_METHODS, _init, _get_message)
        codes = [getattr(method, "__code__", None) for method in methods]
        if any(getattr(code, "co_filename", None) != _SOURCE for code in codes):
            return
        self._ordinary = logging.Logger._log
        self._replacement = _replacement(self, self._ordinary)
        self._is_open = True
        logging.Logger._log = self._replacement  # type: ignore[method-assign] # the point of it

    def close(self) -> None:
        """Give ``Logger._log`` back; if somebody has wrapped it meanwhile, only stop serving."""
        self._is_open = False
        if self._ordinary is not None and logging.Logger._log is self._replacement:
            logging.Logger._log = self._ordinary  # type: ignore[method-assign] # as it was

    def is_alone(self, logger: logging.Logger, level: int) -> bool:
        """Whether a record would reach our handler as it is, and nobody else."""
        handler, kind = self.handler, type(logger)
        if (
            not self._is_open
            or len(logger.__dict__) != _ATTRIBUTE_COUNTS.get(kind)
            or logger.disabled
            or logger.filters
            or handler.filters
            or level < handler.level
            or handler.before_next is not None
            or _methods_of(kind) != _METHODS
            or logging.getLogRecordFactory() is not _LogRecord
            or _LogRecord.__init__ is not _init
            or _LogRecord.getMessage is not _get_message
            or logging._srcfile is None  # documented: then callers are not looked for
        ):
            return False
        # Handlers come and go in plain lists, so there is nothing that could tell when.
        is_found = False
        current: logging.Logger | None = logger
        while current is not None:
            for other in current.handlers:
                if other is handler and not is_found:
                    is_found = True
                elif type(other) is not logging.NullHandler:
                    return False
            current = current.parent if current.propagate else None
        return is_found


def _record(place: _Place, level: int, msg: object, args: Any, exc_info: Any) -> logging.LogRecord:
    """What stdlib would have made of a call, for those who report errors."""
    name, function, line, _, _, path, _, _ = place
    return logging.LogRecord(name, level, path, line, msg, args, exc_info, function)


def _replacement(road: FastRoad, ordinary: Callable[..., None]) -> Callable[..., None]:
    handler, is_alone = road.handler, road.is_alone

    def _log(
        self: logging.Logger,
        level: int,
        msg: object,
        args: Any,
        exc_info: Any = None,
        extra: Any = None,
        stack_info: bool = False,
        stacklevel: int = 1,
    ) -> None:
        place = None
        if (
            not stack_info
            and stacklevel == 1
            and (extra is None or _is_plain(extra))
            and is_alone(self, level)
        ):
            place = _caller(self, extra)
        if place is None:
            road.check()
            if _COUNTS_OUR_FRAME and type(self).findCaller is logging.Logger.findCaller:
                stacklevel += 1
            ordinary(self, level, msg, args, exc_info, extra, stack_info, stacklevel)
            return
        if exc_info:
            if isinstance(exc_info, BaseException):
                exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
            elif not isinstance(exc_info, tuple):
                exc_info = sys.exc_info()
        outer = _call.place
        try:
            try:
                message = str(msg)
                if args:
                    # As LogRecord does: one mapping holds values for %(names)s.
                    is_mapping = len(args) == 1 and isinstance(args[0], Mapping) and args[0]
                    message = message % (args[0] if is_mapping else args)
            except Exception as error:
                record = _record(place, level, msg, args, exc_info)
                message = handler.unformatted(record, error)
            forwarder = _patched
            if exc_info and exc_info[0] is not None:
                forwarder = forwarder.opt(exception=exc_info)
            _call.place = place
            # No arguments, as in `InterceptHandler.emit`.
            forwarder.log(loguru_level(level), message)
        except Exception:
            handler.handleError(_record(place, level, msg, args, exc_info))
        finally:
            _call.place = outer

    # stdlib, absl, TensorFlow and loguru's recipe look for the caller by the file of each
    # frame; this one must not be taken for it.
    _log.__code__ = _log.__code__.replace(co_filename=_SOURCE)
    return _log


def _is_plain(extra: Any) -> bool:
    """Whether stdlib would take these fields; what it refuses, it shall refuse itself."""
    return type(extra) is dict and STANDARD_ATTRIBUTES.isdisjoint(extra)


def _caller(logger: logging.Logger, extra: dict[Any, Any] | None) -> _Place | None:
    """Where the log call was made, the first frame outside of stdlib's logging.

    Returns:
        ``None`` where stdlib may take another frame for the caller: `_log` was not called by
        a log method, or there is nothing but log methods.
    """
    frame: FrameType | None = sys._getframe(2)
    if frame is None or frame.f_code.co_filename != _SOURCE:
        return None
    while (path := frame.f_code.co_filename) == _SOURCE:
        frame = frame.f_back
        if frame is None:
            return None
    file = _file(path)
    if file is None:
        return None
    module, file_name = file
    function, line = frame.f_code.co_name, frame.f_lineno
    return (logger.name, function, line, module, file_name, path, time.time(), extra)


@lru_cache(maxsize=1000)
def _file(path: str) -> tuple[str, str] | None:
    """Module and file name; ``None`` where stdlib may take another frame for the caller."""
    if "importlib" in path and "_bootstrap" in path:
        return None
    name = basename(path)
    return splitext(name)[0], name


def _describe(record: Any) -> None:
    """Loguru patcher: write where the call was made, and its ``extra=``, into loguru's record."""
    place = _call.place
    if place is None:
        return
    _call.place = None
    name, function, line, module, file_name, path, created, fields = place
    record["name"] = name
    record["function"] = function
    record["line"] = line
    record["module"] = module
    file = record["file"]
    file.name, file.path = file_name, path
    if fields:
        extra = record["extra"]
        for key, value in fields.items():
            if key != "rank":
                extra[key] = value
    if time.time() - created > STALE_SECONDS:
        keep_time(record, created)


_patched = loguru_logger.patch(_describe)
