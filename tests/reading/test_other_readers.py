"""What docs/other_readers.md tells tools that this project does not install."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from mixed_run import CHILD_PID, LEVELS, write_run

import ranklog
from ranklog import Record
from ranklog.line_format import JsonLayout, TextLayout, encode
from ranklog.line_format.escapes import escape_name

PAGE = (Path(__file__).parents[2] / "docs" / "other_readers.md").read_text()


def settings(pattern: str) -> list[str]:
    """All that the page sets something to: what the pattern's group matches."""
    return re.findall(pattern, PAGE, re.MULTILINE)


def onigmo(pattern: str) -> re.Pattern[str]:
    """A pattern of Fluent Bit's, where `^` and `$` always match at every line."""
    return re.compile(re.sub(r"\(\?<(?=\w)", "(?P<", pattern), re.MULTILINE)


(OTEL_START,) = settings(r"^ +line_start_pattern: '(.*)'$")
(OTEL_RECORD,) = settings(r"^ +regex: '(.*)'$")
(FLUENT_START,) = settings(r'^ +rule "start_state" "/(.*)/" "more"$')
(FLUENT_MORE,) = settings(r'^ +rule "more" "/(.*)/" "more"$')
(FLUENT_RECORD,) = settings(r"^ +Regex +(.*)$")


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return write_run(tmp_path / "logs", TextLayout())


def otel_entries(text: str) -> Iterator[str]:
    """As the receiver splits: where its pattern matches, without the newline at the end."""
    starts = [found.start() for found in re.finditer(f"(?m){OTEL_START}", text)]
    for start, stop in zip(starts, [*starts[1:], len(text)], strict=True):
        yield text[start:stop].removesuffix("\n")


def fluent_entries(text: str) -> Iterator[str]:
    """As Fluent Bit joins lines: every line either starts a record or is more of one.

    It leaves the newline at the end.
    """
    entry: list[str] = []
    for line in text.removesuffix("\n").split("\n"):
        is_start = bool(onigmo(FLUENT_START).search(line))
        assert is_start != bool(onigmo(FLUENT_MORE).search(line)), line
        if is_start and entry:
            yield "\n".join([*entry, ""])
            entry = []
        entry.append(line)
    yield "\n".join([*entry, ""])


def without_guards(lines: str, guard: str) -> str:
    return lines.replace(f"\n    {guard} ", "\n")


def fields_found(entry: str, record: re.Pattern[str]) -> dict[str, Any]:
    match = record.search(entry)
    assert match is not None, entry
    found = {name: value or None for name, value in match.groupdict().items()}
    exception = without_guards(found["exception"] or "", "!")[1:]
    return found | {
        "message": without_guards(found["message"] or "", "|"),
        "exception": exception or None,
        "extra": json.loads(found["extra"] or "{}"),
        "raw": found["raw"] and found["raw"][1:],
    }


def fields_read(one: Record) -> dict[str, Any]:
    return {
        "timestamp": one.time.isoformat(" ", "microseconds"),
        "level": one.level if one.level.startswith("Level ") else escape_name(one.level),
        "rank": None if one.rank is None else str(one.rank),
        "pid": str(one.pid) if one.pid == CHILD_PID else None,
        "logger": escape_name(one.logger),
        "function": escape_name(one.function),
        "line": str(one.line),
        "message": one.message,
        "exception": one.exception,
        "extra": one.extra,
        "raw": one.raw,
    }


@pytest.mark.parametrize(
    ("entries", "record"),
    [(otel_entries, re.compile(OTEL_RECORD)), (fluent_entries, onigmo(FLUENT_RECORD))],
    ids=["OpenTelemetry", "Fluent Bit"],
)
def test_the_patterns_of_the_page_find_every_field_of_every_record(
    logs: Path, entries: Any, record: re.Pattern[str]
) -> None:
    for path in logs.glob("script*.log"):
        found = [fields_found(entry, record) for entry in entries(path.read_text())]
        expected = sorted(map(fields_read, ranklog.read(path)), key=lambda one: one["timestamp"])
        assert expected == sorted(found, key=lambda one: one["timestamp"]), path


def test_the_time_formats_of_the_page_are_those_of_the_files() -> None:
    # The time that Go's layouts are written in.
    one = Record(
        datetime.fromisoformat("2006-01-02T15:04:05+00:00"), "INFO", 0, 1, "", "", 1, "", None, {}
    )
    stamps = [
        encode(one, TextLayout()).decode()[:32],
        json.loads(encode(one, JsonLayout()))["timestamp"],
    ]
    assert settings(r"^ +layout: '(.*)'$") == [
        stamp.replace("+00:00", "-07:00") for stamp in stamps
    ]
    fluent = [found.replace("%L", "%f") for found in settings(r"^ +Time_Format (.*)$")]
    assert [one.time, one.time] == [
        datetime.strptime(stamp, found) for stamp, found in zip(stamps, fluent, strict=True)
    ]


def test_the_page_maps_every_standard_level() -> None:
    mappings = settings(r"^ +mapping: \{(.*)\}$")
    assert 2 == len(mappings)
    for mapping in mappings:
        assert list(LEVELS[:7]) == [pair.split(": ")[1] for pair in mapping.split(", ")]


def test_grep_finds_the_headers_of_all_errors(logs: Path) -> None:
    (line,) = settings(r"^(grep .*)$")
    done = subprocess.run(
        ["sh", "-c", line], cwd=logs.parent, capture_output=True, text=True, timeout=60, check=True
    )
    expected = [
        f"logs/{path.name}:{encode(one, TextLayout(), is_child=one.pid == CHILD_PID).decode()}"
        for path in logs.glob("script*.log")
        for one in ranklog.read(path)
        if one.level in ("ERROR", "CRITICAL")
    ]
    assert expected
    assert sorted(one.split("\n")[0] for one in expected) == sorted(done.stdout.splitlines())
