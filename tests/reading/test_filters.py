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
from ranklog.line_format import STANDARD_LEVELS, Damage, Record, live_name

WORLD_SIZE = 4
LEVELS = ("DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "Level 25", "Level 7", "LOUD", "ODD")
LOGGERS = ("", "train", "train.loop", "trainer", "a b", "ranklog")
MESSAGES = ("step", "größer", "日本\nzwei", "x\n\n    ! y", '{"n":1}', "")
EXTRAS: tuple[dict[str, Any], ...] = ({}, {"n": 1}, {"größe": ["日本", None], "x": "a\nb"})


class Written(NamedTuple):
    """A record, and where it was written."""

    record: Record
    source: tuple[int, str]
    attempt: int
    is_last_piece: bool


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
            for place in range(count):
                now += draw(st.sampled_from((0, 1, 40, 2_000, 90_000)))
                is_first = not records and number == 0
                own = draw(st.sampled_from((None, 0, 1, 2))) if not is_first else None
                one = draw(
                    some_record(now, rank if has_ranks else own, f"{rank}{suffix}{number}.{place}")
                )
                attempt += one.is_banner
                is_last = number == len(pieces) - 1
                written.append(Written(one, (rank, suffix), attempt, is_last))
                records.append(one)
            name = live_name(rank, suffix)
            if number < len(pieces) - 1:
                stem = name.removesuffix(suffix)
                name = f"{stem}.{PIECES[number]}{suffix}"
            data = lay_out(LAYOUT_OF_SUFFIX[suffix], records)
            if number < len(pieces) - 1 and draw(st.booleans()):
                name, data = f"{name}.gz", gzip.compress(data, 1)
            files[name] = data
    return files, written


spans = st.integers(0, 200_000).map(lambda n: timedelta(milliseconds=n))
times = st.integers(-100, 300_000).map(lambda n: at(n).time)
levels = st.sampled_from(("debug", "INFO", "WARN", 25, 33, "CRITICAL", 8))
filters = st.fixed_dictionaries(
    {},
    optional={
        "rank": st.sampled_from(("0", "1,2", "-1", "-4", 2, "0-9", [0, -2], "all")),
        "level": levels,
        "logger": st.sampled_from(("train", "train.loop", "ranklog", "a b", "none")),
        "since": spans | times,
        "until": spans | times,
        "grep": st.sampled_from(
            (
                "größer",
                "zwei #",
                r"^E: x$",
                "(?m)^E: x$",
                r'"n":1',
                "日本",
                r"\Z",
                "step.*1",
                "    !",
            )
        ),
        "attempt": st.sampled_from((1, 2, "last", "all")),
    },
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
    newest = max(one.record.time for one in written)
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
                    one.record.time for one in left if one.source == source and one.is_last_piece
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


@given(run=runs(), wanted=filters)
@settings(max_examples=150)
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
    assert (plain(expected), Damage()) == (plain(found), damage)
    if "since" not in wanted:
        assert expected == found
    assert plain(expected) == plain(merged)


def parsed(item: bytes) -> Record:
    layout = LAYOUT_OF_SUFFIX[".jsonl" if item.startswith(b"{") else ".log"]
    record = layout.reader().parse(item, Damage())
    assert record is not None
    return record
