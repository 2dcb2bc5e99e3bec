"""Whatever is in the files: nothing crashes, nothing is silently passed over."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from run_files import LAYOUT_OF_SUFFIX, at, damaged_files, lay_out
from strategies import banner

import ranklog
from ranklog.line_format import Damage

GOOD = [
    banner(7, rank=1, message="good start"),
    *(at(number, f"good {number}", 1) for number in range(3)),
]


@st.composite
def contents(draw: st.DrawFn, suffix: str) -> bytes:
    data = b"".join(draw(damaged_files(LAYOUT_OF_SUFFIX[suffix])))
    for place in draw(st.lists(st.integers(0, max(len(data) - 1, 0)), max_size=4)):
        data = data[:place] + draw(st.binary(max_size=3)) + data[place + draw(st.integers(0, 2)) :]
    return draw(st.sampled_from((data, draw(st.binary(max_size=60)))))


@st.composite
def runs(draw: st.DrawFn) -> dict[str, bytes]:
    files = {}
    for suffix in LAYOUT_OF_SUFFIX:
        files[f"script{suffix}"] = draw(contents(suffix))
        piece = gzip.compress(draw(contents(suffix)), 1)
        files[f"script.20261006T000000.000000Z{suffix}.gz"] = piece[
            : draw(st.sampled_from((None, None, -4, 20, 5)))
        ]
    return files


questions: list[dict[str, Any]] = [
    {"level": 30, "since": "1h"},
    {"rank": "-1", "grep": "o"},
    {"attempt": "last", "logger": "train", "until": "1ms"},
]


@given(files=runs())
@settings(max_examples=60)
def test_junk_crashes_no_question_and_costs_no_other_rank_a_record(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        for name, data in files.items():
            (Path(directory) / name).write_bytes(data)
        good = lay_out(LAYOUT_OF_SUFFIX[".log"], GOOD)
        (Path(directory) / "script_1.log").write_bytes(good)
        damage = Damage()
        records = list(ranklog.read(directory, damage=damage))
        assert [one.message for one in GOOD] == [
            one.message for one in records if one.message.startswith("good ")
        ]
        items = list(ranklog.merge(directory))
        assert len(items) >= len(records)
        # Every line of a plain file is a record's, or counted.
        lines = b"".join(data for name, data in files.items() if not name.endswith(".gz"))
        # A mark below nothing is about nothing.
        if len(records) == len(GOOD) and lines.replace(b"    ~ cut\n", b"").strip():
            assert damage
        for wanted in questions:
            list(ranklog.read(directory, **wanted))
            list(ranklog.merge(directory, **wanted))
        for view in (ranklog.first_error, ranklog.silent, ranklog.group, ranklog.ranks):
            view(directory)
        ranklog.timeline(directory)
