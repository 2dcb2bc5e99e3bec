"""The text layout: a header of fixed fields, and guards before every further line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from ranklog.line_format.damage import Damage
from ranklog.line_format.escapes import escape_controls, escape_name, unescape_name
from ranklog.line_format.extras import json_text
from ranklog.line_format.record import Record
from ranklog.line_format.stamps import StampFormatter

MESSAGE_GUARD = "    | "
EXCEPTION_GUARD = "    ! "
EXTRA_GUARD = "    = "
CUT_GUARD = "    ~ "
CUT_LINE = CUT_GUARD + "cut"
_GUARDS = (MESSAGE_GUARD, EXCEPTION_GUARD, EXTRA_GUARD, CUT_LINE)

_NUMBERED_LEVEL = re.compile(r"Level \d+", re.ASCII)
_HEADER = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00) \| "
    r"(Level \d+|[^ |:]*) +\| "
    r"r(-{4}|\d{4,})(?:/(\d+))? \| "
    r"([^ |:]*):([^ |:]*):(\d+) - (.*)",
    re.ASCII | re.DOTALL,
)


class TextLayout:
    """Lays records out as text. Stateless but for caches; safe to share by threads."""

    name = "text"
    suffix = ".log"
    cut_mark = f"\n{CUT_LINE}\n".encode()

    def __init__(self) -> None:
        self._stamp = StampFormatter(" ")
        self._levels: dict[str, str] = {}

    def site(self, logger: str, function: str, line: int) -> str:
        """The part of a header that names the place of the call; worth caching."""
        return f"{escape_name(logger)}:{escape_name(function)}:{line} - "

    def encode(
        self,
        seconds: int,
        microseconds: int,
        level: str,
        rank: int | None,
        pid: int | None,
        is_child: bool,
        site: str,
        message: str,
        exception: str | None,
        extra: dict[str, Any],
    ) -> bytes:
        """One record as the bytes of whole lines.

        Args:
            seconds: Seconds since the epoch, UTC.
            microseconds: 0 to 999,999.
            level: Level name.
            rank: Rank in the job, or ``None``.
            pid: Process id; written only where `is_child`.
            is_child: Whether another process than the banner's writes this record.
            site: From `site`.
            message: Any text.
            exception: Formatted traceback without its last newline, or ``None``.
            extra: Extra fields; no line is written for none.
        """
        level_field = self._levels.get(level) or self._level_field(level)
        rank_field = "r----" if rank is None else f"r{rank:04d}"
        if is_child and pid is not None:
            rank_field = f"{rank_field}/{pid}"
        # Almost every message is printable; only the others pay for the escapes.
        if not message.isprintable():
            message = _guarded(message, MESSAGE_GUARD)
        text = f"{self._stamp(seconds, microseconds)} | {level_field} | {rank_field} | {site}{message}\n"
        if exception is not None:
            text += f"{EXCEPTION_GUARD}{_guarded(exception, EXCEPTION_GUARD)}\n"
        if extra:
            text += f"{EXTRA_GUARD}{json_text(extra)}\n"
        return text.encode("utf-8", "backslashreplace")

    def _level_field(self, level: str) -> str:
        escaped = level if _NUMBERED_LEVEL.fullmatch(level) else escape_name(level)
        field = escaped.ljust(8)
        if len(self._levels) < 1000:
            self._levels[level] = field
        return field

    def decode(self, lines: Iterable[str], damage: Damage) -> Iterator[Record]:
        """Read records back.

        Args:
            lines: Physical lines without their newline, split at newlines only.
            damage: Told of every line that belongs to no whole record.

        Yields:
            Records in file order; `Record.pid` only where the line itself has it.
        """
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


def _guarded(text: str, guard: str) -> str:
    return escape_controls(text).replace("\n", "\n" + guard)


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
