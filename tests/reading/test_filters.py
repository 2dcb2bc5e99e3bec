"""Every filter against a plain loop over all records of the run."""

from __future__ import annotations

import gzip
import json
import re
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_files import LAYOUT_OF_SUFFIX, PIECES, at, lay_out
from strategies import banner, end

import ranklog
from ranklog.attempts import Attempt, attempts_of
from ranklog.files.discover import discover
from ranklog.files.record_blocks import Start
from ranklog.line_format import STANDARD_LEVELS, Damage, Record, TextLayout, live_name
from ranklog.run import Run
from ranklog.selection import make_selection

WORLD_SIZE = 4
LEVELS = ("DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "Level 25", "Level 7", "LOUD", "ODD")
LOGGERS = ("", "train", "train.loop", "trainer", "a b", "ranklog")
MESSAGES = ("step", "größer", "日本\nzwei", "x\n\n    ! y", '{"n":1}', "")
EXTRAS: tuple[dict[str, Any], ...] = ({}, {"n": 1}, {"größe": ["日本", None], "x": "a\nb"})


class Written(NamedTuple):
    """A record, and where it was written: whether where the end of its file is looked at."""

    record: Record
    source: tuple[int, str]
    attempt: int
    is_near_end: bool


@st.composite
def some_record(draw: st.DrawFn, now: int, rank: int | None, name: str) -> Record:
    kind = draw(st.sampled_from(("user",) * 6 + ("banner", "end")))
    if kind != "user":
        own = banner if kind == "banner" else (lambda pid, **fields: end(**fields))
        fields = {"pid": 7, "world_size": WORLD_SIZE}
        return own(7, rank=rank, time=at(now).time, message=f"{kind} {name}", extra=fields)
    level = draw(st.sampled_from(LEVELS))
    extra = dict(draw(st.sampled_from(EXTRAS)))
    if level == "LOUD":
        extra["levelno"] = draw(st.sampled_from((5, 33, 45)))
    logger = draw(st.sampled_from(LOGGERS))
    return at(
        now - draw(st.integers(0, 50)),
        f"{draw(st.sampled_from(MESSAGES))} #{name}",
        rank,
        level=level,
        logger=logger,
        exception=draw(st.sampled_from((None, None, "", "Traceback:\n  größer\nE: x"))),
        extra=extra,
    )


@st.composite
def runs(draw: st.DrawFn) -> tuple[dict[str, bytes], list[Written]]:
    """Names and contents of files, and what is in them."""
    files: dict[str, bytes] = {}
    written: list[Written] = []
    kinds = [(rank, suffix) for rank in range(3) for suffix in LAYOUT_OF_SUFFIX]
    for rank, suffix in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=3, unique=True)):
        now, attempt = draw(st.integers(0, 500)), 0
        has_ranks = rank > 0 or draw(st.booleans())
        pieces = draw(st.lists(st.integers(1, 7), min_size=1, max_size=2))
        for number, count in enumerate(pieces):
            records = []
            is_last = number == len(pieces) - 1
            is_gzip = not is_last and draw(st.booleans())
            for place in range(count):
                now += draw(st.sampled_from((0, 1, 40, 2_000, 90_000)))
                is_first = not records and number == 0
                own = draw(st.sampled_from((None, 0, 1, 2))) if not is_first else None
                one = draw(
                    some_record(now, rank if has_ranks else own, f"{rank}{suffix}{number}.{place}")
                )
                attempt += one.is_banner
                written.append(Written(one, (rank, suffix), attempt, not is_gzip))
                records.append(one)
            name = live_name(rank, suffix)
            if not is_last:
                stem = name.removesuffix(suffix)
                name = f"{stem}.{PIECES[number]}{suffix}"
            data = lay_out(LAYOUT_OF_SUFFIX[suffix], records)
            if is_gzip:
                name, data = f"{name}.gz", gzip.compress(data, 1)
            files[name] = data
    return files, written


