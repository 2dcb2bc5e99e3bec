"""What tests of the reader write, and what a plain reader finds in it."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from strategies import TIME, banner, end, record

from ranklog.files.discover import Source, discover
from ranklog.line_format import LAYOUTS, Damage, Layout, Record, Records, encode

LAYOUT_OF_SUFFIX: dict[str, Layout] = {layout.suffix: layout() for layout in LAYOUTS.values()}
PIECES = ["20261006T000000.000000Z", "20261007T000000.000000Z", "20261008T000000.000000Z"]

CUT = b"\n    ~ cut\n"
STACKS = b"""\
Fatal Python error: Aborted

Current thread 0x00007f0000000740 (most recent call first):
  File "loop.py", line 3 in step
"""
TORN_STACK = b'  File "loop.py", line'
JUNK = (
    b"garbage\n",
    b"\n",
    b"\0\0\0\n",
    b"\xff\xfe\x80 not UTF-8\n",
    b"    | a guard of nobody's\n",
    b"    ~ cut\n",
    b"{}\n",
    b'{"timestamp":"2026\n',
    b"2026-10-05 23:50:00.123456+00:00 | \n",
    b"2026-10-05 23:50:00.123456+00:00 | INFO  \n   | r0003 | x:f:1 - torn in its level\n",
    b"2026-10-05 23:50:00.123456+00:00 | INFO     | r00\n03 | x:f:1 - torn in its rank\n",
    b"2026-10-05 23:50:00.123456+01:00 | INFO     | r0003 | x:f:1 - another zone\n",
    b"2026-10-05 23:50:00.12345x+00:00 | INFO     | r0003 | x:f:1 - no digit\n",
    b"2026-10-05 23:50:00.123456+00:00 | INFO     | r0\0003 | x:f:1 - a zero\n",
    STACKS,
)


def at(milliseconds: int, message: str = "m", rank: int | None = 0, **fields: Any) -> Record:
    """A record that was logged so long after `TIME`."""
    return record(
        time=TIME + timedelta(milliseconds=milliseconds), message=message, rank=rank, **fields
    )


def lay_out(layout: Layout, records: Iterable[Record]) -> bytes:
    """A file's bytes; records with a pid are a child's."""
    return b"".join(encode(one, layout, is_child=one.pid is not None) for one in records)


def write_source(directory: Path, layout: Layout, contents: list[bytes], *, gz: int = 0) -> Source:
    """A rank's files, the oldest first, so many of the oldest compressed."""
    directory.mkdir(parents=True, exist_ok=True)
    names = [f".{piece}" for piece in PIECES[: len(contents) - 1]] + [""]
    for number, (name, content) in enumerate(zip(names, contents, strict=True)):
        path = directory / f"script_3{name}{layout.suffix}"
        if number < gz:
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content, 1))
        else:
            path.write_bytes(content)
    (source,) = discover(directory)
    return source


def split_whole(layout: Layout, contents: list[bytes]) -> tuple[Records, Damage]:
    """All records of a source, split at once, and what was beside them."""
    damage = Damage()
    ended = [one if not one or one.endswith(b"\n") else one + layout.cut_mark for one in contents]
    return layout.reader().split(b"".join(ended), damage), damage


def damaged_files(layout: Layout) -> st.SearchStrategy[list[bytes]]:
    """Pieces of records and of what else is found in files of a rank."""
    samples = [
        record(message="a"),
        record(message="日本\nzwei", exception="E: x\n  y", extra={"n": "é"}),
        record(message="x" * 300, level="ERROR"),
        record(message="of a child\n\n", pid=77),
        banner(7),
        end(),
    ]
    whole = st.sampled_from([lay_out(layout, [one]) for one in samples])
    torn = st.tuples(whole, st.integers(0, 400)).map(lambda pair: pair[0][: pair[1]])
    marked = torn.map(lambda part: part + CUT)
    glued = whole.map(lambda part: STACKS + TORN_STACK + part)
    return st.lists(whole | whole | torn | marked | glued | st.sampled_from(JUNK), max_size=8)
