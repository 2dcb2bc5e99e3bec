"""lnav reads what ranklog reads: as many records, of the same levels, in the same order."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from mixed_run import CHILD_PID, LEVELS, RANKS, write_run

import ranklog
from ranklog import Record
from ranklog.line_format import JsonLayout, Layout, TextLayout, encode
from ranklog.line_format.escapes import escape_name

PAGE = Path(__file__).parents[2] / "docs" / "other_readers.md"
TIMEOUT_SECONDS = 60

LNAV_LEVELS = {
    "TRACE": "trace",
    "DEBUG": "debug",
    "INFO": "info",
    "SUCCESS": "notice",
    "WARNING": "warning",
    "ERROR": "error",
    "CRITICAL": "critical",
    "Level 5": "trace",
    "Level 15": "debug",
    "Level 24": "info",
    "Level 25": "notice",
    "Level 35": "warning",
    "Level 45": "error",
    "Level 50": "critical",
    "Level 1000": "critical",
    "BATCH": "info",
    "ERROR OF MINE": "info",
}

Shell = Callable[..., str]
Ask = Callable[[Iterable[str], str, Path], list[dict[str, Any]]]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Runs a line of the shell, after the line with which the page installs the formats."""
    if shutil.which("lnav") is None:
        pytest.skip("there is no lnav to compare with; `make lnav` installs it")
    home = tmp_path / "home"
    home.mkdir()
    environment = os.environ | {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TZ": "UTC",
    }

    def run(line: str, cwd: Path = tmp_path) -> str:
        command = ["sh", "-c", line]
        done = subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, timeout=TIMEOUT_SECONDS
        )
        # lnav ends with 0 also where a command failed, and says there what it installed.
        assert (done.returncode, b"error" in done.stderr) == (0, False), done
        return done.stdout.decode()

    (install,) = re.findall(r"^lnav -i .*$", PAGE.read_text(), re.MULTILINE)
    run(install)
    return run


@pytest.fixture
def ask(shell: Shell) -> Ask:
    """Asks for columns of one of lnav's tables, and gives its rows in their order."""

    def rows_of(columns: Iterable[str], table: str, logs: Path) -> list[dict[str, Any]]:
        # SQLite makes the JSON: lnav 0.11 writes numbers as text where a column begins with a null.
        pairs = [f"'{key}', {'json(extra)' if key == 'extra' else key}" for key in columns]
        query = f";SELECT json_object({', '.join(pairs)}) FROM {table}"
        printed = shell(f'lnav -n -q -c "{query}" -c ":write-csv-to -" *', logs)
        return [json.loads(cell) for (cell,) in list(csv.reader(io.StringIO(printed)))[1:]]

    return rows_of


def as_written(one: Record) -> str:
    """A record as text files hold it, and raw lines below it."""
    own = encode(one, TextLayout(), is_child=one.pid == CHILD_PID).decode()
    return own if one.raw is None else f"{own}{one.raw}\n"


def as_text_row(one: Record) -> dict[str, Any]:
    """What lnav is to say of a record in a text file: all lines but the header's are its body."""
    return {
        "log_body": as_written(one).partition(" - ")[2].rstrip("\n"),
        "rank": one.rank,
        "pid": one.pid if one.pid == CHILD_PID else None,
        "logger": escape_name(one.logger),
        "function": escape_name(one.function),
        "line": one.line,
    }


def as_json_row(one: Record) -> dict[str, Any]:
    return {
        "log_body": one.message,
        "rank": one.rank,
        "pid": one.pid,
        "logger": one.logger,
        "caller": f"{one.function}:{one.line}",
        "exception": one.exception,
        "extra": one.extra,
    }


def milliseconds(time: datetime) -> str:
    return time.isoformat(" ", "milliseconds").removesuffix("+00:00")


@pytest.mark.parametrize(
    ("layout", "table", "as_row"),
    [(TextLayout(), "ranklog", as_text_row), (JsonLayout(), "ranklog_json", as_json_row)],
    ids=["text", "json"],
)
def test_lnav_sees_the_same_records_levels_and_order(
    tmp_path: Path, ask: Ask, layout: Layout, table: str, as_row: Callable[[Record], Any]
) -> None:
    logs = write_run(tmp_path / "logs", layout)
    ours = list(ranklog.read(logs))
    assert len(RANKS) * (2 + 8 * len(LEVELS)) == len(ours)
    expected = [
        {"log_time": milliseconds(one.time), "log_level": LNAV_LEVELS[one.level]} | as_row(one)
        for one in ours
    ]

    rows = ask(expected[0], table, logs)

    assert [row["log_time"] for row in expected] == [row["log_time"] for row in rows]
    # Of records of one time lnav has those of any rank first.
    for rank in RANKS:
        assert [row for row in expected if row["rank"] == rank] == [
            row for row in rows if row["rank"] == rank
        ]


def test_lnav_orders_ranks_as_exactly_as_it_compares_times(
    tmp_path: Path, shell: Shell, ask: Ask
) -> None:
    logs = write_run(tmp_path / "logs", TextLayout())
    version = re.search(r"(\d+)\.(\d+)", shell("lnav -V"))
    assert version
    is_exact = (int(version[1]), int(version[2])) >= (0, 13)  # before, it compares milliseconds
    times = {(one.rank, one.line): one.time for one in ranklog.read(logs)}

    rows = ask(("rank", "line", "logger"), "ranklog", logs)

    seen = [times[row["rank"], row["line"]] for row in rows if row["logger"] != "ranklog"]
    if not is_exact:
        seen = [time.replace(microsecond=time.microsecond // 1000 * 1000) for time in seen]
    assert len(RANKS) * 8 * len(LEVELS) == len(seen)
    assert sorted(seen) == seen


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.split("\n")]  # lnav 0.13 shows an empty line as a blank


def test_lnav_shows_a_merged_run_as_it_is(tmp_path: Path, shell: Shell) -> None:
    write_run(tmp_path / "logs", TextLayout())
    (line,) = re.findall(r"^ranklog merge .*\| lnav$", PAGE.read_text(), re.MULTILINE)
    merged = shell(line.partition(" |")[0])
    assert sum(1 for _ in ranklog.read(tmp_path)) < merged.count("\n")
    assert lines(merged) == lines(shell(f"{line} -n"))


def test_lnav_answers_what_the_page_asks(tmp_path: Path, shell: Shell) -> None:
    write_run(tmp_path / "logs", TextLayout())
    counting, filtering = re.findall(r"^lnav -n .*$", PAGE.read_text(), re.MULTILINE)
    ours = list(ranklog.read(tmp_path))
    serious = [one for one in ours if LNAV_LEVELS[one.level] in ("error", "critical")]
    expected = [
        [
            "<NULL>" if rank is None else str(rank),
            str(len(of_rank)),
            *milliseconds(max(one.time for one in of_rank)).split(),
        ]
        for rank in RANKS
        for of_rank in [[one for one in serious if one.rank == rank]]
    ]
    assert expected == [row.split() for row in shell(counting).splitlines()[1:]]
    shown = "".join(as_written(one) for one in ours if one.rank == 10)
    assert lines(shown) == lines(shell(filtering.replace(":rank = 3", ":rank = 10")))
