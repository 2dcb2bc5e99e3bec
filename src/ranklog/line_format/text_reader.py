"""Reads the text layout; see `reader.Reader`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from operator import itemgetter
from typing import TYPE_CHECKING

from ranklog.line_format.damage import Damage
from ranklog.line_format.escapes import unescape_name
from ranklog.line_format.guards import EXCEPTION_GUARD, EXTRA_GUARD, MESSAGE_GUARD
from ranklog.line_format.raw_text import RawText
from ranklog.line_format.reader import KEY_BYTES, Origin, Records, saying
from ranklog.line_format.text_splitter import (
    GUARDS,
    HEADER_LIKE,
    ORIGIN,
    PROCESS,
    STAMP,
    TextSplitter,
    as_text,
)

if TYPE_CHECKING:
    from ranklog.line_format.record import Record

START = STAMP + rb" \| " + PROCESS + rb"\S+ - "
BANNER = b" | ranklog:start:0 - "

# A record as bytes, looked at only as closely as it takes to tell it from what is none: this
# is most of what a merge costs. That stamps have their digits is asked of all of them at once.
_RECORD = re.compile(HEADER_LIKE + rb"(?:    [|!=] .*\n)*")
_PARTS = re.compile(rb".{26}\+00:00 \| (" + PROCESS + rb"\S+) - (.*)\n((?:    [|!=] .*\n)*)")
_KEY = itemgetter(slice(KEY_BYTES))
_GUARD = re.compile(rb"\n    [|!=] ")
_SHAPE = b"0000-00-00 00:00:00.000000"
_ALL_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_EXACT_ORIGIN = re.compile(ORIGIN)
_ORIGIN_START = 35


def level_mark(level: str) -> bytes:
    """Of a header, the end of the stamp and the level; see `Reader.level_mark`."""
    return f"+00:00 | {level.ljust(8)} | r".encode()


def split(block: bytes, damage: Damage) -> Records:
    """Find the records of a block; see `Reader.split`."""
    items = _RECORD.findall(block)
    keys = list(map(_KEY, items))
    # Nearly all blocks are nothing but records. Zeros are what a power failure leaves.
    if (
        sum(map(len, items)) != len(block)
        or b"\0" in block
        or b"".join(keys).translate(_ALL_ZEROS) != _SHAPE * len(items)
    ):
        items = TextSplitter(damage).split(block)
        keys = list(map(_KEY, items))
    return Records(items, keys)


def origins(items: list[bytes]) -> list[bytes]:
    """The part of each header between stamp and message; see `Reader.origins`."""
    return [item[_ORIGIN_START : item.find(b" - ", _ORIGIN_START)] for item in items]


def origin(part: bytes) -> Origin | None:
    """Take an origin apart; see `Reader.origin`."""
    match = _EXACT_ORIGIN.fullmatch(part)
    if match is None:
        return None
    level, rank, pid, logger, function, line = match.groups()
    try:
        return Origin(
            level=unescape_name(as_text(level)),
            rank=None if rank == b"----" else int(rank),
            pid=None if pid is None else int(pid),
            logger=unescape_name(as_text(logger)),
            function=unescape_name(as_text(function)),
            line=int(line),
        )
    except ValueError:  # thousands of digits
        return None


def messages(items: list[bytes]) -> list[bytes]:
    """Messages with all their lines; see `Reader.messages`."""
    rests = [item[item.find(b" - ", _ORIGIN_START) + 3 :] for item in items]
    return [rest[:-1] if rest.find(b"\n") == len(rest) - 1 else _message(rest) for rest in rests]


def _message(rest: bytes) -> bytes:
    first, *more = rest.split(b"\n")
    guard = GUARDS[0]
    return b"\n".join(
        (first, *(line[len(guard) :] for line in takewhile(lambda one: one[:6] == guard, more)))
    )


def sayings(items: list[bytes]) -> tuple[Sequence[bytes], Sequence[bytes]]:
    """Origins and what was said; see `Reader.sayings`."""
    found = _PARTS.findall(b"".join(items))
    if len(found) != len(items):  # raw lines that look like a header
        found = [part for item in items for part in _PARTS.findall(item)[:1]]
    if not found:
        return (), ()
    parts, firsts, mores = zip(*found, strict=True)
    if any(mores):
        firsts = tuple([_saying(one, more) if more else one for _, one, more in found])
    return parts, firsts


def _saying(first: bytes, more: bytes) -> bytes:
    message = _message(first + b"\n" + more)
    start = (b"\n" + more).rfind(b"\n" + GUARDS[1])
    if start < 0:
        return message
    start += len(GUARDS[1])
    return saying(message, more[start : more.find(b"\n", start)])


def text(item: bytes) -> str:
    """What a person would search; see `Reader.text`."""
    match = _PARTS.match(item)
    if match is None:
        return as_text(item)
    _, first, more = match.groups()
    return as_text(first + _GUARD.sub(b"\n", b"\n" + more[:-1]) if more else first)


def parse(item: bytes, damage: Damage) -> Record | None:
    """Take a record apart; see `Reader.parse`."""
    # Not with the module: most answers need no Record, which takes long to import.
    from ranklog.line_format.record import Record

    header, *lines = as_text(item).removesuffix("\n").split("\n")
    end = header.find(" - ", _ORIGIN_START)
    found = origin(item[_ORIGIN_START : item.find(b" - ", _ORIGIN_START)])
    if found is None:
        for line in (header, *lines):
            damage.foreign_line(line)
        return None
    body = _Body([header[end + 3 :]], lines)
    try:
        return Record(
            time=datetime.fromisoformat(header[:32]),
            level=found.level,
            rank=found.rank,
            pid=found.pid,
            logger=found.logger,
            function=found.function,
            line=found.line,
            message="\n".join(body.message),
            exception="\n".join(body.exception) if body.exception else None,
            extra=body.fields(),
            raw=body.raw.text(),
        )
    except (ValueError, RecursionError):  # a day 32, or JSON that was damaged
        damage.cut_record(header)
        return None


class _Body:
    """The lines of a record, sorted by their guards."""

    def __init__(self, message: list[str], lines: list[str]) -> None:
        self.message = message
        self.exception: list[str] = []
        self.raw = RawText()
        self._extra: str | None = None
        is_open = True
        for line in lines:
            is_open = is_open and (not line or self._take(line))
            if not (is_open and line):
                self.raw.add(line)

    def _take(self, line: str) -> bool:
        guard, rest = line[:6], line[6:]
        if guard == MESSAGE_GUARD:
            self.message.append(rest)
        elif guard == EXCEPTION_GUARD:
            self.exception.append(rest)
        elif guard == EXTRA_GUARD:
            self._extra = rest
        else:
            return False
        return True

    def fields(self) -> dict[str, object]:
        extra = {} if self._extra is None else json.loads(self._extra)
        if not isinstance(extra, dict):
            raise ValueError("extra fields that are no object")
        return extra
