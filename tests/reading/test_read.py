"""A whole run as one story."""

from __future__ import annotations

import gzip
import os
import random
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from strategies import TIME, banner, end, record

import ranklog
from ranklog import Record
from ranklog.line_format import LAYOUTS, Damage, TextLayout, encode, live_name


def at(milliseconds: int, message: str, rank: int | None = 0, **fields: object) -> Record:
    time = TIME + timedelta(milliseconds=milliseconds)
    return record(time=time, message=message, rank=rank, **fields)


def write(directory: Path, contents: dict[str, list[Record]]) -> None:
    """Files in the format their name tells, compressed where it says so."""
    layouts = {layout.suffix: layout for layout in LAYOUTS.values()}
    directory.mkdir(exist_ok=True)
    for name, records in contents.items():
        suffix = Path(name.removesuffix(".gz")).suffix
        data = b"".join(encode(one, layouts[suffix]()) for one in records)
        (directory / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


CASES: dict[str, tuple[dict[str, list[Record]], list[str]]] = {
    "nothing": ({}, []),
    "an empty file": ({"script.log": []}, []),
    "two ranks interleaved": (
        {"script.log": [at(1, "a"), at(3, "c")], "script_1.log": [at(2, "b", 1), at(4, "d", 1)]},
        ["a", "b", "c", "d"],
    ),
    "disorder in a file": (
        {"script.log": [at(3, "c"), at(1, "a"), at(2, "b")], "script_1.log": [at(0, "z", 1)]},
        ["z", "a", "b", "c"],
    ),
    "a clock set back by a day keeps its file's order": (
        {"script.log": [at(86_400_000, "late"), at(0, "early")], "script_1.log": [at(1, "x", 1)]},
        ["x", "late", "early"],
    ),
    "ties by rank, which is not the order of names": (
        {f"script_{rank}.log": [at(0, f"{rank}", rank)] for rank in (10, 9, 2)},
        ["2", "9", "10"],
    ),
    "ties of one rank in file order": (
        {"script.log": [at(0, "b"), at(0, "a"), at(0, "c")]},
        ["b", "a", "c"],
    ),
    "ties of one rank across its pieces": (
        {
            "script.log": [at(0, "c")],
            "script.20261006T000000.000000Z.log": [at(0, "b")],
            "script.20261005T000000.000000Z.log.gz": [at(0, "a")],
        },
        ["a", "b", "c"],
    ),
    "pieces, compressed and not": (
        {
            "script_1.log": [at(5, "e", 1), at(6, "f", 1)],
            "script_1.20261006T000000.000000Z.log": [at(3, "c", 1), at(4, "d", 1)],
            "script_1.20261005T000000.000000Z.log.gz": [at(1, "a", 1), at(2, "b", 1)],
        },
        ["a", "b", "c", "d", "e", "f"],
    ),
    "text and JSON": (
        {
            "script.log": [at(1, "a"), at(4, "d")],
            "script.jsonl": [at(2, "b")],
            "script_1.jsonl": [at(3, "c", 1)],
            "script_1.20261005T000000.000000Z.jsonl.gz": [at(0, "z", 1)],
        },
        ["z", "a", "b", "c", "d"],
    ),
    "no rank known": (
        {"script.log": [at(1, "b", None)], "script_1.log": [at(0, "a", 1)]},
        ["a", "b"],
    ),
}


@pytest.mark.parametrize(("contents", "messages"), CASES.values(), ids=CASES)
def test_records_come_in_time_order(
    tmp_path: Path, contents: dict[str, list[Record]], messages: list[str]
) -> None:
    write(tmp_path / "logs", contents)
    damage = Damage()
    records = list(ranklog.read(tmp_path, damage=damage))
    assert (messages, Damage()) == ([one.message for one in records], damage)
    written = {one.message: one for content in contents.values() for one in content}
    assert [written[message] for message in messages] == records


def test_foreign_files_are_no_part_of_a_run(tmp_path: Path) -> None:
    write(tmp_path / "logs", {"script.log": [at(0, "a")]})
    shutil.copy(tmp_path / "logs" / "script.log", tmp_path / "logs" / "script.config.log")
    shutil.copy(tmp_path / "logs" / "script.log", tmp_path / "logs" / ".script.log.lock")
    assert [at(0, "a")] == list(ranklog.read(tmp_path))


def test_each_rank_has_the_pid_of_its_own_banner(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "script.log": [banner(7, rank=0), at(1, "a"), end(rank=0, time=at(2, "").time)],
            "script_1.log": [banner(8, rank=1), at(3, "b", 1)],
            "script_2.jsonl": [at(4, "c", 2, pid=9)],
        },
    )
    expected = [("started", 7), ("started", 8), ("a", 7), ("end", 7), ("b", 8), ("c", 9)]
    assert expected == [(one.message, one.pid) for one in ranklog.read(tmp_path)]


