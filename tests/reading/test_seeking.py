"""Ends and times of a source, found without reading it whole."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from run_files import CUT, STACKS, at, lay_out, split_whole, write_source

from ranklog.files import seeking
from ranklog.files.record_blocks import BEGINNING, Start, record_blocks
from ranklog.files.seeking import head, start_at, tail
from ranklog.line_format import LAYOUTS, Damage, JsonLayout, Layout, Records, TextLayout

TEXT = TextLayout()
NOTHING = Records([], [])
MANY = 40


@pytest.fixture(params=[layout() for layout in LAYOUTS.values()], ids=sorted(LAYOUTS))
def layout(request: pytest.FixtureRequest) -> Layout:
    return request.param


@pytest.fixture
def small_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that files of some KiB are larger than a look."""
    make_small(monkeypatch)


def make_small(patch: pytest.MonkeyPatch) -> None:
    sizes = {"_HEAD_BYTES": 64, "LOOK_BYTES": 512, "_LEAST_BYTES": 64, "_SCAN_BYTES": 512}
    for name, size in sizes.items():
        patch.setattr(seeking, name, size)


lines = st.sampled_from(("m", "é\nzwei", "x" * 700, "a\n" * 300))


@given(
    pieces=st.lists(
        st.lists(st.tuples(st.integers(0, 3), lines), max_size=25), min_size=1, max_size=3
    ),
    wanted=st.integers(-1, 80),
    gz=st.integers(0, 3),
    junk=st.sampled_from((b"", STACKS, b"\0" * 900 + b"\n", CUT)),
)
@settings(max_examples=60)
@example(pieces=[[], [(1, "m")] * 20], wanted=10, gz=0, junk=b"")
@example(pieces=[[(0, "m")] * 20, [(0, "m")] * 20], wanted=0, gz=0, junk=b"")
def test_no_record_of_a_time_or_later_is_missed_and_few_before_it_are_read(
    pieces: list[list[tuple[int, str]]], wanted: int, gz: int, junk: bytes
) -> None:
    now = 0
    contents: list[bytes] = []
    for piece in pieces:
        records = []
        for gap, message in piece:
            now += gap
            records.append(at(now, message))
        contents.append(junk + lay_out(TEXT, records))
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        source = write_source(Path(directory), TEXT, contents, gz=min(gz, len(contents)))
        key = at(wanted).time.strftime("%Y-%m-%d %H:%M:%S.%f").encode()
        start = start_at(source, key)
        some = record_blocks(source, 1 << 20, Damage(), start)
        items = [item for one in some for item in one.items]
    every, _ = split_whole(TEXT, contents)
    later = [item for item, own in zip(*every, strict=True) if own >= key]
    assert every.items[len(every.items) - len(items) :] == items
    assert items[len(items) - len(later) :] == later


