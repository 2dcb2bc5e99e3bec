"""How files are named."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranklog.line_format import FileName, live_name, lock_name, parse_name, piece_name

ROTATED = datetime(2026, 11, 24, 7, 31, 45, 123456, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("rank", "suffix", "live", "lock", "piece"),
    [
        (
            0,
            ".log",
            "script.log",
            ".script.log.lock",
            "script.20261124T073145.123456Z.log",
        ),
        (
            None,
            ".log",
            "script.log",
            ".script.log.lock",
            "script.20261124T073145.123456Z.log",
        ),
        (
            1,
            ".log",
            "script_1.log",
            ".script_1.log.lock",
            "script_1.20261124T073145.123456Z.log",
        ),
        (
            12345,
            ".jsonl",
            "script_12345.jsonl",
            ".script_12345.jsonl.lock",
            "script_12345.20261124T073145.123456Z.jsonl",
        ),
    ],
)
def test_a_rank_has_a_live_file_a_lock_and_pieces(
    rank: int | None, suffix: str, live: str, lock: str, piece: str
) -> None:
    assert (live, lock, piece) == (
        live_name(rank, suffix),
        lock_name(rank, suffix),
        piece_name(rank, ROTATED, suffix),
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("script.log", FileName(0, None, ".log", False)),
        ("script_7.log", FileName(7, None, ".log", False)),
        ("script_10.jsonl", FileName(10, None, ".jsonl", False)),
        ("script.log.gz", FileName(0, None, ".log", True)),
        ("script.20261124T073145.123456Z.log", FileName(0, ROTATED, ".log", False)),
        ("script_1.20261124T073145.123456Z.log.gz", FileName(1, ROTATED, ".log", True)),
        ("script_1.20261124T073145.123456Z.jsonl.gz", FileName(1, ROTATED, ".jsonl", True)),
    ],
)
def test_a_name_of_ours_is_taken_apart(name: str, expected: FileName) -> None:
    assert expected == parse_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".script.log.lock",
        ".script.20261124T073145.123456Z.log.7.tmp",
        "Script.log",
        "script.LOG",
        "script.log.1",
        "script.log\n",
        "script.1.log",
        "script.config.log",
        "script_.log",
        "script_0.log",
        "script_01.log",
        "script_-1.log",
        "script_1x.log",
        "script_1\u0663.log",
        "script_1.log.bz2",
        "script_1.txt",
        "myscript.log",
        "script.20261324T073145.123456Z.log",
        "script.20261124T073145.123Z.log",
        "script.20261124T073145.123456.log",
        "script.2026112\u0664T073145.123456Z.log",
        "script.20261124T073145.123456Z",
    ],
)
def test_any_other_name_is_foreign(name: str) -> None:
    assert parse_name(name) is None


@given(
    rank=st.none() | st.integers(0, 10**6),
    rotated=st.datetimes(timezones=st.just(timezone.utc)),
    suffix=st.sampled_from((".log", ".jsonl")),
    is_gzip=st.booleans(),
)
def test_every_piece_is_known_again(
    rank: int | None, rotated: datetime, suffix: str, is_gzip: bool
) -> None:
    name = piece_name(rank, rotated, suffix) + (".gz" if is_gzip else "")
    assert FileName(rank or 0, rotated, suffix, is_gzip) == parse_name(name)


@given(times=st.lists(st.datetimes(timezones=st.just(timezone.utc))))
def test_pieces_of_one_rank_sort_by_name_as_by_time(times: list[datetime]) -> None:
    names = [piece_name(1, time, ".log") for time in sorted(times)]
    assert sorted(names) == names


def test_a_time_of_another_zone_names_the_piece_in_utc() -> None:
    local = ROTATED.astimezone(timezone(timedelta(hours=-8)))
    assert piece_name(1, ROTATED, ".log") == piece_name(1, local, ".log")
