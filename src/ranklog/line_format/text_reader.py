"""Reads the text layout; see `reader.Reader`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING

from ranklog.line_format.damage import Damage
from ranklog.line_format.escapes import unescape_name
from ranklog.line_format.guards import CUT_LINE, EXCEPTION_GUARD, EXTRA_GUARD, MESSAGE_GUARD
from ranklog.line_format.raw_text import RawText, is_finished_frame, is_stack_line
from ranklog.line_format.reader import KEY_BYTES, Origin, Records, saying

if TYPE_CHECKING:
    from ranklog.line_format.record import Record

_STAMP = rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00"
# Level and rank: nearly all are as wide as the first branch, which is faster than the second.
_PROCESS = rb"(?:.{8} \| r.{4}|[^|\n]+\| r[^ \n]+) \| "
START = _STAMP + rb" \| " + _PROCESS + rb"\S+ - "
BANNER = b" | ranklog:start:0 - "

# A record as bytes, looked at only as closely as it takes to tell it from what is none: this
# is most of what a merge costs. That stamps have their digits is asked of all of them at once.
_HEADER_LIKE = rb".{26}\+00:00 \| " + _PROCESS + rb"\S+ - .*\n"
_RECORD = re.compile(_HEADER_LIKE + rb"(?:    [|!=] .*\n)*")
_PARTS = re.compile(rb".{26}\+00:00 \| (" + _PROCESS + rb"\S+) - (.*)\n((?:    [|!=] .*\n)*)")
_GUARD = re.compile(rb"\n    [|!=] ")
_LINE = re.compile(rb"(?=" + _STAMP + rb")" + _HEADER_LIKE)
_SHAPE = b"0000-00-00 00:00:00.000000"
_ALL_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_ORIGIN = rb"(Level \d+|[^ |:\n]*) +\| r(-{4}|\d{4,})(?:/(\d+))? \| ([^ |:\n]*):([^ |:\n]*):(\d+)"
_EXACT_ORIGIN = re.compile(_ORIGIN)
_INNER_HEADER = re.compile(_STAMP + rb" \| " + _ORIGIN + rb" - ")
_ORIGIN_START = 35

_GUARDS = tuple(guard.encode() for guard in (MESSAGE_GUARD, EXCEPTION_GUARD, EXTRA_GUARD))
_CUT = CUT_LINE.encode() + b"\n"
_TORN_GUARDS = (*_GUARDS, CUT_LINE.encode())


def level_mark(level: str) -> bytes:
    """Of a header, the end of the stamp and the level; see `Reader.level_mark`."""
    return f"+00:00 | {level.ljust(8)} | r".encode()


def split(block: bytes, damage: Damage) -> Records:
    """Find the records of a block; see `Reader.split`."""
    items = _RECORD.findall(block)
    keys = [item[:KEY_BYTES] for item in items]
    # Nearly all blocks are nothing but records. Zeros are what a power failure leaves.
    if (
        sum(map(len, items)) != len(block)
        or b"\0" in block
        or b"".join(keys).translate(_ALL_ZEROS) != _SHAPE * len(items)
    ):
        items = _Splitter(damage).split(block)
        keys = [item[:KEY_BYTES] for item in items]
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
            level=unescape_name(_text(level)),
            rank=None if rank == b"----" else int(rank),
            pid=None if pid is None else int(pid),
            logger=unescape_name(_text(logger)),
            function=unescape_name(_text(function)),
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
    guard = _GUARDS[0]
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
    start = (b"\n" + more).rfind(b"\n" + _GUARDS[1])
    if start < 0:
        return message
    start += len(_GUARDS[1])
    return saying(message, more[start : more.find(b"\n", start)])


def text(item: bytes) -> str:
    """What a person would search; see `Reader.text`."""
    match = _PARTS.match(item)
    if match is None:
        return _text(item)
    _, first, more = match.groups()
    return _text(first + _GUARD.sub(b"\n", b"\n" + more[:-1]) if more else first)


def parse(item: bytes, damage: Damage) -> Record | None:
    """Take a record apart; see `Reader.parse`."""
    # Not with the module: most answers need no Record, which takes long to import.
    from ranklog.line_format.record import Record

    header, *lines = _text(item).removesuffix("\n").split("\n")
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


def _text(data: bytes) -> str:
    # "backslashreplace" shows foreign bytes; ours are always valid UTF-8.
    return data.decode("utf-8", "backslashreplace")


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


class _Splitter:
    """Splits a block that holds more than records, line by line."""

    def __init__(self, damage: Damage) -> None:
        self._damage = damage
        self._items: list[bytes] = []
        self._lines: list[bytes] = []  # of the record that is being read
        self._is_open = False  # whether guards still belong to it
        self._stray: bytes | None = None  # the line before, where it is no whole line of ours

    def split(self, block: bytes) -> list[bytes]:
        lines = block.split(b"\n")
        lines.pop()
        for line in lines:
            self._take(line + b"\n")
        self._settle_stray()
        self._end_record()
        return self._items

    def _take(self, line: bytes) -> None:
        if line == _CUT:
            if self._lines and self._is_open:
                self._cut_record()
            elif self._stray is not None:  # it was itself the record cut
                self._damage.cut_record(_text(self._stray[:-1]))
            self._stray = None
            return
        self._settle_stray()
        if line == b"\n":
            if self._lines:
                self._lines.append(line)
        elif self._lines and self._is_open and line.startswith(_GUARDS):
            self._lines.append(line)
        elif _LINE.fullmatch(line):
            self._end_record()
            self._lines, self._is_open = [line], True
        else:
            self._take_raw(line)

    def _take_raw(self, line: bytes) -> None:
        inner = _find_header(line)
        if inner is None:
            # What is below a line that is not ours is no more of the record above it.
            self._is_open = self._is_open and _is_torn_guard(line[:-1])
            self._stray = line
            return
        before = line[:inner]
        if self._lines and self._is_open and _is_torn_guard(before):
            self._cut_record()
        else:
            self._add_raw(before + b"\n")
        self._end_record()
        self._lines, self._is_open = [line[inner:]], True

    def _settle_stray(self) -> None:
        if self._stray is not None:
            stray, self._stray = self._stray, None
            self._add_raw(stray)

    def _add_raw(self, line: bytes) -> None:
        text = _text(line[:-1])
        if not (self._lines and is_stack_line(text)):
            self._damage.foreign_line(text)
        if self._lines:
            self._lines.append(line)
            self._is_open = False

    def _cut_record(self) -> None:
        self._damage.cut_record(_text(self._lines[0][:-1]))
        self._lines, self._is_open = [], False

    def _end_record(self) -> None:
        lines, self._lines = self._lines, []
        if not lines:
            return
        if any(b"\0" in line for line in lines if line.startswith((lines[0], *_GUARDS))):
            self._damage.cut_record(_text(lines[0][:-1]))  # a block of zeros; we write none
            return
        self._items.append(b"".join(lines))


def _is_torn_guard(line: bytes) -> bool:
    return any(guard.startswith(line) for guard in _TORN_GUARDS)


def _find_header(line: bytes) -> int | None:
    """Where another process's record begins that landed in the middle of a raw line.

    `faulthandler` writes a line in many small pieces. In a line of ours, which begins with a
    guard, what looks like a header is what somebody logged; in zeros, nobody knows what it is;
    in a line that `faulthandler` finished, it is part of a name.
    """
    if line.startswith((*_TORN_GUARDS, b"\0")) or is_finished_frame(_text(line[:-1])):
        return None
    match = _INNER_HEADER.search(line, 1)
    return None if match is None else match.start()