def test_a_search_by_halves_reads_little_of_a_large_file(
    tmp_path: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [at(number, "x" * 100) for number in range(20_000)]
    data = lay_out(layout, records)
    source = write_source(tmp_path, layout, [data])
    read = 0
    pread = os.pread

    def counted(descriptor: int, size: int, offset: int) -> bytes:
        nonlocal read
        found = pread(descriptor, size, offset)
        read += len(found)
        return found

    monkeypatch.setattr(os, "pread", counted)
    for number in (0, 1, 9_999, 19_999):
        read = 0
        key = b"2026-10-05 23:50:%02d.%06d" % divmod(123_456 + number * 1_000, 1_000_000)
        start = start_at(source, key)
        begins_at = len(lay_out(layout, records[:number]))
        assert begins_at - (128 << 10) <= start.offset <= begins_at
        assert read <= 10 * (64 << 10)
        # A record begins there.
        assert layout.reader().split(data[start.offset :][:1_000], Damage()).items


@pytest.mark.usefixtures("small_looks")
@pytest.mark.parametrize("gz", [0, 1])
def test_a_head_is_the_first_whole_records(tmp_path: Path, layout: Layout, gz: int) -> None:
    for name, first in (("short", "m"), ("long", "x\n" * 2_000)):
        records = [at(0, first, extra={"n": 1}), *(at(number) for number in range(1, MANY))]
        data = lay_out(layout, records)
        source = write_source(tmp_path / name, layout, [data], gz=gz)
        (every, keys), _ = split_whole(layout, [data])
        found = head(source)
        assert 0 < len(found.items) < MANY or name == "long"
        assert Records(every[: len(found.items)], keys[: len(found.items)]) == found
        second = head(source, Start(0, len(every[0])))
        assert every[1 : 1 + len(second.items)] == second.items != []


@pytest.mark.usefixtures("small_looks")
@pytest.mark.parametrize("gz", [0, 1])
@pytest.mark.parametrize("last", ["m", "x" * 5_000, "a\n" * 3_000])
def test_a_tail_is_the_last_records(tmp_path: Path, layout: Layout, gz: int, last: str) -> None:
    records = [*(at(number) for number in range(MANY)), at(MANY, last)]
    data = lay_out(layout, records)
    source = write_source(tmp_path, layout, [data], gz=gz)
    every, _ = split_whole(layout, [data])
    found = tail(source, look_bytes=1_500)
    count = len(found.items)
    assert Records(every.items[-count:], every.keys[-count:]) == found
    assert 2 <= count < MANY or len(last) > 1


@pytest.mark.usefixtures("small_looks")
@pytest.mark.parametrize("gz", [0, 2])
def test_ends_may_be_set_at_any_record(tmp_path: Path, layout: Layout, gz: int) -> None:
    pieces = [[lay_out(layout, [at(9 * n + m)]) for m in range(9)] for n in range(2)]
    source = write_source(tmp_path, layout, list(map(b"".join, pieces)), gz=gz)
    every = [item for piece in pieces for item in piece]
    for number, piece in enumerate(pieces):
        for place in range(len(piece)):
            before = every[: number * 9 + place]
            end = Start(number, sum(map(len, piece[:place])))
            found = tail(source, end).items
            assert before[len(before) - len(found) :] == found
            assert bool(found) is bool(before)


def test_a_tail_goes_on_above_a_rotation_as_far_as_it_looks(tmp_path: Path, layout: Layout) -> None:
    pieces = [lay_out(layout, [at(9 * n + m) for m in range(9)]) for n in range(3)]
    source = write_source(tmp_path / "plain", layout, pieces)
    every, _ = split_whole(layout, pieces)
    assert every == tail(source)
    some = tail(source, look_bytes=len(pieces[-1]) * 5 // 2)
    assert every.items[-18:] == some.items
    # To decompress a whole piece takes too long where a record is at hand.
    source = write_source(tmp_path / "gz", layout, pieces, gz=2)
    assert every.items[-9:] == tail(source).items


TORN = lay_out(TEXT, [at(5, "torn\ntwo")])[:-1]
A, B = lay_out(TEXT, [at(0, "a")]), lay_out(TEXT, [at(1, "b")])


@pytest.mark.parametrize(
    ("contents", "first", "last"),
    [
        ([b""], [], []),
        ([b"", b""], [], []),
        ([b"garbage\n"], [], []),
        ([b"\0" * 200_000], [], []),
        ([A], [A], [A]),
        ([A, b""], [A], [A]),
        ([b"", B], [B], [B]),
        ([A, STACKS], [A], [A + STACKS]),
        ([STACKS, B], [B], [B]),
        ([A + TORN], [A], [A]),
        ([TORN + CUT + A], [A], [A]),
        ([TORN], [], []),
        ([b"2026-10-05 23"], [], []),
        ([A + b"\0" * 200_000], [A], [A]),
        ([A, b"\0" * 200_000], [A], [A]),
        ([A, TORN, TORN], [A], [A]),
        ([A + STACKS], [A + STACKS], [A + STACKS]),
    ],
    ids=range(17),
)
@pytest.mark.parametrize("gz", [0, 3])
def test_what_is_no_record_is_passed_over_at_both_ends(
    tmp_path: Path, contents: list[bytes], first: list[bytes], last: list[bytes], gz: int
) -> None:
    source = write_source(tmp_path, TEXT, contents, gz=min(gz, len(contents)))
    firsts, lasts = head(source).items, tail(source).items
    assert (first, last) == (
        [item.rstrip(b"\0") for item in firsts],
        [without_zeros(item) for item in lasts],
    )
    assert BEGINNING == start_at(source, b"2026-10-05 00")


def without_zeros(item: bytes) -> bytes:
    return b"".join(line for line in item.splitlines(keepends=True) if b"\0" not in line)


@pytest.mark.parametrize("function", [head, tail])
def test_a_huge_file_of_somebody_elses_is_given_up(
    tmp_path: Path, function: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeking, "_MOST_BYTES", 1 << 20)
    source = write_source(tmp_path, TEXT, [A])
    with open(source.path, "wb") as file:
        file.write(b"a line of another program\n" * 200_000)
        file.truncate(1 << 40)
        file.seek(1 << 40)
        file.write(b"a line of another program\n" * 200_000)
    assert function(source) == NOTHING


@pytest.mark.parametrize("gz", [0, 2])
def test_unreadable_files_are_passed_over_for_those_before_and_after(
    tmp_path: Path, gz: int
) -> None:
    source = write_source(tmp_path, TEXT, [A, B, TORN], gz=gz)
    Path(source.segments[2].path).unlink()
    Path(source.segments[0].path).unlink()
    assert ([B], [B]) == (head(source).items, tail(source).items)
    assert Start(1, 0) == start_at(source, b"2026-10-06")
    Path(source.segments[1].path).unlink()
    assert (NOTHING, NOTHING) == (head(source), tail(source))
    assert BEGINNING == start_at(source, b"2026-10-06")


@pytest.mark.parametrize("keep", [30, 60, -4])
def test_a_truncated_gzip_file_has_the_ends_of_what_is_left(tmp_path: Path, keep: int) -> None:
    data = lay_out(TEXT, [at(number, os.urandom(9).hex()) for number in range(MANY)])
    source = write_source(tmp_path, TEXT, [data, b""], gz=1)
    path = Path(source.segments[0].path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if keep > 0 else whole[:keep])
    damage = Damage()
    some = [item for one in record_blocks(source, 1 << 20, damage) for item in one.items]
    assert damage.unreadable == 1
    assert some
    found = tail(source).items
    assert some[len(some) - len(found) :] == found != []
    first = head(source).items
    assert some[: len(first)] == first != []


def test_a_json_file_without_a_last_newline_ends_in_its_last_record(tmp_path: Path) -> None:
    layout = JsonLayout()
    data = lay_out(layout, [at(0), at(1)])
    source = write_source(tmp_path, layout, [data[:-1]])
    assert split_whole(layout, [data])[0] == tail(source)
