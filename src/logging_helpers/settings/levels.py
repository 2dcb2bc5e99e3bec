"""Log levels: names and numbers, and thresholds per logger."""

import contextlib
import logging
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from loguru import logger as loguru_logger

from ranklog.line_format import STANDARD_LEVELS

_NAMES: Mapping[str, int] = MappingProxyType(
    {"NOTSET": 0, **STANDARD_LEVELS, "WARN": logging.WARNING, "FATAL": logging.CRITICAL}
)
_ACCEPTED = f"accepted are {', '.join(_NAMES)}, in any case, or a number of 0 or more"


class LevelRules(NamedTuple):
    """A threshold for all loggers, and others for some and their children.

    Attributes:
        default: Lowest level number that passes.
        directives: Logger names and their own thresholds.
    """

    default: int
    directives: tuple[tuple[str, int], ...] = ()

    def lowest(self) -> int:
        """The lowest level that any logger may need."""
        return min([self.default, *(number for _, number in self.directives)])

    def for_logger(self, name: str) -> int:
        """The threshold of the nearest directive for the logger `name` or a parent of it."""
        best: tuple[int, int] | None = None
        for prefix, number in self.directives:
            if name == prefix or name.startswith(prefix + "."):
                # Of two for the same logger, the last counts, as with other such filters.
                best = max(best or (-1, 0), (len(prefix), number), key=lambda rule: rule[0])
        return self.default if best is None else best[1]


def parse_level(level: int | str, where: str) -> int:
    """The number of a level.

    Args:
        level: A name of stdlib's or loguru's in any case, or a number, also as text.
        where: What the value came from, for the error.

    Raises:
        ValueError: There is no such level.
        TypeError: It is neither text nor an integer.
    """
    if isinstance(level, bool) or not isinstance(level, (int, str)):
        raise TypeError(f"{where}={level!r} is not a log level; {_ACCEPTED}")
    number = _level_number(level) if isinstance(level, str) else level
    if number is None or number < 0:
        raise ValueError(f"{where}={level!r} is not a log level; {_ACCEPTED}")
    return int(number)


def _level_number(text: str) -> int | None:
    name = text.strip()
    if name.isascii() and name.isdigit():
        return int(name)
    for candidate in (name.upper(), name):
        if candidate in _NAMES:
            return _NAMES[candidate]
        number = logging.getLevelName(candidate)  # what addLevelName registered
        if isinstance(number, int):
            return number
        try:
            return loguru_logger.level(candidate).no
        except ValueError:
            continue
    return None


def parse_directives(text: str, where: str) -> tuple[int | None, tuple[tuple[str, int], ...]]:
    """Take ``INFO,torch=WARNING,mylib.data=DEBUG`` apart.

    Args:
        text: Comma-separated: at most one level for all loggers, and ``name=level``.
        where: What the text came from, for the error.

    Returns:
        The level for all loggers (``None`` if it names none), and the directives.

    Raises:
        ValueError: A part is malformed or names a level that does not exist.
    """
    default: int | None = None
    directives: dict[str, int] = {}
    for part in (part.strip() for part in text.split(",")):
        name, separator, level = part.rpartition("=")
        name = name.strip()
        # Parts that are separated by something else would be one odd name.
        if separator and name and not re.search(r"[\s;=]", name):
            directives.pop(name, None)
            directives[name] = parse_level(level.strip(), f"{where}: {name}")
        elif part and not separator and ":" not in part and default is None:
            default = parse_level(part, where)
        else:
            raise ValueError(
                f"{where}={text!r} is malformed at {part!r}; expected one level and"
                " name=level directives, as in INFO,torch=WARNING,mylib.data=DEBUG"
            )
    return default, tuple(directives.items())


class LevelNames(dict[tuple[int, str], "int | str"]):
    """Translates stdlib's levels into what loguru takes as a level, remembering them.

    ``names[number, logging.getLevelName(number)]`` is a loguru level of the same severity and,
    where there is one, the same name: a name whose number in loguru is `number`, else the
    number itself. A name that stdlib knows and loguru does not (``addLevelName(35, "NOTICE")``)
    is made known to loguru; a name that means another number there is not used.
    """

    def __missing__(self, key: tuple[int, str]) -> int | str:
        level = self[key] = self._find(*key)
        return level

    def loguru_level(self, number: int) -> int | str:
        """The loguru level of a stdlib level number."""
        # Not record.levelname: colouring formatters of other handlers write into it.
        return self[number, logging.getLevelName(number)]

    @staticmethod
    def _find(number: int, name: str) -> int | str:
        if not name or name == f"Level {number}" or number < 0:
            return max(number, 0)
        try:
            known = loguru_logger.level(name).no
        except ValueError:
            with contextlib.suppress(ValueError):  # another thread was faster
                loguru_logger.level(name, no=number)
            known = loguru_logger.level(name).no
        return name if known == number else number
