"""What holds for both layouts: every record reads back, and only those that were written."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, replace
from datetime import datetime, timedelta, timezone
from itertools import accumulate

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import (
    as_json_reads,
    as_text_reads,
    banner,
    decode,
    end,
    names,
    record,
    records,
    visible,
)

from ranklog.line_format import (
    EPOCH,
    LAYOUTS,
    Damage,
    JsonLayout,
    Layout,
    Record,
    TextLayout,
    encode,
    split_time,
    user_line,
)

some_records = st.lists(records(), max_size=4)


@pytest.fixture(params=sorted(LAYOUTS), scope="module")
def layout(request: pytest.FixtureRequest) -> Layout:
    return LAYOUTS[request.param]()


def as_read(layout: Layout, written: Record) -> Record:
    if isinstance(layout, JsonLayout):
        return as_json_reads(written)
    return as_text_reads(written, is_child=True)


def lay_out(layout: Layout, written: list[Record]) -> list[bytes]:
    return [encode(one, layout, is_child=True) for one in written]


def test_the_layouts_are_text_and_json() -> None:
    assert {"text": TextLayout, "json": JsonLayout} == LAYOUTS
    assert {name: layout.suffix for name, layout in LAYOUTS.items()} == {
        "text": ".log",
        "json": ".jsonl",
    }


@given(written=some_records)
@settings(max_examples=80)
def test_every_record_of_a_file_reads_back(layout: Layout, written: list[Record]) -> None:
    data = b"".join(lay_out(layout, written))
    expected = [as_read(layout, one) for one in written]
    assert (expected, Damage()) == decode(layout, data)


@given(written=records())
@settings(max_examples=40)
def test_what_was_read_is_laid_out_as_the_same_bytes_again(layout: Layout, written: Record) -> None:
    data = encode(written, layout, is_child=True)
    ((read,), _) = decode(layout, data)
    assert data == encode(read, layout, is_child=True)


@given(written=records(json_exact=False))
@settings(max_examples=40)
def test_a_file_holds_no_control_characters(layout: Layout, written: Record) -> None:
    data = encode(written, layout, is_child=True)
    text = data.decode()
    allowed = "\n\t" if isinstance(layout, TextLayout) else "\n"
    assert visible(text) == text
    assert text.endswith("\n")
    assert {c for c in text if ord(c) < 32 or 127 <= ord(c) < 160} <= set(allowed)


@given(
    before=st.lists(records(), min_size=1, max_size=3),
    after=st.lists(records(), min_size=1, max_size=2),
    data=st.data(),
)
@settings(max_examples=120)
def test_a_file_cut_anywhere_loses_the_record_that_was_cut_and_no_other(
    layout: Layout, before: list[Record], after: list[Record], data: st.DataObject
) -> None:
    pieces = lay_out(layout, before)
    ends = list(accumulate(map(len, pieces)))
    cut = data.draw(st.integers(0, ends[-1]), label="cut")
    whole = sum(end <= cut for end in ends)
    left = b"".join(pieces)[:cut]
    fragment = left[ends[whole - 1] if whole else 0 :]

    is_marked = not left.endswith(b"\n") and left != b""
    mark = layout.cut_mark if is_marked else b""
    read, damage = decode(layout, b"".join((left, mark, *lay_out(layout, after))))

    middle: list[Record] = []
    if isinstance(layout, JsonLayout) and fragment + b"\n" in pieces:
        middle = [before[whole]]  # only its newline is missing, and JSON tells where it ends
        is_marked = False
    elif fragment.endswith(b"\n"):
        # A cut between two lines of one record looks like the end of a shorter one.
        middle, _ = decode(layout, fragment)
        (shorter,) = middle
        full = as_read(layout, before[whole])
        assert full.message.startswith(shorter.message)
        assert (full.exception or "").startswith(shorter.exception or "")
        assert shorter.extra == {}
        assert full == replace(
            shorter, message=full.message, exception=full.exception, extra=full.extra
        )
    expected = [as_read(layout, one) for one in (*before[:whole], *middle, *after)]
    assert expected == read
    assert (int(is_marked), 0) == (damage.cut_records, damage.foreign_lines)


@given(written=records(), cut=st.integers(1, 10_000))
@settings(max_examples=40)
def test_a_writer_that_knows_of_its_short_write_marks_it_and_writes_again(
    layout: Layout, written: Record, cut: int
) -> None:
    data = encode(written, layout, is_child=True)
    # Also at the end of a line, where no later opener could see it.
    left = data[: min(cut, len(data) - 2)]
    read, damage = decode(layout, left + layout.cut_mark + data)
    assert ([as_read(layout, written)], 1) == (read, damage.cut_records)


@given(seconds=st.integers(-(10**10), 10**10), microseconds=st.integers(0, 999_999))
@example(seconds=-1, microseconds=0)
@settings(max_examples=40)
def test_a_time_reads_back_to_the_microsecond(
    layout: Layout, seconds: int, microseconds: int
) -> None:
    time = EPOCH + timedelta(seconds=seconds, microseconds=microseconds)
    fresh = type(layout)()
    (read,), _ = decode(fresh, encode(record(time=time), fresh))
    assert time == read.time
    assert (seconds, microseconds) == split_time(time)


def test_a_time_of_another_zone_is_written_in_utc(layout: Layout) -> None:
    zone = timezone(timedelta(hours=5, minutes=45))
    time = datetime(2026, 10, 6, 5, 35, tzinfo=zone)
    (read,), _ = decode(layout, encode(record(time=time), layout))
    assert (time, timezone.utc) == (read.time, read.time.tzinfo)


def test_a_record_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        record().message = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (banner(7), (True, False)),
        (end(), (False, True)),
        (banner(7, line=1), (False, False)),
        (banner(7, logger="ranklog.x"), (False, False)),
        (banner(7, function="notice"), (False, False)),
        (record(), (False, False)),
    ],
)
def test_banner_and_end_are_known_by_logger_function_and_line(
    one: Record, expected: tuple[bool, bool]
) -> None:
    assert expected == (one.is_banner, one.is_end)


@pytest.mark.parametrize(
    ("logger", "line", "expected"),
    [
        ("train", 214, 214),
        ("train", 0, 0),
        ("train", -3, 0),
        ("train", None, 0),
        ("train", "214", 0),
        ("train", 2.5, 0),
        ("train", math.nan, 0),
        ("ranklog", 214, 214),
        ("ranklog", 0, 1),
        ("ranklog", -3, 1),
        ("ranklog", None, 1),
    ],
)
def test_a_users_line_is_a_number_that_forges_no_banner(
    logger: str, line: object, expected: int
) -> None:
    assert expected == user_line(logger, line)


def test_a_users_line_is_written_in_digits() -> None:
    assert str(user_line("train", True)) == "1"


@given(
    logger=names(json_exact=True),
    function=names(json_exact=True),
    line=st.none() | st.integers(-2, 2) | st.booleans() | st.text(),
    message=st.sampled_from((encode(banner(7), TextLayout()).decode(), "\n", "started")),
)
@example(logger="ranklog", function="start", line=0, message="started")
@example(logger="ranklog", function="end", line=False, message="end")
@settings(max_examples=40)
def test_no_users_record_reads_back_as_a_banner_or_an_end(
    layout: Layout, logger: str, function: str, line: object, message: str
) -> None:
    users = record(logger=logger, function=function, line=user_line(logger, line), message=message)
    read, _ = decode(layout, encode(users, layout))
    assert [(one.is_banner, one.is_end) for one in read] == [(False, False)]