spans = st.integers(0, 200_000).map(lambda n: timedelta(milliseconds=n))
times = st.integers(-100, 300_000).map(lambda n: at(n).time)
levels = st.sampled_from(("debug", "INFO", "WARN", 25, 33, "CRITICAL", 8))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "rank": st.sampled_from(("0", "1,2", "-1", "-4", 2, "0-9", [0, -2], "all")),
    "level": levels,
    "logger": st.sampled_from(("train", "train.loop", "ranklog", "a b", "none")),
    "since": spans | times,
    "until": spans | times,
    "grep": st.sampled_from(
        ("größer", "zwei #", r"^E: x$", "(?m)^E: x$", r'"n":1', "日本", r"\Z", "step.*1", "    !")
    ),
    "attempt": st.sampled_from((1, 2, "last", "all")),
}
filters = st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=2, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: VALUES[name] for name in names})
)


def number_of(one: Record) -> int:
    if one.level in STANDARD_LEVELS:
        return STANDARD_LEVELS[one.level]
    if one.level.startswith("Level "):
        return int(one.level[6:])
    return int(one.extra.get("levelno", 0))


def ranks_of(wanted: Any, size: int) -> set[int]:
    if isinstance(wanted, (int, list)):
        numbers = [wanted] if isinstance(wanted, int) else wanted
        return {n if n >= 0 else n + size for n in numbers}
    named = {
        "0": {0}, "1,2": {1, 2}, "-1": {size - 1}, "-4": {size - 4}, "0-9": set(range(10)),
    }  # fmt: skip
    return named.get(wanted, set(range(100)))


def text_of(one: Record) -> str:
    parts = [one.message]
    if one.exception is not None:
        parts.append(one.exception)
    if one.extra:
        parts.append(json.dumps(one.extra, ensure_ascii=False, separators=(",", ":")))
    return "\n".join(parts)


def chosen(written: list[Written], wanted: dict[str, Any]) -> set[str] | None:
    """Messages of what is wanted, ``None`` where there is no such attempt."""
    has_banner = any(one.record.is_banner for one in written)
    size = WORLD_SIZE if has_banner else max(one.source[0] for one in written) + 1
    newest = max(one.record.time for one in written if one.is_near_end)
    left = written
    if "rank" in wanted:
        ranks = ranks_of(wanted["rank"], size)
        # A file that began without a rank may hold records of any.
        firsts = {one.source: one.record for one in reversed(written)}
        sources = {
            source for source, first in firsts.items()
            if source[0] in ranks or (source[0] == 0 and first.rank is None)
        }  # fmt: skip
        left = [one for one in left if one.source in sources]
    attempt = wanted.get("attempt", "all")
    if attempt != "all" and left:
        most = {one.source: one.attempt for one in left}
        if attempt == "last":
            last = max(most.values())
            starts = [
                max(o.record.time for o in left if o.source == source and o.attempt == last and o.record.is_banner)
                for source, ordinal in most.items() if ordinal == last and last
            ]  # fmt: skip
            begin = min(starts, default=None)
            parts = {
                source for source, ordinal in most.items()
                if ordinal == last or begin is None or begin <= max(
                    one.record.time for one in left if one.source == source and one.is_near_end
                )
            }  # fmt: skip
            left = [one for one in left if one.source in parts and one.attempt == most[one.source]]
        else:
            if attempt > max(most.values()):
                return None
            left = [one for one in left if one.attempt == attempt]
    found = [one.record for one in left]
    if "rank" in wanted:
        found = [one for one in found if (one.rank or 0) in ranks]
    if "level" in wanted:
        name = str(wanted["level"]).upper()
        least = {"WARN": 30, "25": 25, "33": 33, "8": 8}.get(name) or STANDARD_LEVELS[name]
        found = [one for one in found if number_of(one) >= least]
    if "logger" in wanted:
        name = wanted["logger"]
        found = [one for one in found if one.logger == name or one.logger.startswith(name + ".")]
    for name in ("since", "until"):
        limit = wanted.get(name)
        if limit is not None:
            limit = newest - limit if isinstance(limit, timedelta) else limit
            found = [
                one for one in found
                if (one.time >= limit if name == "since" else one.time <= limit)
            ]  # fmt: skip
    if "grep" in wanted:
        found = [one for one in found if re.search(wanted["grep"], text_of(one))]
    return {one.message for one in found}


