"""Looks into sources without reading them whole: ends and times."""

from __future__ import annotations

import re
from itertools import chain

from ranklog.files.content import PlainFile, blocks
from ranklog.files.discover import Segment, Source
from ranklog.files.record_blocks import BEGINNING, Cutter, Start, limited
from ranklog.line_format import Damage, Reader, Records

_HEAD_BYTES = 8 << 10
LOOK_BYTES = 32 << 10
"""How much of an end is looked at, unless asked for more."""
_SCAN_BYTES = 1 << 20  # of a compressed file
_MOST_BYTES = 64 << 20
"""Where there is no record in so much, the file is somebody else's."""
_NOTHING = Records([], [])


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
    """The last records of a source.

    Args:
        source: Where to look.
        end: Where to take the source for ended, by default at its end.
        look_bytes: How much to look at; more where one record is longer. Of a compressed
            segment all is read, and its last block given.
        damage: Told of files that cannot be read.
    """
    reader = source.layout.reader()
    damage = Damage() if damage is None else damage
    last = len(source.segments) - 1 if end is None else end.segment
    for number in range(last, -1, -1):
        segment = source.segments[number]
        limit = end.offset if end is not None and number == end.segment else None
        try:
            cut_mark = source.layout.cut_mark
            records = (
                _last_of_gzip(reader, segment, cut_mark, limit, damage)
                if segment.is_gzip
                else _last_records(reader, segment, cut_mark, limit, look_bytes)
            )
        except OSError as error:
            damage.unreadable_file(segment.path, error.strerror or str(error))
            continue
        if records.items:
            return records
    return _NOTHING


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


def _last_of_gzip(
    reader: Reader, segment: Segment, cut_mark: bytes, limit: int | None, damage: Damage
) -> Records:
    before = last = _NOTHING
    cutter = Cutter(reader.START)
    for block in chain(limited(blocks(segment, _SCAN_BYTES, damage), limit), [None]):
        if block is None:
            cutter.end_line(cut_mark)
        records = reader.split(cutter.rest() if block is None else cutter.feed(block), Damage())
        if records.items:
            before, last = last, records
    # The last record comes alone.
    return _joined(before, last)


def _last_records(
    reader: Reader, segment: Segment, cut_mark: bytes, limit: int | None, look_bytes: int
) -> Records:
    file = PlainFile(segment.path)
    end = file.size() if limit is None else limit
    find_start = re.compile(rb"(?:\A|(?<=\n))(?:" + reader.START + rb")").search
    while True:
        begin = max(end - look_bytes, 0)
        data = file.read_at(begin, end - begin)
        if data and not data.endswith(b"\n"):
            data += cut_mark
        # What comes before the first start may be the rest of a longer record.
        match = find_start(data, 0 if begin == 0 else data.find(b"\n") + 1)
        records = reader.split(data[match.start() :], Damage()) if match else _NOTHING
        if records.items or begin == 0 or look_bytes > _MOST_BYTES:
            return records
        look_bytes *= 4


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
