"""The records of one rank, from whatever its files hold."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from strategies import banner, end, record

import ranklog
from ranklog import Damage, Record
from ranklog.line_format import FileDamage, JsonLayout, TextLayout, encode

A, B, C = (record(message=name) for name in "abc")
CHILD = record(message="child", pid=9)
LONG = record(message="one\ntwo", exception="E: x\n  y", extra={"n": 1})
CUT = b"\n    ~ cut\n"


def text(*records: Record) -> bytes:
    layout = TextLayout()
    return b"".join(encode(one, layout, is_child=one.pid == CHILD.pid) for one in records)


def json(*records: Record) -> bytes:
    return b"".join(encode(one, JsonLayout()) for one in records)


def parse(directory: Path, **contents: bytes) -> tuple[list[Record], Damage]:
    """Records of files named by what they hold, ``piece`` before ``live``."""
    for name, content in contents.items():
        (directory / NAMES[name]).write_bytes(content)
    damage = Damage()
    return list(ranklog.read(directory, damage=damage)), damage


NAMES = {
    "old": "script_3.20261005T000000.000000Z.log.gz",
    "piece": "script_3.20261006T000000.000000Z.log",
    "live": "script_3.log",
    "lines": "script_3.jsonl",
}


@pytest.mark.parametrize(
    ("written", "pids"),
    [
        ([A], [None]),
        ([banner(7), A], [7, 7]),
        ([A, banner(7), B], [None, 7, 7]),
        ([banner(7), CHILD, A], [7, 9, 7]),
        ([banner(7), A, end(), B], [7, 7, 7, None]),
        ([banner(7), end(), CHILD], [7, 7, 9]),
        # Killed, and started again.
        ([banner(7), A, banner(8), B], [7, 7, 8, 8]),
        ([banner(7), end(), banner(8), A], [7, 7, 8, 8]),
        # A child that shut its own logging down says nothing of its parent.
        ([banner(7), end(pid=9), A], [7, 9, 7]),
        # A user's logger of the same name.
        ([banner(7), banner(1, line=1), end(line=1), A], [7, 7, 7, 7]),
    ],
)
def test_the_pid_is_the_banners_until_the_end_record(
    tmp_path: Path, written: list[Record], pids: list[int | None]
) -> None:
    records, damage = parse(tmp_path, live=text(*written))
    assert (pids, Damage()) == ([one.pid for one in records], damage)


def test_the_banner_of_an_older_piece_still_counts(tmp_path: Path) -> None:
    records, _ = parse(
        tmp_path, old=gzip.compress(text(banner(7), A)), piece=text(B), live=text(C, end(), A)
    )
    expected = [("started", 7), ("a", 7), ("b", 7), ("c", 7), ("end", 7), ("a", None)]
    assert expected == [(one.message, one.pid) for one in records]


def test_a_json_record_keeps_the_pid_it_has(tmp_path: Path) -> None:
    written = [banner(7, pid=7), record(pid=9), record(pid=None), end(pid=7), A]
    records, _ = parse(tmp_path, lines=json(*written))
    assert [one.pid for one in records] == [7, 9, 7, 7, None]


@pytest.mark.parametrize(
    ("content", "expected", "cut", "foreign"),
    [
        (b"", [], 0, 0),
        (b"\n\n", [], 0, 0),
        (text(A, LONG), [A, LONG], 0, 0),
        (text(A) + b"\xff\xfe\x80 garbage\n" + text(B), [A, B], 0, 1),
        (text(A) + b"\0" * 5000 + CUT + text(B), [A, B], 1, 0),
        (b"\0" * 5000 + b"\n" + text(B), [B], 0, 1),
        (text(A) + text(LONG).replace(b"one", b"\0" * 512) + text(B), [A, B], 1, 0),
        (text(A)[:-5] + b"\xe6\x97" + CUT + text(B), [B], 1, 0),
        (text(A).replace(b"a\n", b"\xff\n"), [record(message="\\xff")], 0, 0),
        # Lines end at newlines only.
        (text(record(message="x\u2028y\u2029z")), [record(message="x\u2028y\u2029z")], 0, 0),
        (text(A).replace(b"\n", b"\r\n"), [record(message="a\r")], 0, 0),
        # No next start has marked these yet; a last line without its newline is cut.
        (text(A) + text(LONG)[:-1], [A], 1, 0),
        (text(A) + text(LONG)[:-30], [A], 1, 0),
        (text(A) + text(LONG)[:20], [A], 1, 0),
        (text(A) + b"Fatal Python error: Ab", [A], 1, 0),
        (b"\0" * 5000, [], 1, 0),
    ],
    ids=range(16),
)
def test_a_text_file_gives_its_whole_records_and_counts_the_rest(
    tmp_path: Path, content: bytes, expected: list[Record], cut: int, foreign: int
) -> None:
    records, damage = parse(tmp_path, live=content)
    assert (expected, cut, foreign) == (records, damage.cut_records, damage.foreign_lines)


@pytest.mark.parametrize(
    ("content", "expected", "cut", "foreign"),
    [
        (b"", [], 0, 0),
        (json(A, LONG), [A, LONG], 0, 0),
        (json(A) + b"\xff garbage\n" + json(B), [A, B], 0, 1),
        (json(A) + json(LONG)[:-9] + b"\n" + json(B), [A, B], 1, 0),
        (json(A) + json(LONG)[:-9], [A], 1, 0),
        (json(A) + json(LONG)[:-1], [A, LONG], 0, 0),
        (json(A) + b"\0" * 5000, [A], 0, 1),
    ],
    ids=range(7),
)
def test_a_json_file_gives_its_whole_records_and_counts_the_rest(
    tmp_path: Path, content: bytes, expected: list[Record], cut: int, foreign: int
) -> None:
    records, damage = parse(tmp_path, lines=content)
    assert (expected, cut, foreign) == (records, damage.cut_records, damage.foreign_lines)


def test_a_record_longer_than_any_buffer_is_read_whole(tmp_path: Path) -> None:
    long = record(message="x" * 3_000_000 + "\n" + "é" * 500_000)
    assert ([A, long, B], Damage()) == parse(tmp_path, live=text(A, long, B))


def test_a_truncated_gzip_file_gives_the_records_before_the_cut(tmp_path: Path) -> None:
    written = [record(message=f"{n}\n{n * 7919}", exception="E") for n in range(40)]
    whole = gzip.compress(text(*written), compresslevel=0)
    name = NAMES["old"]
    # Stored, not compressed: 15 bytes before the content, 13 after it.
    for size in range(1, len(whole) - 1, 37):
        content = whole[15:size]
        records, damage = parse(tmp_path, old=whole[:size])
        complete = content.count(b"    ! E\n")
        assert written[:complete] == records[:complete]
        assert len(records) - complete == int(
            content.endswith(b"\n") and not content.endswith(b"    ! E\n")
        )
        assert (damage.unreadable, damage.foreign_lines) == (1, 0)
        assert damage.cut_records == int(content != b"" and not content.endswith(b"\n"))
        assert [str(tmp_path / name)] == list(damage.files)


@pytest.mark.parametrize(
    ("content", "expected", "reason"),
    [
        (b"plain text", [], "Not a gzipped file (b'pl')"),
        (
            gzip.compress(text(A))[:-8] + b"\0" * 8,
            [A],
            "CRC check failed 0x0 != ",
        ),
        (
            gzip.compress(text(A)) + b"garbage",
            [A],
            "Not a gzipped file (b'ga')",
        ),
        (gzip.compress(text(A))[:10] + b"\xff" * 30, [], "Error -3 while decompressing data"),
    ],
    ids=["no gzip", "wrong checksum", "garbage after it", "garbage in it"],
)
def test_a_damaged_gzip_file_is_counted_by_name_and_costs_no_other_file(
    tmp_path: Path, content: bytes, expected: list[Record], reason: str
) -> None:
    records, damage = parse(tmp_path, old=content, live=text(B))
    assert ([*expected, B], 1) == (records, damage.unreadable)
    found = damage.files[str(tmp_path / NAMES["old"])]
    assert found == FileDamage(reason=found.reason)
    assert (found.reason or "").startswith(reason)


def test_several_gzip_members_are_one_file(tmp_path: Path) -> None:
    content = gzip.compress(text(A)) + gzip.compress(text(B)) + gzip.compress(b"")
    assert ([A, B], Damage()) == parse(tmp_path, old=content)
