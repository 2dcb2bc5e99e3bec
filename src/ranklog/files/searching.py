"""Finds the few records of a source that hold certain bytes, without splitting the others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from ranklog.files.content import blocks
from ranklog.files.discover import Source
from ranklog.files.record_blocks import BEGINNING, Cutter, Start
from ranklog.line_format import Damage, Reader

_BLOCK_BYTES = 1 << 20


class Found(NamedTuple):
    """A record that was looked for.

    Attributes:
        start: Where it is.
        item: Its bytes, with the lines below it.
        key: Its stamp.
    """

    start: Start
    item: bytes
    key: bytes


def search(
    source: Source, needles: Iterable[bytes], start: Start = BEGINNING, damage: Damage | None = None
) -> Iterator[Found]:
    """The records that hold one of `needles`, in file order.

    Args:
        source: What to search; all of it is read, three times as fast as it is split.
        needles: Bytes without a newline. They may be found in a message as well: what a record
            is, its origin tells.
        start: Where to begin.
        damage: Told of files that cannot be read.

    Yields:
        What was found, each record once.
    """
    reader = source.layout.reader()
    needles = tuple(needles)
    finder = _Finder(reader.START, needles)
    damage = Damage() if damage is None else damage
    for number, segment in enumerate(source.segments[start.segment :], start.segment):
        cutter = Cutter(reader.START)
        offset = start.offset if number == start.segment else 0
        for block in chain(blocks(segment, _BLOCK_BYTES, damage, offset), [None]):
            if block is None:
                cutter.end_line(source.layout.cut_mark)
                whole = cutter.rest()
            else:
                held = cutter.rest()
                begin = None if finder.may_be_in(held, block) else cutter.last_start(block)
                if begin is not None:
                    # Nothing here: what may go on in the next block is enough. To cut all of it
                    # out would cost more than to search it.
                    cutter.feed(block[begin:])
                    offset += len(held) + begin
                    continue
                whole = cutter.feed(held + block)
            for begin, end in finder.spans(whole):
                for at, item, key in _records(reader, whole[begin:end]):
                    if any(needle in item for needle in needles):
                        yield Found(Start(number, offset + begin + at), item, key)
            offset += len(whole)


def _records(reader: Reader, span: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Offset, bytes and stamp of what begins like a record: one, none if it was cut.

    There are more where another process's record landed in the middle of a raw line.
    """
    end = 0
    for item, key in zip(*reader.split(span, Damage()), strict=True):
        header = item[: item.find(b"\n")]
        at = span.find(header, end)
        end = at + len(header)
        yield at, item, key


class _Finder:
    def __init__(self, start: bytes, needles: tuple[bytes, ...]) -> None:
        self._is_start = re.compile(start).match
        self._next_start = re.compile(rb"\n(?=" + start + rb")").search
        self._needles = needles
        self._longest = max(map(len, needles), default=0)

    def may_be_in(self, held: bytes, block: bytes) -> bool:
        """Whether a needle is in a block, in what is held above it, or across the two."""
        seam = held[-self._longest :] + block[: self._longest]
        return any(needle in some for needle in self._needles for some in (block, held, seam))

    def spans(self, block: bytes) -> Iterator[tuple[int, int]]:
        """Begin and end of the records of a block that hold a needle, or of what is above them."""
        end = 0
        for position in sorted(chain.from_iterable(_positions(block, n) for n in self._needles)):
            if position < end:
                continue  # in the same record as the one before
            begin = self._begin(block, position, end)
            match = self._next_start(block, position)
            end = len(block) if match is None else match.end()
            yield begin, end

    def _begin(self, block: bytes, position: int, floor: int) -> int:
        """Where the record begins that `position` is in, not before `floor`."""
        line = position
        while True:
            line = max(block.rfind(b"\n", floor, line) + 1, floor)
            if line == floor or self._is_start(block, line):
                return line
            line -= 1


def _positions(block: bytes, needle: bytes) -> Iterator[int]:
    position = block.find(needle)
    while position >= 0:
        yield position
        position = block.find(needle, position + 1)
