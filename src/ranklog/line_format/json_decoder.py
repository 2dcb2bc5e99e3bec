"""Reads the JSON layout."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

from ranklog.line_format.damage import Damage
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
    for line in lines:
        if not line:
            continue
        try:
            yield _record(json.loads(line))
        except _NOT_A_RECORD:
            if line.startswith(_START) or _START.startswith(line):
                damage.cut_record(line)
            else:
                damage.foreign_line(line)


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
