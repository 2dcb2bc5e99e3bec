"""The errors of one rank: its earliest, and those that it ended with."""

from __future__ import annotations

from operator import itemgetter
from typing import NamedTuple

from ranklog.echoes import find_echo
from ranklog.endings import Ending
from ranklog.files.discover import Source
from ranklog.files.searching import search
from ranklog.line_format import STANDARD_LEVELS, Damage, Reader, Record, Records
from ranklog.run import Run
from ranklog.selection import level_number
from ranklog.stamps import seconds_between

_BURST_SECONDS = 60.0
"""Errors of a failing rank that follow each other by less are of one failure."""
_DISORDER_BYTES = 1 << 20
"""How much further to look for an error that is earlier, but was written later."""
_UNCAUGHT = "uncaught "
"""What the writer begins the message with of an exception that nobody caught."""

_INTERRUPTED = b"interrupted by KeyboardInterrupt"
_LAST_RECORDS = 10


class Error(NamedTuple):
    """An error.

    Attributes:
        item: Its bytes.
        record: The same, taken apart.
        echo: The kind of echo it is, ``None`` where it may be a cause.
        is_last_word: Whether nothing but errors follows it, and how the rank ended.
    """

    item: bytes
    record: Record
    echo: str | None
    is_last_word: bool

    @property
    def is_uncaught(self) -> bool:
        """Whether it is an exception that nobody caught."""
        return self.record.message.startswith(_UNCAUGHT) and self.record.exception is not None


def earliest_error(run: Run, source: Source, level: int) -> Error | None:
    """The earliest error of a source, found without splitting what is before it."""
    span = run.span(source)
    if span is None:
        return None
    reader, sieve = source.layout.reader(), run.sieve(source)
    names = (name for name, number in STANDARD_LEVELS.items() if number >= level)
    needles = [*map(reader.level_mark, names), b'"levelno":']
    best: tuple[bytes, bytes] | None = None
    limit = span.end
    for start, item, key in search(source, needles, span.start, run.damage):
        if limit is not None and start >= limit:
            break
        chosen = sieve.choose(Records([item], [key]))
        if not chosen.items:
            continue
        if best is None:
            # Threads write in some disorder: an earlier one may stand a little later.
            near = start._replace(offset=start.offset + _DISORDER_BYTES)
            limit = near if limit is None else min(limit, near)
        if best is None or chosen.keys[0] < best[0]:
            best = chosen.keys[0], chosen.items[0]
    return None if best is None else _error(reader, best[1], is_last_word=False)


def last_errors(run: Run, ending: Ending, level: int) -> list[Error]:
    """The errors that a rank ended with, in time order: those of its last minute or so."""
    reader, sieve = ending.source.layout.reader(), run.sieve(ending.source)
    errors: list[Error] = []
    later, is_last_word = ending.newest, True
    in_order = sorted(
        zip(ending.records.keys, ending.records.items, strict=True), key=itemgetter(0)
    )
    for key, item in reversed(in_order):
        if seconds_between(key, later) > _BURST_SECONDS:
            break
        origin = reader.origin(reader.origins([item])[0])
        if origin is None or origin.is_own:
            continue
        if level_number(origin.level, item) < level:
            is_last_word = False
            continue
        later = key
        if sieve.choose(Records([item], [key])).items:
            error = _error(reader, item, is_last_word=is_last_word)
            errors += [] if error is None else [error]
    return errors[::-1]


def interruption(ending: Ending) -> Error | None:
    """The record of a Ctrl-C that ended a rank: a warning, and somebody's wish."""
    reader = ending.source.layout.reader()
    items = ending.records.items[-_LAST_RECORDS:]
    for item, message in zip(items, reader.messages(items), strict=True):
        if message == _INTERRUPTED:
            error = _error(reader, item, is_last_word=True)
            return None if error is None else error._replace(echo="interrupted")
    return None


def _error(reader: Reader, item: bytes, *, is_last_word: bool) -> Error | None:
    record = reader.parse(item, Damage())
    if record is None:
        return None
    return Error(item, record, find_echo(record.message, record.exception), is_last_word)
