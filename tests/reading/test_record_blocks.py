"""A source's bytes, cut into blocks of whole records."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_files import CUT, STACKS, at, damaged_files, lay_out, split_whole, write_source
from strategies import record

from ranklog.files.record_blocks import BEGINNING, Cutter, Start, record_blocks
from ranklog.line_format import LAYOUTS, Damage, JsonLayout, Layout, Records, TextLayout

TEXT = TextLayout()
A, B, C, D = (lay_out(TEXT, [at(number, name)]) for number, name in enumerate("abcd"))
LONG = lay_out(TEXT, [record(message="é\nzwei" * 50)])


def both_layouts(function):
    return pytest.mark.parametrize("layout", [layout() for layout in LAYOUTS.values()])(function)


def cut(layout: Layout, pieces: list[bytes]) -> list[bytes]:
    cutter = Cutter(layout.reader().START)
    return [*(cutter.feed(piece) for piece in pieces), cutter.rest()]


def parts(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({min(place, len(data)) for place in places} | {0, len(data)})
    return [data[begin:end] for begin, end in pairwise(ends)]


@both_layouts
@given(data=st.data(), places=st.lists(st.integers(0, 2_000), max_size=12))
def test_bytes_are_cut_where_records_begin_however_they_come(
    layout: Layout, data: st.DataObject, places: list[int]
) -> None:
    content = b"".join(data.draw(damaged_files(layout)))
    found = cut(layout, parts(content, places))
    assert content == b"".join(found)
    records, damage = split_whole(layout, [content])
    some = Records([], [])
    some_damage = Damage()
    for block in found[:-1]:
        split = layout.reader().split(block, some_damage)
        some = Records(some.items + split.items, some.keys + split.keys)
    last, _ = split_whole(layout, [found[-1]])
    layout.reader().split(found[-1] + (b"" if ended(found[-1]) else layout.cut_mark), some_damage)
    assert records == Records(some.items + last.items, some.keys + last.keys)
    assert (damage.cut_records, damage.foreign_lines) == (
        some_damage.cut_records,
        some_damage.foreign_lines,
    )


@both_layouts
@pytest.mark.parametrize("gz", [0, 3])
def test_pieces_smaller_than_half_a_block_make_one_together(
    layout: Layout, tmp_path: Path, gz: int
) -> None:
    pieces = [lay_out(layout, [at(9 * n + m) for m in range(9)]) for n in range(4)]
    source = write_source(tmp_path, layout, pieces, gz=gz)
    every, _ = split_whole(layout, pieces)
    for size, least in ((1 << 20, 36), (len(pieces[0]) * 3, 12), (16, 1)):
        found = list(record_blocks(source, size, Damage()))
        assert every.items == [item for one in found for item in one.items]
        assert every.keys == [key for one in found for key in one.keys]
        assert all(len(one.items) >= least for one in found[:-1])


def ended(data: bytes) -> bool:
    return data == b"" or data.endswith(b"\n")


def test_every_split_of_a_few_records_gives_the_same() -> None:
    """In the middle of a stamp and of a character too."""
    content = A + LONG + STACKS + B
    for place in range(len(content) + 1):
        first, second, rest = cut(TEXT, [content[:place], content[place:]])
        assert content == first + second + rest
        assert B == rest


@both_layouts
@given(data=st.data(), gz=st.integers(0, 2), size=st.sampled_from((1, 7, 64, 500, 1 << 20)))
@settings(max_examples=40)
def test_the_blocks_of_a_source_hold_what_all_its_bytes_hold(
    layout: Layout, data: st.DataObject, gz: int, size: int
) -> None:
    contents = [b"".join(data.draw(damaged_files(layout))) for _ in range(3)]
    damage = Damage()
    with tempfile.TemporaryDirectory() as directory:
        source = write_source(Path(directory), layout, contents, gz=gz)
        found = list(record_blocks(source, size, damage))
    records, expected = split_whole(layout, contents)
    items = [item for one in found for item in one.items]
    assert records == Records(items, [key for one in found for key in one.keys])
    assert expected == damage


@pytest.mark.parametrize("gz", [0, 2])
@pytest.mark.parametrize("size", [16, 1 << 20])
def test_reading_may_begin_and_end_at_any_record(tmp_path: Path, gz: int, size: int) -> None:
    pieces = [[A, LONG], [B], [C, D]]
    source = write_source(tmp_path, TEXT, [b"".join(piece) for piece in pieces], gz=gz)
    starts = [
        Start(number, sum(map(len, piece[:place])))
        for number, piece in enumerate(pieces)
        for place in range(len(piece))
    ]
    every = [A, LONG, B, C, D]
    for begin, start in enumerate(starts):
        for stop, end in enumerate([*starts, None]):
            blocks = record_blocks(source, size, Damage(), start, end)
            found = [item for records in blocks for item in records.items]
            assert every[begin : max(stop, begin)] == found


def test_stacks_at_the_start_of_a_piece_belong_to_the_last_record_before_it(
    tmp_path: Path,
) -> None:
    source = write_source(tmp_path, TEXT, [A + B, STACKS + C, D], gz=1)
    found = [item for one in record_blocks(source, 1 << 20, Damage()) for item in one.items]
    assert [A, B + STACKS, C, D] == found


@pytest.mark.parametrize(
    ("torn", "cut_records"), [(B[:-1], 1), (B[:40], 1), (b"2", 1), (LONG[:-9], 1), (b"", 0)]
)
def test_a_line_that_was_never_ended_is_cut_by_the_next_piece_or_the_end(
    tmp_path: Path, torn: bytes, cut_records: int
) -> None:
    damage = Damage()
    source = write_source(tmp_path, TEXT, [A + torn, C + torn])
    found = [item for one in record_blocks(source, 9, damage) for item in one.items]
    assert ([A, C], 2 * cut_records, 0) == (found, damage.cut_records, damage.foreign_lines)


def test_an_ended_line_needs_no_mark() -> None:
    for layout, expected in ((TEXT, b"a" + CUT), (JsonLayout(), b"a\n")):
        for line, ended_as in ((b"", b""), (b"a\n", b"a\n"), (b"a", expected)):
            cutter = Cutter(layout.reader().START)
            cutter.feed(line)
            cutter.end_line(layout.cut_mark)
            assert ended_as == cutter.rest()


def test_the_file_with_the_damage_is_named(tmp_path: Path) -> None:
    damage = Damage()
    source = write_source(tmp_path, TEXT, [A + b"x\n" + A, B, b"y\n" + C])
    list(record_blocks(source, 1 << 20, damage))
    old, _, live = (segment.path for segment in source.segments)
    assert {old: "1 line of no record, such as 'x'", live: "1 line of no record, such as 'y'"} == {
        path: found.describe() for path, found in damage.files.items()
    }


@both_layouts
def test_a_long_file_of_somebody_elses_is_given_out_piece_by_piece(layout: Layout) -> None:
    line = b"a line of a log of another program\n"
    cutter = Cutter(layout.reader().START)
    record_bytes = lay_out(layout, [record()])
    given_out = 0
    for _ in range(100):
        given_out += len(cutter.feed(line * 3_000))
    held = 100 * len(line) * 3_000 - given_out
    assert held <= 1 << 20
    assert held == len(cutter.feed(record_bytes))
    assert record_bytes == cutter.rest()


def test_a_record_of_many_pieces_comes_whole() -> None:
    cutter = Cutter(TEXT.reader().START)
    block = b"    | line\n" * 372
    assert [b""] * 2_001 == [cutter.feed(piece) for piece in (A, *[block] * 2_000)]
    assert A + block * 2_000 == cutter.feed(B)
    assert B == cutter.rest()


def test_nothing_is_before_the_beginning() -> None:
    assert Start(0, 0) == BEGINNING
