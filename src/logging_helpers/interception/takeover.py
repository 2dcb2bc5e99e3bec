"""Takes stdlib's logging over, reversibly: root's handlers and level, loggers with their own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from logging_helpers.interception.handler import InterceptHandler, is_console_handler


class _Saved(NamedTuple):
    """What a logger was like before."""

    handlers: tuple[logging.Handler, ...]
    propagate: bool


class Takeover:
    """The hold on stdlib's logging.

    Args:
        on_lost: Called when somebody takes our handler away from root.
    """

    def __init__(self, on_lost: Callable[[], None]) -> None:
        self._on_lost = on_lost
        self.handler = InterceptHandler(self._handler_was_closed)
        self._is_held = False
        self._root_level = logging.NOTSET
        self._root_handlers: list[logging.Handler] = []
        self._adopted: dict[str, _Saved] = {}
        self._levels: dict[str, int] = {}
        self._disabled: frozenset[str] = frozenset()

    def is_lost(self) -> bool:
        """Whether stdlib's records do not reach us although they should."""
        return self._is_held and self.handler not in logging.getLogger().handlers

    def hold(self, level: int, directives: Iterable[tuple[str, int]]) -> None:
        """Put our handler on root in place of its console handlers, and set levels.

        Args:
            level: Lowest level that any output wants: stdlib itself rejects what is below.
            directives: Loggers with levels of their own.
        """
        if not self._is_held:
            self._is_held = True
            self._root_level = logging.getLogger().level
            self._disabled = frozenset(logger.name for logger in _loggers() if logger.disabled)
        self._default_level = level
        self._restore_levels()
        for name, number in directives:
            logger = logging.getLogger(name)
            self._levels[name] = logger.level
            logger.setLevel(number)
        self.assert_hold()

    def assert_hold(self) -> None:
        """Undo what others did to the hold: ``basicConfig(force=True)``, and the like."""
        root = logging.getLogger()
        for handler in list(root.handlers):
            if is_console_handler(handler):
                root.removeHandler(handler)
                self._root_handlers.append(handler)
        if self.handler not in root.handlers:
            # First, so that a foreign handler that writes into the record cannot spoil it.
            root.handlers.insert(0, self.handler)
        if root.level != self._default_level:
            root.setLevel(self._default_level)
        for logger in _loggers():
            if logger.disabled and logger.name not in self._disabled:
                logger.disabled = False  # dictConfig disables the loggers it does not name
        for name in self._adopted:
            _adopt(name)

    def adopt(self, names: Iterable[str]) -> None:
        """Let records of loggers with own handlers or ``propagate=False`` reach root only."""
        for name in names:
            logger = logging.getLogger(name)
            saved = _Saved(tuple(logger.handlers), logger.propagate)
            self._adopted.setdefault(name, saved)
            _adopt(name)

    def release(self) -> None:
        """Give everything back as it was."""
        if not self._is_held:
            return
        self._is_held = False
        root = logging.getLogger()
        root.removeHandler(self.handler)
        for handler in self._root_handlers:
            root.addHandler(handler)
        self._root_handlers.clear()
        root.setLevel(self._root_level)
        self._restore_levels()
        for name, saved in self._adopted.items():
            logger = logging.getLogger(name)
            logger.propagate = saved.propagate
            for handler in saved.handlers:
                logger.addHandler(handler)  # does nothing for one that is there
        self._adopted.clear()

    def _restore_levels(self) -> None:
        for name, number in self._levels.items():
            logging.getLogger(name).setLevel(number)
        self._levels.clear()

    def _handler_was_closed(self) -> None:
        # basicConfig(force=True) takes a handler from root and closes it. dictConfig and
        # the end of the interpreter close handlers that are still there: nothing is lost yet.
        if self.is_lost():
            self._on_lost()


def _adopt(name: str) -> None:
    logger = logging.getLogger(name)
    for handler in list(logger.handlers):
        if is_console_handler(handler):
            logger.removeHandler(handler)
    logger.propagate = True


def _loggers() -> Iterator[logging.Logger]:
    for logger in list(logging.Logger.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            yield logger
