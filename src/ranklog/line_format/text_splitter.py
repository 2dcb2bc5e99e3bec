"""Splits text that holds more than whole records, line by line; see `text_reader.split`."""

from __future__ import annotations

import re

from ranklog.line_format.damage import Damage
from ranklog.line_format.guards import CUT_LINE, EXCEPTION_GUARD, EXTRA_GUARD, MESSAGE_GUARD
from ranklog.line_format.raw_text import is_finished_frame, is_stack_line

STAMP = rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00"
# Level and rank: nearly all are as wide as the first branch, which is faster than the second.
PROCESS = rb"(?:.{8} \| r.{4}|[^|\n]+\| r[^ \n]+) \| "
HEADER_LIKE = rb".{26}\+00:00 \| " + PROCESS + rb"\S+ - .*\n"
ORIGIN = rb"(Level \d+|[^ |:\n]*) +\| r(-{4}|\d{4,})(?:/(\d+))? \| ([^ |:\n]*):([^ |:\n]*):(\d+)"
GUARDS = tuple(guard.encode() for guard in (MESSAGE_GUARD, EXCEPTION_GUARD, EXTRA_GUARD))
_LINE = re.compile(rb"(?=" + STAMP + rb")" + HEADER_LIKE)
_INNER_HEADER = re.compile(STAMP + rb" \| " + ORIGIN + rb" - ")
_CUT = CUT_LINE.encode() + b"\n"
_TORN_GUARDS = (*GUARDS, CUT_LINE.encode())


class TextSplitter:
    """Splits a block that holds more than records, line by line."""

    def __init__(self, damage: Damage) -> None:
        self._damage = damage
        self._items: list[bytes] = []
        self._lines: list[bytes] = []  # of the record that is being read
        self._is_open = False  # whether guards still belong to it
        self._stray: bytes | None = None  # the line before, where it is no whole line of ours
        self._below: tuple[list[bytes], int] = [], 0  # all lines, and where the next one is

    def split(self, block: bytes) -> list[bytes]:
        """The records of a block."""
        lines = block.split(b"\n")
        lines.pop()
        for number, line in enumerate(lines):
            self._below = lines, number + 1
            self._take(line + b"\n")
        self._settle_stray()
        self._end_record()
        return self._items

    def _take(self, line: bytes) -> None:
        if line == _CUT:
            if self._lines and self._is_open:
                self._cut_record()
            elif self._stray is not None:  # it was itself the record cut
                self._damage.cut_record(as_text(self._stray[:-1]))
            self._stray = None
            return
        self._settle_stray()
        if line == b"\n":
            if self._lines:
                self._lines.append(line)
        elif self._lines and self._is_open and line.startswith(GUARDS):
            self._lines.append(line)
        elif _LINE.fullmatch(line):
            self._end_record()
            self._lines, self._is_open = [line], True
        else:
            self._take_raw(line)

    def _take_raw(self, line: bytes) -> None:
        inner = _find_header(line, *self._below)
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
        text = as_text(line[:-1])
        if not (self._lines and is_stack_line(text)):
            self._damage.foreign_line(text)
        if self._lines:
            self._lines.append(line)
            self._is_open = False

    def _cut_record(self) -> None:
        self._damage.cut_record(as_text(self._lines[0][:-1]))
        self._lines, self._is_open = [], False

    def _end_record(self) -> None:
        lines, self._lines = self._lines, []
        if not lines:
            return
        if any(b"\0" in line for line in lines if line.startswith((lines[0], *GUARDS))):
            self._damage.cut_record(as_text(lines[0][:-1]))  # a block of zeros; we write none
            return
        self._items.append(b"".join(lines))


def _is_torn_guard(line: bytes) -> bool:
    return any(guard.startswith(line) for guard in _TORN_GUARDS)


def _find_header(line: bytes, lines: list[bytes], below: int) -> int | None:
    """Where another process's record begins that landed in the middle of a raw line.

    `faulthandler` writes a line in many small pieces. In a line of ours, which begins with a
    guard, what looks like a header is what somebody logged; in zeros, nobody knows what it is;
    in a line that `faulthandler` finished, it is part of a name.

    Args:
        line: A raw line.
        lines: What it is among.
        below: Which of them comes next.
    """
    if line.startswith((*_TORN_GUARDS, b"\0")):
        return None
    match = _INNER_HEADER.search(line, 1)
    if match is None:
        return None
    start = match.start()
    if is_finished_frame(as_text(line[:-1])) and not _goes_on(line[:start], lines, below):
        return None
    return start


def _goes_on(before: bytes, lines: list[bytes], below: int) -> bool:
    """Whether the rest of a frame stands below what landed in it: its name, or its newline."""
    if b'", line ' not in before:
        return False
    raw = (
        one for one in lines[below:] if not one.startswith(GUARDS) and not _LINE.match(one + b"\n")
    )
    rest = next(raw, None)
    if before.endswith(b" in "):
        return bool(rest) and not is_stack_line(as_text(rest or b""))
    return rest == b""


def as_text(data: bytes) -> str:
    """Bytes as text; "backslashreplace" shows foreign ones, ours are always valid UTF-8."""
    return data.decode("utf-8", "backslashreplace")