def plain(records: list[Record]) -> list[Record]:
    """Without what a banner says that is not read where the search begins below it."""
    return [replace(one, pid=None) for one in records]


def by_time(records: list[Record]) -> list[Record]:
    return sorted(records, key=lambda one: (one.time, one.message))


@given(run=runs(), wanted=filters)
@settings(max_examples=100)
def test_filters_keep_what_a_plain_loop_keeps(
    run: tuple[dict[str, bytes], list[Written]], wanted: dict[str, Any]
) -> None:
    files, written = run
    with tempfile.TemporaryDirectory() as directory:
        for name, data in files.items():
            (Path(directory) / name).write_bytes(data)
        every = list(ranklog.read(directory))
        messages = chosen(written, wanted)
        if messages is None:
            with pytest.raises(ValueError, match=r"attempt=\d is not in this run; it has \d"):
                list(ranklog.read(directory, **wanted))
            return
        damage = Damage()
        found = list(ranklog.read(directory, damage=damage, **wanted))
        merged = [parsed(item) for item in ranklog.merge(directory, **wanted)]
    assert sorted(one.record.message for one in written) == sorted(one.message for one in every)
    expected = [one for one in every if one.message in messages]
    if {"attempt", "since"} & wanted.keys():
        # Read from elsewhere on, in other blocks, more or less of what is out of order is sorted.
        expected, found, merged = map(by_time, (expected, found, merged))
    assert (plain(expected), Damage()) == (plain(found), damage)
    if "since" not in wanted:
        assert expected == found
    assert plain(expected) == plain(merged)


def parsed(item: bytes) -> Record:
    layout = LAYOUT_OF_SUFFIX[".jsonl" if item.startswith(b"{") else ".log"]
    record = layout.reader().parse(item, Damage())
    assert record is not None
    return record


def write(directory: Path, **records: list[Record]) -> None:
    """Files of ranks ``r0``, ``r1`` as text, ``j0``, ``j1`` as JSON."""
    for name, some in records.items():
        suffix = ".jsonl" if name[0] == "j" else ".log"
        data = lay_out(LAYOUT_OF_SUFFIX[suffix], some)
        (directory / live_name(int(name[1:]), suffix)).write_bytes(data)


def read(directory: Path, **wanted: Any) -> list[str]:
    return [one.message for one in ranklog.read(directory, **wanted)]


def began(milliseconds: int, rank: int | None = 0, world_size: int = 2) -> Record:
    extra = {"pid": 7, "world_size": world_size}
    return banner(7, rank=rank, time=at(milliseconds).time, extra=extra)


def test_a_logger_has_children_and_no_namesakes(tmp_path: Path) -> None:
    names = ("a", "a.b", "ab", "a.b.c", "A", "b.a")
    some = [at(number, name, logger=name) for number, name in enumerate(names)]
    write(tmp_path, r0=some, j1=some)
    assert ["a", "a", "a.b", "a.b", "a.b.c", "a.b.c"] == read(tmp_path, logger="a")
    assert ["a.b", "a.b", "a.b.c", "a.b.c"] == read(tmp_path, logger="a.b")


def test_both_limits_of_time_are_part_of_it(tmp_path: Path) -> None:
    write(tmp_path, r0=[at(n, f"{n}") for n in range(0, 9, 2)], j1=[at(n, f"{n}") for n in (1, 3)])
    assert ["2", "3", "4"] == read(tmp_path, since=at(2).time, until=at(4).time)
    assert ["6", "8"] == read(tmp_path, since="2ms")
    assert ["0", "1", "2", "3", "4"] == read(tmp_path, until="4ms")
    assert ["6"] == read(tmp_path, since="2ms", until="1ms")


