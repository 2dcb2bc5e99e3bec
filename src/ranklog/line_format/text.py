"""The text layout: a header of fixed fields, and guards before every further line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ranklog.line_format.escapes import escape_controls, escape_name
from ranklog.line_format.extras import json_text
from ranklog.line_format.guards import CUT_LINE, EXCEPTION_GUARD, EXTRA_GUARD, MESSAGE_GUARD
from ranklog.line_format.stamps import StampFormatter

if TYPE_CHECKING:
    from ranklog.line_format.reader import Reader

_NUMBERED_LEVEL = r"Level [0-9]+"


class TextLayout:
    """Lays records out as text. Stateless but for caches; safe to share by threads."""

    name = "text"
    suffix = ".log"
    cut_mark = f"\n{CUT_LINE}\n".encode()

    def __init__(self) -> None:
        self.stamp = StampFormatter(" ")
        """Writes times as this layout has them."""

    def head(self, level: str, rank: int | None, pid: int | None, is_child: bool) -> str:
        """The part of a header after the time, which names level and process.

        Args:
            level: Level name.
            rank: Rank in the job, or ``None``.
            pid: Process id; written only where `is_child`.
            is_child: Whether another process than the banner's writes.
        """
        escaped = level if re.fullmatch(_NUMBERED_LEVEL, level) else escape_name(level)
        rank_field = "r----" if rank is None else f"r{rank:04d}"
        if is_child and pid is not None:
            rank_field = f"{rank_field}/{pid}"
        return f" | {escaped.ljust(8)} | {rank_field} | "

    def site(self, logger: str, function: str, line: int) -> str:
        """The part of a header after that, which names the place of the call."""
        return f"{escape_name(logger)}:{escape_name(function)}:{line} - "

    def encode(
        self,
        stamp: str,
        origin: str,
        message: str,
        is_printable: bool,
        exception: str | None,
        extra: dict[str, Any] | None,
    ) -> bytes:
        """One record as the bytes of whole lines.

        Args:
            stamp: When it was logged, as `stamp` writes it.
            origin: What `head` and `site` gave, one after the other; worth caching.
            message: Any text.
            is_printable: ``message.isprintable()``.
            exception: Formatted traceback without its last newline, or ``None``.
            extra: Extra fields; no line is written for none.
        """
        # Almost every message is printable; only the others pay for the escapes.
        if not is_printable:
            message = _guarded(message, MESSAGE_GUARD)
        text = f"{stamp}{origin}{message}\n"
        if exception is not None:
            text += f"{EXCEPTION_GUARD}{_guarded(exception, EXCEPTION_GUARD)}\n"
        if extra:
            text += f"{EXTRA_GUARD}{json_text(extra)}\n"
        return text.encode("utf-8", "backslashreplace")

    def reader(self) -> Reader:
        """How files of this layout are read."""
        from ranklog.line_format import text_reader  # readers only: writers start faster

        return text_reader


def _guarded(text: str, guard: str) -> str:
    return escape_controls(text).replace("\n", "\n" + guard)
