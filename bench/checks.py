"""Whether a contestant wrote what it should: a faster one that drops a field is marked."""

from __future__ import annotations

import re
from pathlib import Path

import workload
from scenarios import ALL_FIELDS, Contestant, Scenario

_CONSOLE_FIELDS = ("time", "milliseconds", "level", "rank", "message")
_MESSAGE = re.compile(r"step \d+ (?:loss 0\.123[45]|failed)")
_PATTERNS = {
    "time": r"\d\d:\d\d:\d\d",
    "milliseconds": r":\d\d[.,]\d{3}",
    "level": r"\b(INFO|ERROR)\b|'info'|\"info\"",
    "rank": r"\br0003\b|\[3\]|\"rank\": ?3\b",
    "logger": rf"\b{workload.LOGGER}\b(?!\.py)",
    "function": r"\btrain_step\b",
    "message": _MESSAGE.pattern,
    "traceback": r"Traceback[\s\S]*_outer[\s\S]*_inner[\s\S]*ZeroDivisionError",
    "epoch": r"epoch\W{1,4}3",
    "batch": r"batch\W{1,4}\d",
}


def faults(
    scenario: Scenario, contestant: Contestant, directory: Path, console: Path, calls: int
) -> list[str]:
    """What is missing from the outputs, in words; empty where all is well.

    Args:
        scenario: What was run.
        contestant: By whom.
        directory: Where it wrote.
        console: Its standard error.
        calls: How many log calls it was given.
    """
    console_text = console.read_text()
    logs = [path for path in directory.rglob("*") if path.is_file() and "lock" not in path.name]
    file_text = "".join(path.read_text() for path in logs)
    found = _faults("console", console_text, scenario.has_console, calls, _CONSOLE_FIELDS, None)
    fields = (*ALL_FIELDS, *scenario.fields)
    line = workload.line_of(contestant.loop) if scenario.has_file else None
    return found + _faults("file", file_text, scenario.has_file, calls, fields, line)


def _faults(
    where: str, text: str, wanted: bool, calls: int, fields: tuple[str, ...], line: int | None
) -> list[str]:
    count = _count_records(text)
    if count != (calls if wanted else 0):
        return [f"{where}: {count} records of {calls if wanted else 0}"]
    if not wanted:
        return []
    # From the line of the last record on: its traceback and fields may follow below.
    last = [match.start() for match in _MESSAGE.finditer(text)][-1]
    sample = text[text.rindex("\n", 0, last) + 1 :]
    patterns = _PATTERNS | {"line": rf"\b{line}\b"}
    missing = [field for field in fields if not re.search(patterns[field], sample)]
    return [f"{where} lacks {', '.join(missing)}"] if missing else []


def _count_records(text: str) -> int:
    # JSON records of loguru's have the text twice, "text" and "message".
    return sum(1 for line in text.splitlines() if _MESSAGE.search(line))