def test_a_span_is_counted_back_from_the_end_of_the_whole_run(tmp_path: Path) -> None:
    write(tmp_path, r0=[at(0, "a"), at(10, "b")], r1=[at(1_000, "c", 1)])
    assert ["b"] == read(tmp_path, rank=0, since="990ms")
    assert [] == read(tmp_path, rank=0, since="1ms")


def test_a_time_without_a_day_is_the_last_before_the_end_of_the_run(tmp_path: Path) -> None:
    def hours(count: float) -> int:
        return round(count * 3_600_000)  # after 23:50:00.123456

    some = [at(hours(n), name) for name, n in (("a", 0), ("b", 20), ("c", 24), ("d", 25))]
    write(tmp_path, r0=some)
    assert ["d"] == read(tmp_path, since="0:50")
    assert ["c", "d"] == read(tmp_path, since="23:50")
    assert ["d"] == read(tmp_path, since="23:50:00.2")
    assert ["b", "c", "d"] == read(tmp_path, since="00:51")
    assert ["a", "b"] == read(tmp_path, until="23:50:00")
    with pytest.raises(ValueError, match=r"since='24:00' is no time; accepted are times such"):
        read(tmp_path, since="24:00")
    write(tmp_path, r0=[])
    assert [] == read(tmp_path, since="23:50")


def test_a_span_longer_than_the_calendar_is_since_ever(tmp_path: Path) -> None:
    write(tmp_path, r0=[at(0, "a")])
    assert (["a"], []) == (read(tmp_path, since="900000d"), read(tmp_path, until="900000d"))
    write(tmp_path, r0=[])
    assert [] == read(tmp_path, since="10m")


def test_a_file_that_began_without_a_rank_may_hold_records_of_others(tmp_path: Path) -> None:
    """Of processes that were forked, and found out later which rank they are."""
    write(tmp_path, r0=[began(0, None), at(1, "a", None), at(2, "b", 1, pid=9)], r1=[at(3, "c", 1)])
    assert ["b", "c"] == read(tmp_path, rank=1)
    assert ["started", "a"] == read(tmp_path, rank=0)
    ranks = [one.rank for one in ranklog.silent(tmp_path, rank="1").ranks]
    assert [1] == ranks


def test_a_file_that_began_as_a_rank_is_not_read_for_others(tmp_path: Path) -> None:
    write(tmp_path, r0=[at(1, "a", 0)], r1=[at(3, "c", 1)])
    (tmp_path / "script.log").write_bytes(b"garbage\n" + (tmp_path / "script.log").read_bytes())
    damage = Damage()
    assert ["c"] == [one.message for one in ranklog.read(tmp_path, rank=1, damage=damage)]
    assert Damage() == damage


def test_negative_ranks_count_from_the_newest_banners_world_size(tmp_path: Path) -> None:
    some = [began(0, world_size=8), at(1, "a", 0)]
    write(tmp_path, r0=some, r3=[at(2, "d", 3)])
    assert [] == read(tmp_path, rank=-1)
    write(tmp_path, r0=[*some, began(5, world_size=4)], r3=[at(2, "d", 3)])
    assert ["d"] == read(tmp_path, rank=-1)
    # Without a banner, from the highest rank that has a file.
    write(tmp_path, r0=[at(1, "a", 0)], r3=[at(2, "d", 3)])
    assert (["d"], ["a"]) == (read(tmp_path, rank=-1), read(tmp_path, rank=-4))


