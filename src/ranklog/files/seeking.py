"""Looks into sources without reading them whole: ends and times."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import chain

from ranklog.files.content import PlainFile, blocks
from ranklog.files.discover import Segment, Source
from ranklog.files.record_blocks import BEGINNING, Cutter, Start, limited
from ranklog.line_format import Damage, Reader, Records

_HEAD_BYTES = 8 << 10
LOOK_BYTES = 32 << 10
"""How much of an end is looked at, unless asked for more."""
_SCAN_BYTES = 1 << 20  # of a compressed file
_LEAST_BYTES = 4 << 10
_MOST_BYTES = 64 << 20
"""Where there is no record in so much, the file is somebody else's."""
_NOTHING = Records([], [])
_Finder = Callable[..., re.Match[bytes] | None]


def head(source: Source, start: Start = BEGINNING) -> Records:
    """The first records of a source from `start` on, from 8 KiB or so."""
    reader = source.layout.reader()
    offset = start.offset
    for segment in source.segments[start.segment :]:
        records = _first_records(reader, segment, source.layout.cut_mark, offset)
        if records.items:
            return records
        offset = 0
    return _NOTHING


def tail(
    source: Source,
    end: Start | None = None,
    look_bytes: int = LOOK_BYTES,
    damage: Damage | None = None,
) -> Records:
    """The last records of a source, those before a rotation as well if it was just rotated.

    Args:
        source: Where to look.
        end: Where to take the source for ended, by default at its end.
        look_bytes: How much to look at; more where one record is longer, at times half of it. Of
            a compressed segment, which is read whole, the last block, where it has to be.
        damage: Told of files that cannot be read.
    """
    reader = source.layout.reader()
    damage = Damage() if damage is None else damage
    find_start = _start_finder(reader)
    last = len(source.segments) - 1 if end is None else end.segment
    # The segments are one text: stacks may stand at the start of the next one.
    data = b""
    records = _NOTHING
    for number in range(last, -1, -1):
        segment = source.segments[number]
        limit = end.offset if end is not None and number == end.segment else None
        if records.items and (segment.is_gzip or len(data) > look_bytes // 2):
            break
        cut_mark = source.layout.cut_mark
        try:
            if segment.is_gzip:
                above = _end_of_gzip(reader, segment, cut_mark, limit, damage)
            else:
                look = look_bytes - len(data)
                above = _end_of_plain(find_start, segment, cut_mark, limit, look)
        except OSError as error:
            damage.unreadable_file(segment.path, error.strerror or str(error))
            continue
        data = above + data
        first = find_start(data)
        if first is not None:
            records = reader.split(data[first.start() :], Damage())
    return records


def start_at(source: Source, key: bytes) -> Start:
    """Where to begin so that no record of `key` or later is missed, short of disorder.

    Segments are told by their first record, and a plain one is then searched by halves. A
    compressed one is read from its beginning.
    """
    reader = source.layout.reader()
    for number in range(len(source.segments) - 1, -1, -1):
        segment = source.segments[number]
        first = _first_records(reader, segment, source.layout.cut_mark)
        if first.keys and (first.keys[0] < key or number == 0):
            offset = 0 if segment.is_gzip else _offset_of(reader, segment, key)
            return Start(number, offset)
    return Start()


def _first_records(reader: Reader, segment: Segment, cut_mark: bytes, offset: int = 0) -> Records:
    cutter = Cutter(reader.START)
    first = _NOTHING
    seen = 0
    for block in blocks(segment, _HEAD_BYTES, Damage(), offset):
        first = _joined(first, reader.split(cutter.feed(block), Damage()))
        seen += len(block)
        if (first.items and seen >= _HEAD_BYTES) or seen > _MOST_BYTES:
            return first
    cutter.end_line(cut_mark)
    return _joined(first, reader.split(cutter.rest(), Damage()))


def _joined(some: Records, more: Records) -> Records:
    return Records(some.items + more.items, some.keys + more.keys)


def _end_of_gzip(
    reader: Reader, segment: Segment, cut_mark: bytes, limit: int | None, damage: Damage
) -> bytes:
    before = last = b""
    cutter = Cutter(reader.START)
    for block in chain(limited(blocks(segment, _SCAN_BYTES, damage), limit), [None]):
        if block is None:
            cutter.end_line(cut_mark)
        whole = cutter.rest() if block is None else cutter.feed(block)
        if whole:
            before, last = last, whole
    # The last record comes alone.
    return before + last


def _end_of_plain(
    find_start: _Finder, segment: Segment, cut_mark: bytes, limit: int | None, look_bytes: int
) -> bytes:
    """The last lines of a segment from the start of a record on; all of one that has none."""
    file = PlainFile(segment.path)
    end = file.size() if limit is None else limit
    look_bytes = max(look_bytes, _LEAST_BYTES)
    while True:
        begin = max(end - look_bytes, 0)
        data = file.read_at(begin, end - begin)
        if data and not data.endswith(b"\n"):
            data += cut_mark
        # What comes before the first start may be the rest of a longer record.
        match = find_start(data, 0 if begin == 0 else data.find(b"\n") + 1)
        if match is not None or look_bytes > _MOST_BYTES:
            return data[match.start() :] if match else b""
        if begin == 0:
            return data
        look_bytes *= 4


def _start_finder(reader: Reader) -> _Finder:
    return re.compile(rb"(?:\A|(?<=\n))(?:" + reader.START + rb")").search


def _offset_of(reader: Reader, segment: Segment, key: bytes) -> int:
    """Offset of a record with all of `key` or later behind it, by halving."""
    file = PlainFile(segment.path)
    find_start = re.compile(rb"\n(?:" + reader.START + rb")").search
    try:
        low, high = 0, file.size()
        while high - low > LOOK_BYTES:
            middle = (low + high) // 2
            data = file.read_at(middle, LOOK_BYTES)
            match = find_start(data)
            end = data.rfind(b"\n") + 1
            start = None if match is None else match.start() + 1
            records = _NOTHING if start is None else reader.split(data[start:end], Damage())
            if start is None or not records.keys or records.keys[0] >= key:
                high = middle
            else:
                low = middle + start
        return low
    except OSError:  # told of by whoever reads it
        return 0
