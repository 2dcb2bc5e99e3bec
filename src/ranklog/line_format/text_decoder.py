"""Reads the text layout."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from ranklog.line_format.damage import Damage
from ranklog.line_format.escapes import unescape_name
from ranklog.line_format.guards import CUT_LINE, EXCEPTION_GUARD, EXTRA_GUARD, MESSAGE_GUARD
from ranklog.line_format.raw_text import RawText
from ranklog.line_format.record import Record

_GUARDS = (MESSAGE_GUARD, EXCEPTION_GUARD, EXTRA_GUARD, CUT_LINE)
_HEADER = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00) \| "
    r"(Level \d+|[^ |:]*) +\| "
    r"r(-{4}|\d{4,})(?:/(\d+))? \| "
    r"([^ |:]*):([^ |:]*):(\d+) - (.*)",
    re.ASCII | re.DOTALL,
)


# A line that `faulthandler` finished. What looks like a header in it is part of a name.
_STACK_LINE = re.compile(r'  File "[^"]*", line (?:\d+|\?\?\?) in [^"]*')


def decode(lines: Iterable[str], damage: Damage) -> Iterator[Record]:
    """Read records back; see `TextLayout.decode`."""
    pending: _Pending | None = None
    stray: str | None = None  # the line before, where it is no whole line of ours
    for line in lines:
        if line == CUT_LINE:
            if pending is not None and pending.is_open:
                damage.cut_record(pending.header[0])
                pending = None
            elif stray is not None:  # it was itself the record cut
                damage.cut_record(stray)
            stray = None
            continue
        if stray is not None:
            _count_raw(stray, pending, damage)
            stray = None
        if not line:
            if pending is not None:
                pending.raw.add(line)
            continue
        if line[0] == " " and pending is not None and pending.is_open:
            if pending.take(line):
                continue
            if _is_torn_guard(line):
                stray = line
                continue
        match = _HEADER.fullmatch(line)
        if match is None:
            match = _find_header(line)
            if match is None:
                # What is below a line that is not ours is no more of the record above it.
                if pending is not None:
                    pending.is_open = False
                stray = line
                continue
            before = line[: match.start()]
            if pending is not None and pending.is_open and _is_torn_guard(before):
                damage.cut_record(pending.header[0])
                pending = None
            else:
                _count_raw(before, pending, damage)
        if pending is not None:
            yield from pending.finish(damage)
        pending = _Pending(match)
    if stray is not None:
        _count_raw(stray, pending, damage)
    if pending is not None:
        yield from pending.finish(damage)


def _count_raw(line: str, pending: _Pending | None, damage: Damage) -> None:
    damage.foreign_line(line)
    if pending is not None:
        pending.raw.add(line)


def _is_torn_guard(line: str) -> bool:
    return any(guard.startswith(line) for guard in _GUARDS)


def _find_header(line: str) -> re.Match[str] | None:
    """The header of another process's record that landed in the middle of a raw line.

    `faulthandler` writes a line in many small pieces. In a line of ours, which begins with a
    guard, what looks like a header is what somebody logged; in zeros, nobody knows what it is.
    """
    if line.startswith(_GUARDS) or line[0] == "\0" or _STACK_LINE.fullmatch(line):
        return None
    return _HEADER.search(line, 1)


class _Pending:
    """A record whose further lines are still being read."""

    def __init__(self, header: re.Match[str]) -> None:
        self.header = header
        self.is_open = True
        self.raw = RawText()
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
                raw=self.raw.text(),
            )
        except (ValueError, RecursionError):  # also a day 32, or JSON that was damaged
            damage.cut_record(self.header[0])
            return
        yield record