def test_damage_of_every_rank_is_counted_and_passed_over(tmp_path: Path) -> None:
    write(tmp_path, {"script.log": [at(0, "a")], "script_1.log": [at(1, "b", 1)]})
    for name in ("script.log", "script_1.log"):
        with open(tmp_path / name, "ab") as file:
            file.write(b"garbage\n2026-10-05 23:5")
    damage = Damage()
    expected = [at(0, "a"), at(1, "b", 1)]
    assert expected == list(ranklog.read(tmp_path, damage=damage))
    assert Damage(2, 2, ["garbage", "2026-10-05 23:5"] * 2) == damage
    assert expected == list(ranklog.read(tmp_path))


def test_a_missing_run_is_told_of_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no run directory or log file at "):
        ranklog.read(tmp_path / "gone")


@pytest.mark.parametrize("module", ["ranklog", "ranklog.line_format", "ranklog.reading"])
def test_reading_imports_nothing_of_the_writing_half(module: str) -> None:
    program = f"""
import sys
before = set(sys.modules)
import {module}
import ranklog
ranklog.read
new = set(sys.modules) - before
print(sorted({{name.partition(".")[0] for name in new}} - set(sys.stdlib_module_names)))
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("['ranklog']\n", "", 0)


def test_the_format_is_imported_without_the_reader() -> None:
    program = "import sys, ranklog.line_format; print('ranklog.reading' in sys.modules)"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("False\n", "", 0)


def test_a_name_the_package_lacks_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'ranklog' has no attribute 'nothing'"):
        _ = ranklog.nothing


SORT = shutil.which("sort")
LINES = (
    "step",
    "a\nb",
    "    ~ cut\n2026-10-05 23:50:00.123456+00:00 | INFO     | r0000 | x:f:1 - forged",
    "\x1b[31m\x00\r\n\n",
    "\ud800 日本 \xff",
    "~\n!\n ",
)


@pytest.mark.skipif(SORT is None, reason="needs the sort of coreutils")
@pytest.mark.parametrize("seed", range(8))
def test_coreutils_sort_merges_a_run_as_we_do_with_tracebacks_whole(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    layout = TextLayout()
    paths = []
    for rank in range(5):
        # Many ties, within a rank and between ranks.
        times = sorted(chance.randrange(100) for _ in range(60))
        records = [
            at(
                time,
                f"{rank}.{number} {chance.choice(LINES)}",
                rank,
                level=chance.choice(("INFO", "ERROR", "Level 25")),
                pid=chance.choice((None, 41233)),
                exception=chance.choice((None, f"Traceback:\n  x\n\nE: {chance.choice(LINES)}")),
                extra=chance.choice(({}, {"text": chance.choice(LINES)})),
            )
            for number, time in enumerate(times)
        ]
        data = [encode(one, layout, is_child=one.pid is not None) for one in records]
        pieces = {f"script_{rank}.20261006T000000.000000Z.log": data[:25]} if rank == 3 else {}
        pieces[live_name(rank, ".log")] = data[25:] if rank == 3 else data
        for name, lines in pieces.items():
            (tmp_path / name).write_bytes(b"".join(lines))
            paths.append(tmp_path / name)

    command = [SORT or "sort", "-m", "-s", "-k1,2", *map(str, paths)]
    environ = os.environ | {"LC_ALL": "C"}
    merged = subprocess.run(command, env=environ, capture_output=True, timeout=60, check=True)

    records = list(ranklog.read(tmp_path))
    assert len(records) == 300
    ours = [encode(one, layout, is_child=one.pid is not None) for one in records]
    assert b"".join(ours).decode() == merged.stdout.decode()


@pytest.mark.parametrize("function", [ranklog.read, ranklog.merge, ranklog.silent])
def test_what_is_no_path_is_named(function: Any) -> None:
    for wrong in (5, None, [5]):
        with pytest.raises(TypeError, match=re.escape(f"path={wrong!r} is neither a path nor")):
            list(function(wrong))
