"""Turns the segments of one rank into records, each with the process it came from."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from io import BufferedReader
from itertools import chain, groupby

from ranklog.discover import Segment
from ranklog.line_format import LAYOUTS, Damage, Record

_LAYOUT_BY_SUFFIX = {layout.suffix: layout for layout in LAYOUTS.values()}
_CHUNK_BYTES = 1 << 18


def parse_rank(segments: Iterable[Segment], damage: Damage) -> Iterator[Record]:
    """Records of one rank in file order.

    Args:
        segments: One rank's files of one format, oldest first.
        damage: Told of what could not be read.
    """
    pid: int | None = None
    for records in _in_one_format(segments, damage):
        for record in records:
            if record.is_banner:
                pid = record.extra.get("pid")
            if record.pid is None:
                record = replace(record, pid=pid)
            yield record
            if record.is_end and record.extra.get("pid", record.pid) == pid:
                pid = None  # whose records follow is unclear until the next banner


def _in_one_format(segments: Iterable[Segment], damage: Damage) -> Iterator[Iterator[Record]]:
    # Read as one file: a process that was ended right after a rotation leaves its stacks at
    # the start of the new piece, and they belong to the last record of the one before.
    for suffix, of_format in groupby(segments, key=lambda segment: segment.name.suffix):
        layout = _LAYOUT_BY_SUFFIX[suffix]()
        lines = (_lines(segment, layout.cut_mark, damage) for segment in of_format)
        yield layout.decode(chain.from_iterable(lines), damage)


def _lines(segment: Segment, cut_mark: bytes, damage: Damage) -> Iterator[str]:
    """Physical lines, split at newlines only, without them.

    A last line without a newline is followed by `cut_mark`, as the next process to open the
    file would have written it.
    """
    pieces: list[bytes] = []  # of a line that goes on; joined once, however long it is
    try:
        with _open(segment) as file:
            while chunk := file.read1(_CHUNK_BYTES):
                pieces.append(chunk)
                if b"\n" in chunk:
                    *lines, tail = b"".join(pieces).split(b"\n")
                    pieces = [tail] if tail else []
                    yield from map(_decode, lines)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        damage.foreign_line(f"{segment.path.name}: {error}")
    if pieces:
        yield from map(_decode, b"".join((*pieces, cut_mark)).split(b"\n")[:-1])


def _decode(line: bytes) -> str:
    # "backslashreplace" shows foreign bytes; ours are always valid UTF-8.
    return line.decode("utf-8", "backslashreplace")


def _open(segment: Segment) -> gzip.GzipFile | BufferedReader:
    return gzip.open(segment.path) if segment.name.is_gzip else open(segment.path, "rb")
