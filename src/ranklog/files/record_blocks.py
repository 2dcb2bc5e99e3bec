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
        size: Bytes of a block; a longer record makes a longer one.
        damage: Told of what is no record.
        start: Where to begin.
        end: Where a record begins that is not wanted any more, nor what follows it.
    """
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
                yield reader.split(whole, damage)
        offset = 0
        if limit is None:
            cutter.end_line(source.layout.cut_mark)
    rest = cutter.rest()
    if rest:
        damage.place = source.path
        yield reader.split(rest, damage)


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
        self._buffer = b""
        self._pieces: list[bytes] = []  # of what came since; joined once, however long a record is

    def feed(self, data: bytes) -> bytes:
        """Take `data`; all up to the start of the last record, empty where that is not known."""
        if b"\n" not in data:
            self._pieces.append(data)
            return b""
        seen = len(self._buffer)
        self._buffer = b"".join((self._buffer, *self._pieces, data))
        self._pieces.clear()
        # What was looked at before holds no start but perhaps one in its last line.
        floor = self._buffer.rfind(b"\n", 0, seen) if seen else -1
        position = len(self._buffer)
        while (position := self._buffer.rfind(b"\n", max(floor, 0), position)) >= 0:
            if self._match(self._buffer, position + 1):
                break
        else:
            return b""
        whole, self._buffer = self._buffer[: position + 1], self._buffer[position + 1 :]
        return whole

    def end_line(self, cut_mark: bytes) -> None:
        """End a last line that has no newline, as the next process to open the file would."""
        rest = self.rest()
        self._buffer = rest if rest.endswith(b"\n") or not rest else rest + cut_mark

    def is_whole(self) -> bool:
        """Whether what is left ends in a newline."""
        return (self._pieces[-1] if self._pieces else self._buffer).endswith(b"\n")

    def rest(self) -> bytes:
        """What is left: the last record, and what is below it."""
        rest = b"".join((self._buffer, *self._pieces))
        self._buffer = b""
        self._pieces.clear()
        return rest
