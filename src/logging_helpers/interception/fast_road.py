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
import time
from collections.abc import Callable, Mapping
from functools import partial
from logging import getLevelName, getLogRecordFactory
from operator import attrgetter
from os.path import basename, splitext
from types import CodeType, FrameType
from typing import Any

from loguru import logger as loguru_logger

from logging_helpers.interception.handler import (
    STALE_SECONDS,
    STANDARD_ATTRIBUTES,
    InterceptHandler,
    forward,
    keep_time,
    loguru_levels,
)
from logging_helpers.outputs.plain_record import extra_of

_SOURCE = logging.Logger.info.__code__.co_filename
"""The file of stdlib's logging. Whoever looks for a caller skips its frames."""
_PARAMETERS = (
    *("self", "level", "msg", "args"),
    *("exc_info", "extra", "stack_info", "stacklevel"),
)
_PLAIN_CLASSES = (logging.Logger, logging.RootLogger)
"""Loggers of other classes may do anything."""
# What a record goes through. Sentry, for one, replaces `callHandlers`.
_methods_of = attrgetter("makeRecord", "findCaller", "handle", "callHandlers", "filter")
_METHODS: tuple[Callable[..., Any], ...] = _methods_of(logging.Logger)
_state_of = attrgetter("name", *(method.__name__ for method in _METHODS))
_LogRecord = logging.LogRecord
_now, _getframe = time.time, sys._getframe
_init, _get_message = _LogRecord.__init__, _LogRecord.getMessage
# Up to Python 3.10 stdlib counts its own frames, and so ours, as levels of the stack.
_COUNTS_OUR_FRAME = sys.version_info < (3, 11)


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
        self._alone = [handler]

    def open(self) -> None:
        """Serve from now on; does nothing where others have replaced ``Logger._log``."""
        if self.handler.past_loguru is not None:  # which has ended
            return
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
        """Whether a record that a logger makes would reach our handler, and nobody else."""
        handler = self.handler
        if (
            not self._is_open
            or type(logger) not in _PLAIN_CLASSES
            or logger.disabled
            or logger.filters
            or handler.filters
            or level < handler.level
            or getLogRecordFactory() is not _LogRecord
            or _LogRecord.__init__ is not _init
            or _LogRecord.getMessage is not _get_message
            or logging._srcfile is None  # documented: then callers are not looked for
        ):
            return False
        # Handlers come and go in plain lists, so there is nothing that could tell when.
        while not logger.handlers and logger.propagate and logger.parent is not None:
            logger = logger.parent
        if logger.parent is None and logger.handlers == self._alone:
            return True
        return self._is_alone_but_for_null_handlers(logger)

    def _is_alone_but_for_null_handlers(self, logger: logging.Logger | None) -> bool:
        handlers: list[logging.Handler] = []
        while logger is not None:
            handlers += [one for one in logger.handlers if type(one) is not logging.NullHandler]
            logger = logger.parent if logger.propagate else None
        return handlers == self._alone


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
        site = None
        if (
            not stack_info
            and stacklevel == 1
            and (extra is None or _is_plain(extra))
            and is_alone(self, level)
        ):
            method = _getframe(1)
            caller = method.f_back
            # Where it is no log method that calls `_log`, only stdlib knows the caller.
            if method.f_code.co_filename == _SOURCE and caller is not None:
                key = (id(caller.f_code), caller.f_lasti, id(self))
                site = _sites.get(key) or _find_site(caller, self)
                if site is not None and site.state != _state_of(self):
                    site = None
        if site is None:
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
        try:
            log = site.log
            created = _now()
            try:
                message = str(msg)
                if args:
                    # As LogRecord does: one mapping holds values for %(names)s.
                    is_mapping = len(args) == 1 and isinstance(args[0], Mapping) and args[0]
                    message = message % (args[0] if is_mapping else args)
            except Exception as error:
                record = site.record(level, msg, args, exc_info)
                message = handler.unformatted(record, error)
            if extra or exc_info or _now() - created > STALE_SECONDS:
                log = site.forwarder(extra, exc_info, created).log
            # No arguments, as in `InterceptHandler.emit`.
            forward(log, loguru_levels[level, getLevelName(level)], message)
        except Exception:
            handler.handleError(site.record(level, msg, args, exc_info))

    # stdlib, absl, TensorFlow and loguru's recipe look for the caller by the file of each
    # frame; this one must not be taken for it.
    _log.__code__ = _log.__code__.replace(co_filename=_SOURCE)
    return _log


