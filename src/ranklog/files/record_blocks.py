"""Cuts what a rank wrote into blocks of whole records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ranklog.files.content import blocks
from ranklog.files.discover import Source
from ranklog.line_format import Damage, Records


class Start(NamedTuple):
    """Where to begin reading a source.

    Attributes:
        segment: Index of the segment.
        offset: Bytes into it, where a record begins.
    """

    segment: int = 0
    offset: int = 0


BEGINNING = Start()
_MOST_JUNK_BYTES = 1 << 20


def record_blocks(
    source: Source,
    size: int,
    damage: Damage,
    start: Start = BEGINNING,
    end: Start | None = None,
) -> Iterator[Records]:
    """Records of a source in file order, a block at a time.

    The segments are read as one: a process that was ended right after a rotation leaves its
    stacks at the start of the new piece, and they belong to the last record of the one before.

    Args:
        source: What to read.
        size: Bytes of a block, at least half of it; a longer record makes a longer one.
        damage: Told of what is no record.
        start: Where to begin.
        end: Where a record begins that is not wanted any more, nor what follows it.
    """
    # How far disorder is sorted depends on what a block spans: small pieces make one together.
    held, held_bytes = Records([], []), 0
    for records, length in _split_blocks(source, size, damage, start, end):
        if held.items:
            held.items.extend(records.items)
            held.keys.extend(records.keys)
        else:
            held = records
        held_bytes += length
        if held_bytes >= size // 2:
            yield held
            held, held_bytes = Records([], []), 0
    if held.items:
        yield held


def _split_blocks(
    source: Source, size: int, damage: Damage, start: Start, end: Start | None
) -> Iterator[tuple[Records, int]]:
    """Records of each block that is read, and how many bytes they were."""
    reader = source.layout.reader()
    cutter = Cutter(reader.START)
    offset = start.offset
    last = len(source.segments) if end is None else end.segment + 1
    for number in range(start.segment, last):
        segment = source.segments[number]
        limit = end.offset - offset if end is not None and number == end.segment else None
        for block in limited(blocks(segment, size, damage, offset), limit):
            whole = cutter.feed(block)
            if whole:
                damage.place = segment.path
                yield reader.split(whole, damage), len(whole)
        offset = 0
        if limit is None:
            cutter.end_line(source.layout.cut_mark)
    rest = cutter.rest()
    if rest:
        damage.place = source.path
        yield reader.split(rest, damage), len(rest)


def limited(some: Iterator[bytes], limit: int | None) -> Iterator[bytes]:
    """The first `limit` bytes of blocks, ``None`` for all of them."""
    if limit is None:
        yield from some
        return
    for block in some:
        if limit <= 0:
            return
        yield block[:limit]
        limit -= len(block)


class Cutter:
    """Takes bytes as they come, and gives those back that end where a record begins.

    Args:
        start: Pattern of what a record begins with.
    """

    def __init__(self, start: bytes) -> None:
        self._match = re.compile(start).match
        # Joined once, however long a record is and in however many pieces it comes.
        self._lines: list[bytes] = []  # whole lines, in which no further record begins
        self._lines_bytes = 0
        self._line: list[bytes] = []  # the line after them, as far as it came

    def feed(self, data: bytes) -> bytes:
        """Take `data`; all up to the start of the last record, empty where that is not known.

        What comes before the first record is given out as well, where it is long.
        """
        if b"\n" not in data:
            self._line.append(data)
            return b""
        cut = self.last_start(data)
        if cut is not None:  # nearly always, and most of `data` is copied but once then
            whole = b"".join((*self._lines, *self._line, memoryview(data)[:cut]))
            rest = data[cut:]
        else:
            rest = b"".join((*self._line, data))
            if not (self._lines and self._match(rest)):
                self._keep_lines(rest)
                return self._junk()
            whole = b"".join(self._lines)
        self._lines.clear()
        self._lines_bytes = 0
        self._keep_lines(rest)
        return whole

    def end_line(self, cut_mark: bytes) -> None:
        """End a last line that has no newline, as the next process to open the file would."""
        if any(self._line):
            self._keep(b"".join((*self._line, cut_mark)), b"")

    def rest(self) -> bytes:
        """What is left: the last record, and what is below it."""
        rest = b"".join((*self._lines, *self._line))
        self._lines.clear()
        self._line.clear()
        self._lines_bytes = 0
        return rest

    def last_start(self, block: bytes) -> int | None:
        """Where in a block its last record begins, but for one at the very beginning of it."""
        position = len(block)
        while (position := block.rfind(b"\n", 0, position)) >= 0:
            if self._match(block, position + 1):
                return position + 1
        return None

    def _keep_lines(self, data: bytes) -> None:
        end = data.rfind(b"\n") + 1
        self._keep(data[:end], data[end:])

    def _keep(self, lines: bytes, line: bytes) -> None:
        if lines:
            self._lines.append(lines)
            self._lines_bytes += len(lines)
        self._line[:] = [line]

    def _junk(self) -> bytes:
        """Lines of a file of somebody else's, which need not all be in memory at once."""
        if self._lines_bytes <= _MOST_JUNK_BYTES or self._match(self._lines[0]):
            return b""
        junk = b"".join(self._lines)
        self._lines[:] = [b""]  # what comes next is the start of a line
        self._lines_bytes = 0
        return junk
