"""The console: the guide's lines, on the stream that is there when a record is written."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import TextIO

from logging_helpers import printing

# Patterns as text: `re` compiles them when first needed, which is not at the start of a job.
_CONTROL = r"[\x00-\x08\x0b-\x1f\x7f-\x9f]"
# Colour sequences (SGR) are printed on purpose and cannot move the cursor or clear the screen.
_COLOUR = r"\x1b\[[0-9;:]*m"
_RESET = "\x1b[0m"
_MOST_LABELS = 1000


def _colour_of(level_number: int) -> str:
    if level_number >= 50:
        return "\x1b[1;31m"
    if level_number >= 40:
        return "\x1b[31m"
    if level_number >= 30:
        return "\x1b[33m"
    return "\x1b[32m" if level_number >= 20 else "\x1b[36m"


def wants_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether to colour a stream.

    Args:
        stream: Where lines go.
        environ: ``NO_COLOR`` (any value but empty) beats ``FORCE_COLOR``, which beats the
            question whether `stream` is a terminal. Source: no-color.org, force-color.org.
    """
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    try:
        return stream.isatty() and environ.get("TERM") != "dumb"
    except Exception:  # closed, or no full text stream
        return False


class Console:
    """Prints records, one ``write`` each; never raises.

    Args:
        stream: Where to print; ``None`` for `sys.stderr` as it is at each write.
        rank_label: ``"[3] "``, or ``""`` to show no rank.
    """

    def __init__(self, stream: TextIO | None, rank_label: str) -> None:
        self._stream = stream
        self._rank_label = rank_label
        # The second printed last and its text: one tuple, so that threads never mix two.
        self._clock: tuple[int, int, int, str] = (-1, 0, 0, "")
        self._labels: dict[str, str] = {}
        self._seen: tuple[TextIO | None, bool, bool] = (None, False, False)

    def write(
        self, time: datetime, level: str, level_number: int, message: str, exception: str | None
    ) -> None:
        """Print one record.

        Args:
            time: Local time.
            level: Level name.
            level_number: Its number, which chooses the colour.
            message: Any text.
            exception: Formatted traceback without its last newline, or ``None``.
        """
        # sys.stderr is None under pythonw and in some daemons, which typeshed leaves out.
        stream: TextIO | None = sys.stderr if self._stream is None else self._stream
        if stream is None or stream is printing.dead_stream:
            return
        seen, colour, flush = self._seen
        if stream is not seen:
            colour, flush = wants_colour(stream, os.environ), _needs_flush(stream)
            self._seen = (stream, colour, flush)
        text = message if exception is None else f"{message}\n{exception}"
        if not text.isprintable():
            text = _tamed(text, colour)
        second, minute, hour, clock = self._clock
        if time.second != second or time.minute != minute or time.hour != hour:
            clock = f"[{time.hour:02d}:{time.minute:02d}:{time.second:02d}."
            self._clock = (time.second, time.minute, time.hour, clock)
        if colour:
            label = f"{self._rank_label}{_colour_of(level_number)}{level.ljust(8)}{_RESET} "
        else:
            label = self._labels.get(level) or self._label(level)
        line = f"{clock}{time.microsecond // 1000:03d}] {label}{text}\n"
        printing.print_line(stream, line, flush)

    def _label(self, level: str) -> str:
        label = f"{self._rank_label}{level.ljust(8)} "
        if len(self._labels) < _MOST_LABELS:
            self._labels[level] = label
        return label

    def flush(self) -> None:
        """Flush the stream; never raises."""
        stream: TextIO | None = sys.stderr if self._stream is None else self._stream
        if stream is None or stream is printing.dead_stream:
            return
        printing.print_line(stream, "", flush=True)


def _needs_flush(stream: TextIO) -> bool:
    try:
        # A line-buffered stream flushes itself, at the newline.
        return not stream.line_buffering
    except Exception:  # closed, or no full text stream
        return True


def _tamed(text: str, colour: bool) -> str:
    def escape(match: re.Match[str]) -> str:
        if match[1] is not None:
            return match[1] if colour else ""
        return f"\\x{ord(match[0]):02x}"

    if re.search(_CONTROL, text) is None:  # newlines only, as in a traceback
        return text
    tamed = re.sub(f"({_COLOUR})|{_CONTROL}", escape, text)
    # A message that leaves a colour on would paint every line after it.
    return tamed + _RESET if colour and re.search(_COLOUR, tamed) else tamed
