"""The text layout: a header of fixed fields, and guards before every further line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ranklog.line_format.escapes import escape_controls, escape_name
from ranklog.line_format.extras import json_text
from ranklog.line_format.guards import CUT_LINE, EXCEPTION_GUARD, EXTRA_GUARD, MESSAGE_GUARD
from ranklog.line_format.stamps import StampFormatter

if TYPE_CHECKING:
    from ranklog.line_format.damage import Damage
    from ranklog.line_format.record import Record

_NUMBERED_LEVEL = r"Level [0-9]+"


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
        escaped = level if re.fullmatch(_NUMBERED_LEVEL, level) else escape_name(level)
        field = escaped.ljust(8)
        if len(self._levels) < 1000:
            self._levels[level] = field
        return field

    def decode(self, lines: Iterable[str], damage: Damage) -> Iterator[Record]:
        """Read records back.

        Args:
            lines: Physical lines without their newline, split at newlines only.
            damage: Told of every line that belongs to no whole record.

        Returns:
            Records in file order; `Record.pid` only where the line itself has it.
        """
        from ranklog.line_format import text_decoder  # readers only: writers start faster

        return text_decoder.decode(lines, damage)


def _guarded(text: str, guard: str) -> str:
    return escape_controls(text).replace("\n", "\n" + guard)
