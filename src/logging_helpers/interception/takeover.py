"""Takes stdlib's logging over, reversibly: root's handlers and level, loggers with their own."""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from logging_helpers.interception.fast_road import FastRoad
from logging_helpers.interception.handler import InterceptHandler, is_console_handler
from logging_helpers.settings.levels import LevelRules


class _Saved(NamedTuple):
    """What a logger was like before."""

    handlers: tuple[logging.Handler, ...]
    propagate: bool


class Takeover:
    """The hold on stdlib's logging.

    Args:
        on_lost: Called once, with what was lost, when others took the hold away.
    """

    def __init__(self, on_lost: Callable[[str], None]) -> None:
        self._on_lost = on_lost
        self.handler = InterceptHandler(self._handler_was_closed)
        self.fast_road = FastRoad(self.handler, self.check_root)
        self._is_held = False
        self._root_level = logging.NOTSET
        self._root_handlers: list[logging.Handler] = []
        self._adopted: dict[str, _Saved] = {}
        # Of the loggers that have a directive: the level we set, and the one it had.
        self._directives: dict[str, int] = {}
        self._levels: dict[str, int] = {}
        self._disabled: frozenset[str] = frozenset()
        self._was_closed = False
        self._is_told = False

    def check(self) -> None:
        """Tell the owner what of the hold others took away, once until `assert_hold`."""
        self.check_root()
        if self._was_closed and _disabled_loggers() - self._disabled:
            self._tell("loggers were disabled, as dictConfig does, and their records are not seen")

    def check_root(self) -> None:
        """As `check`, but look at the root logger only, which takes no time."""
        if self._is_held and self.handler not in logging.getLogger().handlers:
            self._tell("the handler was taken from the root logger, stdlib's records are not seen")

    def _tell(self, what: str) -> None:
        if not self._is_told:
            self._is_told = True
            self._on_lost(what)

    def hold(self, rules: LevelRules) -> None:
        """Put our handler on root in place of its console handlers, and set levels.

        Args:
            rules: Lowest levels that any output wants: stdlib itself rejects what is below.
        """
        if not self._is_held:
            self._is_held = True
            self._root_level = logging.getLogger().level
            self._disabled = _disabled_loggers()
        self._default_level = rules.default
        # A logger whose directive stays keeps a level of its own at every moment: other
        # threads are logging.
        named = dict(rules.directives)
        for name, number in named.items():
            self._set_level(name, number)
        self.assert_hold()
        self.fast_road.open()
        for name in [name for name in self._directives if name not in named]:
            self._restore_level(name)

    def assert_hold(self) -> None:
        """Undo what others did to the hold: ``basicConfig(force=True)``, and the like."""
        root = logging.getLogger()
        if self.handler not in root.handlers:
            # Who took it away took all handlers away, those put aside here included.
            self._root_handlers.clear()
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
        self._assert_levels()
        self._is_told = self._was_closed = False

    def adopt(self, names: Iterable[str]) -> None:
        """Let records of loggers with own handlers or ``propagate=False`` reach root only."""
        for name in names:
            logger = logging.getLogger(name)
            saved = _Saved(tuple(logger.handlers), logger.propagate)
            self._adopted.setdefault(name, saved)
            _adopt(name)
        self._assert_levels()

    def release(self) -> None:
        """Give everything back as it was."""
        if not self._is_held:
            return
        self._is_held = self._was_closed = self._is_told = False
        self.fast_road.close()
        root = logging.getLogger()
        root.removeHandler(self.handler)
        root.handlers[:0] = [h for h in self._root_handlers if h not in root.handlers]
        self._root_handlers.clear()
        root.setLevel(self._root_level)
        for name in list(self._directives):
            self._restore_level(name)
        for name, saved in self._adopted.items():
            logger = logging.getLogger(name)
            logger.propagate = saved.propagate
            added = [handler for handler in logger.handlers if handler not in saved.handlers]
            logger.handlers[:] = [*saved.handlers, *added]
        self._adopted.clear()

    def _assert_levels(self) -> None:
        for name, number in self._directives.items():
            self._set_level(name, number)

    def _set_level(self, name: str, number: int) -> None:
        logger = logging.getLogger(name)
        if logger.level != self._directives.get(name):
            # Not by us: a library that sets its own level may be imported at any time.
            self._levels[name] = logger.level
        self._directives[name] = number
        if logger.level != number:
            logger.setLevel(number)

    def _restore_level(self, name: str) -> None:
        logger, before = logging.getLogger(name), self._levels.pop(name)
        if logger.level == self._directives.pop(name):
            logger.setLevel(before)

    def _handler_was_closed(self) -> None:
        # basicConfig(force=True) takes a handler from root and then closes it. dictConfig
        # closes all handlers first; what it takes away after that is seen by a later check.
        if self.handler in logging.getLogger().handlers:
            self._was_closed = True
            # Not by dictConfig, which has not come to it yet, but by the program's wish.
            self._disabled |= _disabled_loggers()
        self.check()


def _adopt(name: str) -> None:
    logger = logging.getLogger(name)
    for handler in list(logger.handlers):
        if is_console_handler(handler):
            logger.removeHandler(handler)
    logger.propagate = True


def _disabled_loggers() -> frozenset[str]:
    return frozenset(logger.name for logger in _loggers() if logger.disabled)


def _loggers() -> Iterator[logging.Logger]:
    for logger in list(logging.Logger.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            yield logger