def _is_plain(extra: Any) -> bool:
    """Whether stdlib would take these fields; what it refuses, it shall refuse itself."""
    return type(extra) is dict and STANDARD_ATTRIBUTES.isdisjoint(extra)


class _Site:
    """A place that logs, by one logger: all that its records share.

    Attributes:
        state: What of the logger must still be as it is here.
        log: Logs to loguru, as from that place.
    """

    def __init__(self, logger: logging.Logger, code: CodeType, line: int) -> None:
        # Kept here, logger and code have ids that nobody else has.
        self.state = _state_of(logger)
        self._code = code
        self._line = line
        name = self._name = logger.name
        function, path = code.co_name, code.co_filename
        file_name = basename(path)
        module = splitext(file_name)[0]

        def describe(record: Any) -> None:
            record["name"] = name
            record["function"] = function
            record["line"] = line
            record["module"] = module
            try:
                file = record["file"]
                file.name = file_name
                file.path = path
            except (AttributeError, KeyError):
                pass  # the program's patcher has put something else there

        self._logger = loguru_logger.patch(describe)
        self.log = self._logger.log

    def forwarder(self, extra: dict[Any, Any] | None, exc_info: Any, created: float) -> Any:
        """A loguru logger for one call, which has more than a message.

        Args:
            extra: Its fields, if it has some.
            exc_info: Its exception as a triple, if it has one.
            created: When it was made, seconds since the epoch.
        """
        logger = self._logger
        if _now() - created > STALE_SECONDS:
            logger = logger.patch(partial(keep_time, created=created))
        if extra:
            logger = logger.patch(partial(_add_fields, extra))
        if exc_info and exc_info[0] is not None:
            logger = logger.opt(exception=exc_info)
        return logger

    def record(self, level: int, msg: object, args: Any, exc_info: Any) -> logging.LogRecord:
        """What stdlib would have made of a call, for those who report errors."""
        path, function = self._code.co_filename, self._code.co_name
        return logging.LogRecord(self._name, level, path, self._line, msg, args, exc_info, function)


_MOST_SITES = 5_000
_sites: dict[tuple[int, int, int], _Site] = {}


def _find_site(caller: FrameType, logger: logging.Logger) -> _Site | None:
    """The site of a call by a plain logger.

    Returns:
        ``None`` where the logger has methods of its own, or stdlib may take another frame for
        the caller.
    """
    # The caller is the first frame outside of stdlib's logging.
    frame: FrameType | None = caller
    while frame is not None and frame.f_code.co_filename == _SOURCE:
        frame = frame.f_back
    if frame is None:
        return None
    code = frame.f_code
    # To compare codes, or to ask for the line, takes the longer the longer they are.
    key = (id(code), frame.f_lasti, id(logger))
    site = _sites.get(key)
    if site is not None:
        return site
    if "importlib" in code.co_filename and "_bootstrap" in code.co_filename:
        return None
    if [getattr(method, "__func__", None) for method in _methods_of(logger)] != list(_METHODS):
        return None
    if len(_sites) >= _MOST_SITES:  # code or loggers made up at run time
        _sites.clear()
    site = _sites[key] = _Site(logger, code, frame.f_lineno)
    return site


def _add_fields(fields: dict[Any, Any], record: Any) -> None:
    """Write the ``extra=`` of a call into loguru's record."""
    extra = extra_of(record)
    for key, value in fields.items():
        if key != "rank":
            extra[key] = value
