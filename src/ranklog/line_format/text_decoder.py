"""Reads the text layout."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from ranklog.line_format.damage import Damage
from ranklog.line_format.escapes import unescape_name
from ranklog.line_format.guards import CUT_LINE, EXCEPTION_GUARD, EXTRA_GUARD, MESSAGE_GUARD
from ranklog.line_format.record import Record

_GUARDS = (MESSAGE_GUARD, EXCEPTION_GUARD, EXTRA_GUARD, CUT_LINE)
_HEADER = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00) \| "
    r"(Level \d+|[^ |:]*) +\| "
    r"r(-{4}|\d{4,})(?:/(\d+))? \| "
    r"([^ |:]*):([^ |:]*):(\d+) - (.*)",
    re.ASCII | re.DOTALL,
)


def decode(lines: Iterable[str], damage: Damage) -> Iterator[Record]:
    """Read records back; see `TextLayout.decode`."""
    pending: _Pending | None = None
    stray: str | None = None  # the line before, where it is no whole line of ours
    for line in lines:
        if line == CUT_LINE:
            # No record is pending where a stray line was itself the record cut.
            if pending is not None:
                damage.cut_record(pending.header[0])
            elif stray is not None:
                damage.cut_record(stray)
            pending = stray = None
            continue
        if stray is not None:
            damage.foreign_line(stray)
            stray = None
        if not line:
            continue
        if line[0] == " " and pending is not None:
            if pending.take(line):
                continue
            if _is_torn_guard(line):
                stray = line
                continue
        # What is below a line that is not ours belongs to no record above it.
        if pending is not None:
            yield from pending.finish(damage)
        match = _HEADER.fullmatch(line)
        pending = None if match is None else _Pending(match)
        stray = line if match is None else None
    if stray is not None:
        damage.foreign_line(stray)
    if pending is not None:
        yield from pending.finish(damage)


def _is_torn_guard(line: str) -> bool:
    return any(guard.startswith(line) for guard in _GUARDS)


class _Pending:
    """A record whose further lines are still being read."""

    def __init__(self, header: re.Match[str]) -> None:
        self.header = header
        self.message = [header[8]]
        self.exception: list[str] = []
        self.extra: list[str] = []

    def take(self, line: str) -> bool:
        guard, rest = line[:6], line[6:]
        if guard == MESSAGE_GUARD:
            self.message.append(rest)
        elif guard == EXCEPTION_GUARD:
            self.exception.append(rest)
        elif guard == EXTRA_GUARD:
            self.extra.append(rest)
        else:
            return False
        return True

    def finish(self, damage: Damage) -> Iterator[Record]:
        stamp, level, rank, pid, logger, function, line, _ = self.header.groups()
        message = "\n".join(self.message)
        exception = "\n".join(self.exception) if self.exception else None
        try:
            # A block of zeros is what a power failure leaves; we never write one.
            if "\0" in message or "\0" in self.header[0] or (exception and "\0" in exception):
                raise ValueError("a block of zeros")
            extra = json.loads(self.extra[-1]) if self.extra else {}
            if not isinstance(extra, dict):
                raise ValueError("extra fields that are no object")
            record = Record(
                time=datetime.fromisoformat(stamp),
                level=unescape_name(level),
                rank=None if rank == "----" else int(rank),
                pid=None if pid is None else int(pid),
                logger=unescape_name(logger),
                function=unescape_name(function),
                line=int(line),
                message=message,
                exception=exception,
                extra=extra,
            )
        except (ValueError, RecursionError):  # also a day 32, or JSON that was damaged
            damage.cut_record(self.header[0])
            return
        yield record