def test_the_world_size_is_found_in_a_short_piece_that_ends_in_a_banner(tmp_path: Path) -> None:
    some = [at(0, "a", 1), began(1, 1, world_size=4)]
    piece = f"script_1.{PIECES[0]}.log"
    (tmp_path / piece).write_bytes(lay_out(LAYOUT_OF_SUFFIX[".log"], some))
    write(tmp_path, r1=[at(2, "b", 1)])
    assert ([], ["a", "started", "b"]) == (read(tmp_path, rank=-1), read(tmp_path, rank=1))


TWICE = [at(-1, "above"), began(0), at(1, "a"), at(2, "b"), began(3), at(4, "c")]


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [
        (1, ["started", "a", "b"]),
        (2, ["started", "c"]),
        ("last", ["started", "c"]),
        ("all", ["above", "started", "a", "b", "started", "c"]),
    ],
)
@pytest.mark.parametrize("name", ["r0", "j0"])
def test_an_attempt_goes_from_one_banner_to_the_next(
    tmp_path: Path, name: str, attempt: Any, expected: list[str]
) -> None:
    write(tmp_path, **{name: TWICE})
    assert expected == read(tmp_path, attempt=attempt)
    with pytest.raises(ValueError, match=r"^attempt=3 is not in this run; it has 2$"):
        read(tmp_path, attempt=3)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ([began(0, 1), at(1, "x", 1), began(3, 1), at(5, "y", 1)], ["y"]),
        # It did not come back.
        ([began(0, 1), at(2, "x", 1)], []),
        # Its banner is in a piece that is gone, but it wrote since.
        ([at(2, "x", 1), at(5, "y", 1)], ["x", "y"]),
        ([began(1, 1), at(5, "y", 1)], ["y"]),
        ([], []),
    ],
)
def test_the_last_attempt_is_of_ranks_that_were_part_of_it(
    tmp_path: Path, other: list[Record], expected: list[str]
) -> None:
    write(tmp_path, r0=TWICE, r1=other)
    found = [one for one in ranklog.read(tmp_path, attempt="last") if not one.is_banner]
    assert expected == [one.message for one in found if one.rank == 1]
    assert ["c"] == [one.message for one in found if one.rank == 0]


def test_disorder_around_banners_is_sorted_as_in_a_merge_of_bytes(tmp_path: Path) -> None:
    """A worker of the attempt before may still write."""
    some = [began(0), at(10, "a"), began(11), began(12), began(13), at(4, "late"), at(14, "b")]
    write(tmp_path, r0=some)
    expected = ["started", "late", "a", *["started"] * 3, "b"]
    assert expected == read(tmp_path)
    assert expected == [parsed(item).message for item in ranklog.merge(tmp_path)]


def test_a_stretch_knows_attempt_and_pid(tmp_path: Path) -> None:
    write(tmp_path, r0=[*TWICE, end(rank=0, time=at(5).time), at(6, "d")])
    run = Run(tmp_path, make_selection({"level": "INFO"}), tracks=True)
    found = [
        (one.attempt, one.pid, [parsed(item).message for item in one.items])
        for one in run.stretches(run.sources[0])
    ]
    assert [
        (0, None, ["above"]),
        (1, 7, ["started", "a", "b"]),
        (2, 7, ["started", "c", "end"]),
        (2, None, ["d"]),
    ] == found


def test_attempts_say_where_and_what_they_are(tmp_path: Path) -> None:
    write(tmp_path, r0=TWICE, r1=[at(0, "started: banner", 1)])
    first, other = discover(tmp_path)
    items = [lay_out(TextLayout(), [one]) for one in TWICE]
    fields = {"pid": 7, "world_size": 2}
    assert [
        Attempt(1, Start(0, len(items[0])), b"2026-10-05 23:50:00.123456", fields, items[1]),
        Attempt(
            2, Start(0, sum(map(len, items[:4]))), b"2026-10-05 23:50:00.126456", fields, items[4]
        ),
    ] == attempts_of(first)
    assert [Attempt(0, Start(), b"", {}, b"")] == attempts_of(other)
