"""Reads the JSON layout."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from ranklog.line_format.damage import Damage
from ranklog.line_format.raw_text import RawText
from ranklog.line_format.record import Record

_START = '{"timestamp":'
_NOT_A_RECORD = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
    OverflowError,  # a time that UTC puts before the year 1
)


def decode(lines: Iterable[str], damage: Damage) -> Iterator[Record]:
    """Read records back; see `JsonLayout.decode`."""
    pending: Record | None = None
    raw = RawText()
    for line in lines:
        before, rest = _split(line)
        if before:
            damage.foreign_line(before)
        raw.add(before)
        if not rest:
            continue
        try:
            record = _record(json.loads(rest))
        except _NOT_A_RECORD:
            if rest.startswith(_START) or _START.startswith(rest):
                damage.cut_record(rest)
            else:
                damage.foreign_line(rest)
                raw.add(rest)
            continue
        if pending is not None:
            yield _with_raw(pending, raw)
        pending, raw = record, RawText()
    if pending is not None:
        yield _with_raw(pending, raw)


def _split(line: str) -> tuple[str, str]:
    """What is before a record in the same line, and the record.

    `faulthandler` writes a line in many small pieces, and another process's record may land
    between them.
    """
    start = -1 if line.startswith(("{", "\0")) else line.find(_START)
    return (line[:start], line[start:]) if start > 0 else ("", line)


def _with_raw(record: Record, raw: RawText) -> Record:
    text = raw.text()
    return record if text is None else replace(record, raw=text)


def _record(fields: dict[str, Any]) -> Record:
    function, _, line = fields["caller"].rpartition(":")
    time = datetime.fromisoformat(fields["timestamp"])
    if time.tzinfo is None:
        raise ValueError("timestamp without offset")
    rank, pid, exception, extra = (
        fields["rank"],
        fields["pid"],
        fields["exception"],
        fields["extra"],
    )
    if not (
        isinstance(rank, int | None)
        and isinstance(pid, int | None)
        and isinstance(exception, str | None)
        and isinstance(extra, dict)
        and all(isinstance(fields[key], str) for key in ("level", "logger", "message"))
    ):
        raise TypeError("a key of another type")
    return Record(
        time=time.astimezone(timezone.utc),
        level=fields["level"],
        rank=rank,
        pid=pid,
        logger=fields["logger"],
        function=function,
        line=int(line),
        message=fields["message"],
        exception=exception,
        extra=extra,
    )
