"""Records that hold certain bytes, found without splitting the others."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from run_files import STACKS, TORN_STACK, at, damaged_files, lay_out, split_whole, write_source

from ranklog.files import searching
from ranklog.files.discover import Source
from ranklog.files.record_blocks import BEGINNING, Start, record_blocks
from ranklog.files.searching import Found, search
from ranklog.line_format import LAYOUTS, Damage, JsonLayout, Layout, TextLayout

NEEDLES = (b"E: x", b"zwei", b"x" * 20, b"of a child", b"start:0", b"ERROR", b"nowhere")
TEXT = TextLayout()
A, B, C, D = (lay_out(TEXT, [at(number, name)]) for number, name in enumerate("abcd"))
LONG = lay_out(TEXT, [at(9, "one\ntwo", exception="E\nneedle" + "\nneedle" * 9)])


def read_from(source: Source, start: Start) -> bytes:
    """The record that a place is of."""
    return next(iter(record_blocks(source, 1 << 20, Damage(), start))).items[0]


@pytest.mark.parametrize("layout", [layout() for layout in LAYOUTS.values()])
@pytest.mark.parametrize("block_bytes", [16, 1 << 20])
@given(
    data=st.data(),
    needles=st.lists(st.sampled_from(NEEDLES), max_size=3),
    gz=st.integers(0, 2),
    size=st.integers(1, 3),
)
@settings(max_examples=25)
def test_exactly_the_records_that_hold_a_needle_are_found_each_once(
    layout: Layout, block_bytes: int, data: st.DataObject, needles: list[bytes], gz: int, size: int
) -> None:
    contents = [b"".join(data.draw(damaged_files(layout))) for _ in range(size)]
    # Where segments are read as one, a mark at the start of one is about the record before it.
    assume(not any(content.lstrip(b"\n").startswith(b"    ~ cut") for content in contents[1:]))
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(searching, "_BLOCK_BYTES", block_bytes)
        source = write_source(Path(directory), layout, contents, gz=gz)
        found = list(search(source, needles))
        records = [
            (number, item, key)
            for number, content in enumerate(contents)
            for item, key in zip(*split_whole(layout, [content])[0], strict=True)
            if any(needle in item for needle in needles)
        ]
        assert records == [(one.start.segment, one.item, one.key) for one in found]
        starts = [one.start for one in found]
        assert sorted(set(starts)) == starts
        for one in found:
            again = read_from(source, one.start)
            assert again.startswith(one.item[: one.item.find(b"\n") + 1])


@pytest.mark.parametrize("gz", [0, 1])
def test_a_search_may_begin_at_any_record(tmp_path: Path, gz: int) -> None:
    source = write_source(tmp_path, TEXT, [A + LONG + A, A + B], gz=gz)
    every = list(search(source, [b"- a\n", b"needle"]))
    places = [(0, 0), (0, len(A)), (0, len(A + LONG)), (1, 0)]
    assert [Start(*place) for place in places] == [one.start for one in every]
    assert [A, LONG, A, A] == [one.item for one in every]
    for number, one in enumerate(every):
        assert every[number:] == list(search(source, [b"- a\n", b"needle"], one.start))
    assert every == list(search(source, [b"- a\n", b"needle"], BEGINNING))


def test_a_record_that_landed_in_a_raw_line_is_found_where_it_is(tmp_path: Path) -> None:
    source = write_source(tmp_path, TEXT, [A + STACKS + TORN_STACK + B + C])
    place = Start(0, len(A + STACKS + TORN_STACK))
    key = b"2026-10-05 23:50:00.124456"
    assert [Found(place, B, key)] == list(search(source, [b"- b\n"]))
    assert B == read_from(source, place)


@pytest.mark.parametrize("layout", [TextLayout(), JsonLayout()])
def test_a_record_that_was_cut_is_none(tmp_path: Path, layout: Layout) -> None:
    torn = lay_out(layout, [at(1, "needle\ntwo")])[:-2]
    whole = lay_out(layout, [at(2, "needle\nb")])
    source = write_source(tmp_path, layout, [whole + torn, whole + torn + layout.cut_mark, torn])
    assert [whole, whole] == [one.item for one in search(source, [b"needle"])]


def test_what_cannot_be_read_is_told_of_and_passed_over(tmp_path: Path) -> None:
    source = write_source(tmp_path, TEXT, [A, B, C])
    Path(source.segments[1].path).unlink()
    damage = Damage()
    assert [A, C] == [one.item for one in search(source, [b" - "], damage=damage)]
    path = source.segments[1].path
    assert {path: "No such file or directory"} == {
        name: one.reason for name, one in damage.files.items()
    }
    assert [A, C] == [one.item for one in search(source, [b" - "])]
