"""What readers find in a record's bytes is what the record says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import HEADER, banner, record, records

from ranklog.line_format import (
    LAYOUTS,
    STANDARD_LEVELS,
    Damage,
    JsonLayout,
    Layout,
    Origin,
    Record,
    TextLayout,
    encode,
    json_reader,
    text_reader,
)
from ranklog.line_format.extras import json_text
from ranklog.line_format.text_splitter import TextSplitter

STACK = 'Current thread 0x00007f0000000740 (most recent call first):\n  File "x.py", line 3 in f\n'
FOREIGN = (
    b"garbage\n",
    b"\n",
    b"\0\0\n",
    b"    | a guard\n",
    b"    ~ cut\n",
    b"{}\n",
    STACK.encode(),
    b'  File "x.py", lin',
    f'  File "{HEADER}", line 3 in f\n'.encode(),
    f"{HEADER}\n".encode(),
    HEADER.encode(),
    HEADER.replace("INFO", "IN\nFO").encode() + b"\n",
    HEADER.replace("r0007", "r00\n07").encode() + b"\n",
    HEADER.replace("r0007", "r00\x0007").encode() + b"\n",
    HEADER.replace("10-05", "10-0x").encode() + b"\n",
)
some_records = st.lists(records(), min_size=1, max_size=4)


@pytest.fixture(params=sorted(LAYOUTS), scope="module")
def layout(request: pytest.FixtureRequest) -> Layout:
    return LAYOUTS[request.param]()


def lay_out(layout: Layout, written: list[Record], below: str = "") -> tuple[list[bytes], Any]:
    """Items of a block of records, and the records."""
    data = b"".join(encode(one, layout, is_child=True) + below.encode() for one in written)
    reader = layout.reader()
    items = reader.split(data, Damage()).items
    parsed = [reader.parse(item, Damage()) for item in items]
    assert len(written) == len(items)
    return items, parsed


def as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


@given(written=some_records, below=st.sampled_from(("", STACK)))
@settings(max_examples=40)
def test_an_origin_says_what_the_record_says(
    layout: Layout, written: list[Record], below: str
) -> None:
    items, parsed = lay_out(layout, written, below)
    reader = layout.reader()
    assert [
        Origin(one.level, one.rank, one.pid, one.logger, one.function, one.line) for one in parsed
    ] == [reader.origin(part) for part in reader.origins(items)]
    assert [(one.is_banner, one.is_end) for one in parsed] == [
        (one.is_banner, one.is_end) for one in map(reader.origin, reader.origins(items)) if one
    ]


LAST_WORDS = [
    record(message="failed", exception="Traceback:\n  x\nE: why"),
    record(message="failed: E: why", exception="Traceback:\n  x\nE: why"),
    record(message="failed", exception=""),
    record(message="", exception="E"),
    # Guards, and keys of JSON, where they mean nothing.
    record(message="a\n    ! b", exception="E: why", extra={"n": "    ! c"}),
    record(message="a", exception="T\nE:     ! why"),
    record(message="a\n    ! b", exception=None, extra={"n": "\n    ! c"}),
    record(message="a", exception="T\nE", extra={"a": 1, "exception": None, "b": 2}),
    record(message='","exception":null,"extra":{}', exception="T\nE"),
    record(message="a\\", exception="T\nE"),
]


@given(written=some_records, below=st.sampled_from(("", STACK)))
@settings(max_examples=40)
@example(written=LAST_WORDS, below="")
@example(written=LAST_WORDS, below=f'  File "{HEADER}", line 3 in f\n')
def test_a_saying_is_the_message_and_the_last_line_of_the_exception(
    layout: Layout, written: list[Record], below: str
) -> None:
    items, parsed = lay_out(layout, written, below)
    reader = layout.reader()
    assert [as_bytes(one.message) for one in parsed] == reader.messages(items)
    expected = []
    for one in parsed:
        last = (one.exception or "").split("\n")[-1]
        is_said = one.message.endswith(last)
        expected.append(as_bytes(one.message if is_said else f"{one.message} | {last}"))
    origins, texts = reader.sayings(items)
    assert (reader.origins(items), expected) == (list(origins), list(texts))


@given(written=some_records, below=st.sampled_from(("", STACK)))
@settings(max_examples=40)
@example(written=LAST_WORDS, below="")
@example(written=[record(message="a\n    ! b\n    = c\n    | d", exception="    = e")], below=STACK)
def test_what_is_searched_is_message_exception_and_extra_fields(
    layout: Layout, written: list[Record], below: str
) -> None:
    items, parsed = lay_out(layout, written, below)
    expected = []
    for one in parsed:
        exception = [] if one.exception is None else [one.exception]
        extra = [json_text(one.extra)] if one.extra else []
        expected.append(as_bytes("\n".join([one.message, *exception, *extra])))
    assert expected == [as_bytes(layout.reader().text(item)) for item in items]


@pytest.mark.parametrize("level", STANDARD_LEVELS)
def test_the_mark_of_a_level_is_in_its_records_alone(layout: Layout, level: str) -> None:
    mark = layout.reader().level_mark(level)
    items = [encode(record(level=other), layout) for other in (*STANDARD_LEVELS, "Level 7")]
    assert [other == level for other in (*STANDARD_LEVELS, "Level 7")] == [
        mark in item for item in items
    ]


@given(one=records())
@settings(max_examples=40)
def test_the_mark_of_banners_is_in_banners_alone(layout: Layout, one: Record) -> None:
    mark = layout.reader().BANNER
    item = encode(one, layout, is_child=True)
    if mark in item:  # somebody may have logged one, in a text
        assert isinstance(layout, TextLayout)
        assert mark.decode() in f"{one.message}{one.exception}{one.extra}"
    assert mark in encode(banner(7), layout)


def test_nothing_has_no_sayings(layout: Layout) -> None:
    reader = layout.reader()
    origins, texts = reader.sayings([])
    assert ([], [], [], []) == (list(origins), list(texts), reader.origins([]), reader.messages([]))


SOME = [
    *LAST_WORDS[:6],
    banner(7, pid=7),
    record(message=f"a\n{HEADER}\n日本 \x85}}", level="Level 25", rank=None, pid=9),
    record(message="x", logger="a b", extra={"timestamp": {}, "x": [{"message": "}"}]}),
]


def blocks(layout: Layout, *, mutates: bool) -> st.SearchStrategy[bytes]:
    """Whole lines: records, torn ones, those of others, records with bytes exchanged."""
    whole = st.sampled_from([encode(one, layout, is_child=True) for one in SOME])
    ends = st.sampled_from((b"", b"\n    ~ cut\n"))
    torn = st.builds(lambda item, place, end: item[:place] + end, whole, st.integers(0, 250), ends)
    parts = whole | torn | st.sampled_from(FOREIGN)
    if mutates:
        others = st.sampled_from((b"", b"\n", b"\0", b"|", b" ", b"}", b"\xff", b"1"))
        place, length = st.integers(0, 250), st.integers(0, 3)
        parts |= st.builds(
            lambda item, place, length, other: item[:place] + other + item[place + length :],
            *(whole, place, length, others),
        )
    return st.lists(parts, max_size=6).map(b"".join).map(lambda block: ended(layout, block))


def ended(layout: Layout, block: bytes) -> bytes:
    return block if block.endswith(b"\n") or not block else block + layout.cut_mark


@given(block=blocks(TextLayout(), mutates=True))
@settings(max_examples=200)
def test_text_is_split_at_once_as_it_is_line_by_line(block: bytes) -> None:
    damage, expected = Damage(), Damage()
    found = text_reader.split(block, damage)
    items = TextSplitter(expected).split(block)
    assert (items, [item[:26] for item in items], expected) == (*found, damage)


@given(block=blocks(JsonLayout(), mutates=False))
@settings(max_examples=100)
def test_json_is_split_at_once_as_it_is_line_by_line(block: bytes) -> None:
    damage, expected = Damage(), Damage()
    found = json_reader.split(block, damage)
    assert json_reader._Splitter(expected).split(block) == found
    assert expected == damage


@given(block=blocks(JsonLayout(), mutates=True))
@settings(max_examples=100)
def test_json_that_is_damaged_inside_is_told_of_at_the_latest_when_it_is_taken_apart(
    block: bytes,
) -> None:
    damage, expected = Damage(), Damage()
    found = json_reader.split(block, damage).items
    items = json_reader._Splitter(expected).split(block).items
    parsed = [json_reader.parse(item, damage) for item in found]
    assert [json_reader.parse(item, expected) for item in items] == [one for one in parsed if one]
    assert (expected.cut_records, expected.foreign_lines) == (
        damage.cut_records,
        damage.foreign_lines,
    )


@given(block=st.binary(max_size=200) | blocks(TextLayout(), mutates=True))
@settings(max_examples=100)
def test_no_bytes_are_too_odd_for_a_reader(layout: Layout, block: bytes) -> None:
    """Also where something else than `split` found them."""
    reader = layout.reader()
    for item in (block, *reader.split(block + b"\n", Damage()).items):
        damage = Damage()
        assert (reader.parse(item, damage) is None) is bool(damage)
        parts = reader.origins([item])
        assert len(parts) == len(reader.messages([item])) == 1
        assert isinstance(reader.text(item), str)
        origin = reader.origin(parts[0])
        assert origin is None or isinstance(origin, Origin)
        reader.sayings([item])
