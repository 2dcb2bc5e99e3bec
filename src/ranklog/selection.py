"""Which records a person wants: ranks, levels, loggers, times, words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, time, timedelta, timezone
from typing import NamedTuple, TypedDict

from ranklog.line_format import STANDARD_LEVELS, Origin
from ranklog.line_format.rank_sets import RankSet, parse_ranks

_LEVELS = {**STANDARD_LEVELS, "WARN": 30, "FATAL": 50, "NOTSET": 0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_NUMBERED_LEVEL = re.compile(r"Level ([0-9]{1,9})")
# In the extra fields only: of text the line behind their guard, of JSON the last key.
_OWN_LEVEL = re.compile(rb'(?:\n    = |,"extra":)\{.*?"levelno":([0-9]{1,9})[,}]')
_NUMBER = re.compile(r"[0-9]{1,9}")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}


_CLOCK = re.compile(r"\d\d?:\d\d(?::\d\d(?:\.\d+)?)?")
_TIMES = (
    "times such as '2026-10-05 23:50:00' and 23:50 (UTC unless they say otherwise), and spans"
    " before the end of the run such as 90s, 10m, 2h"
)
When = datetime | time | timedelta
"""A time, the last time of that clock before the end of the run, or so long before that."""


class Selection(NamedTuple):
    """What to keep; the default keeps everything.

    Attributes:
        ranks: Ranks, negative ones from the end of the job.
        level: Lowest level number.
        logger: Name of a logger; its children are kept as well.
        since: From this time on.
        until: Up to and with this time.
        grep: Pattern to be found in message, exception or extra fields.
        attempt: Ordinal of a banner in each file, from 1; ``"last"`` or ``"all"``.
    """

    ranks: RankSet = RankSet()
    level: int = 0
    logger: str | None = None
    since: When | None = None
    until: When | None = None
    grep: re.Pattern[str] | None = None
    attempt: int | str = "all"


EVERYTHING = Selection()


class Filters(TypedDict, total=False):
    """What a person says of the records that are wanted.

    Attributes:
        rank: ``"0,3-5,-1"``, one rank, or several; negative ones count from the end of the job.
        level: Lowest level: a name in any case, or a number.
        logger: Name of a logger; its children are read as well.
        since: From this time on: a time (``"2026-10-05 23:50"``, in UTC unless it says
            otherwise), the last time of that clock before the run's end (``"23:50"``, UTC), or
            a span (``"10m"``, a `timedelta`), counted back from the run's end.
        until: Up to and with this time, the same.
        grep: A pattern of `re`, to be found in message, exception or extra fields.
        attempt: Ordinal of a start of the processes, from 1; ``"last"`` or ``"all"``. Views
            that look for a failure ask for the last one unless told otherwise, others for all.
    """

    rank: str | int | Iterable[int] | None
    level: str | int | None
    logger: str | None
    since: str | datetime | timedelta | None
    until: str | datetime | timedelta | None
    grep: str | re.Pattern[str] | None
    attempt: str | int | None


def make_selection(filters: Filters, *, attempt: str = "all") -> Selection:
    """A selection from what a person says.

    Args:
        filters: What is wanted; what is ``None`` or left out wants all.
        attempt: Which attempt, where `filters` do not say.

    Raises:
        ValueError: A filter is malformed.
        TypeError: A filter has the wrong type, or there is none of that name.
    """
    unknown = filters.keys() - Filters.__annotations__.keys()
    if unknown:
        accepted = ", ".join(Filters.__annotations__)
        raise TypeError(f"{unknown.pop()!r} is no filter; accepted are {accepted}")
    rank, level, grep = filters.get("rank"), filters.get("level"), filters.get("grep")
    wanted = filters.get("attempt")
    return Selection(
        ranks=RankSet() if rank is None else _rank(rank),
        level=0 if level is None else _level(level),
        logger=_logger(filters.get("logger")),
        since=_time(filters.get("since"), "since"),
        until=_time(filters.get("until"), "until"),
        grep=None if grep is None else _pattern(grep),
        attempt=_attempt(attempt if wanted is None else wanted),
    )


class Filter:
    """Decides by ranks, levels, loggers and words.

    Args:
        selection: What to keep.
        world_size: Size of the job, which negative ranks count from.
    """

    def __init__(self, selection: Selection, world_size: int | None) -> None:
        self._selection = selection
        self._world_size = world_size
        self.grep = selection.grep
        self.looks_at_origins = (
            selection.ranks.ranges is not None
            or selection.level > 0
            or selection.logger is not None
        )

    def keeps_rank(self, rank: int | None) -> bool:
        """Whether records of a rank may be wanted; ``None`` where it is not known."""
        return self._selection.ranks.includes(rank, self._world_size)

    def keeps(self, origin: Origin, item: bytes) -> bool:
        """Whether a record of an origin is wanted, by rank, level and logger.

        Args:
            origin: The origin.
            item: The record, which tells the number of a level of the program's own.
        """
        wanted = self._selection
        # A process without a rank counts as rank 0.
        if not self.keeps_rank(origin.rank or 0):
            return False
        if wanted.level > 0 and level_number(origin.level, item) < wanted.level:
            return False
        name = wanted.logger
        return name is None or origin.logger == name or origin.logger.startswith(f"{name}.")


def level_number(level: str, item: bytes) -> int:
    """Number of a level; of one of the program's own, which the record's extra fields tell."""
    number = STANDARD_LEVELS.get(level)
    if number is not None:
        return number
    match = _NUMBERED_LEVEL.fullmatch(level) or _OWN_LEVEL.search(item)
    return 0 if match is None else int(match[1])


def _level(level: str | int) -> int:
    if isinstance(level, int) and not isinstance(level, bool) and level >= 0:
        return level
    text = str(level).strip()
    if _NUMBER.fullmatch(text):
        return int(text)
    if text.upper() not in _LEVELS:
        raise ValueError(
            f"level={level!r} is no level; accepted are {', '.join(_LEVELS)}, or a number"
        )
    return _LEVELS[text.upper()]


def _rank(rank: str | int | Iterable[int]) -> RankSet:
    if hasattr(rank, "__iter__") and not isinstance(rank, str):
        rank = ",".join(map(str, rank))
    return parse_ranks(rank, "rank")


def _logger(name: str | None) -> str | None:
    if not isinstance(name, str | None):
        raise TypeError(f"logger={name!r} is no name of a logger; accepted is text")
    return name


def _time(value: str | datetime | timedelta | None, name: str) -> When | None:
    try:
        if isinstance(value, str):
            match = _SPAN.fullmatch(value.strip())
            if match is not None:
                return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])
            text = value.strip().replace("Z", "+00:00")
            # Up to Python 3.10 fractions of a second have three digits or six, and no others.
            text = re.sub(r"\.(\d+)", lambda found: f".{found[1][:6]:0<6}", text)
            if _CLOCK.fullmatch(text):
                return time.fromisoformat(text.zfill(len(text) + (text[1] == ":")))
            found = datetime.fromisoformat(text)
        elif isinstance(value, datetime):
            found = value
        elif isinstance(value, timedelta | None):
            return value
        else:
            raise TypeError(f"{name}={value!r} is no time; accepted are {_TIMES}")
        aware = found if found.tzinfo else found.replace(tzinfo=timezone.utc)
        return aware.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise ValueError(f"{name}={value!r} is no time; accepted are {_TIMES}") from None


def _pattern(pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    text = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
    if not isinstance(text, str):
        raise TypeError(f"grep={pattern!r} is no pattern of text")
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"grep={pattern!r} is no regular expression: {error}") from None


def _attempt(attempt: str | int) -> int | str:
    text = str(attempt).strip().lower()
    if text in ("all", "last"):
        return text
    if _NUMBER.fullmatch(text) and int(text) > 0:
        return int(text)
    raise ValueError(f"attempt={attempt!r} is none; accepted are 'last', 'all' and 1, 2, 3 ...")
