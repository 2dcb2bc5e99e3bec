"""The console: the guide's lines, on the stream that is there when a record is written."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import TextIO

from logging_helpers import printing

# Patterns as text: `re` compiles them when first needed, which is not at the start of a job.
_CONTROL = r"[\x00-\x08\x0b-\x1f\x7f-\x9f]"
# Colour sequences (SGR) are printed on purpose and cannot move the cursor or clear the screen.
_COLOUR = r"\x1b\[[0-9;:]*m"
_RESET = "\x1b[0m"


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
        # The stream printed to last, and whether it wants colour and to be flushed.
        self._seen: tuple[TextIO | None, bool, bool] = (None, False, False)

    def labels(self, level: str, number: int) -> tuple[str, str]:
        """Rank and level as lines show them, without and with colour; worth caching.

        Args:
            level: Level name.
            number: Its number, which chooses the colour.
        """
        text = level.ljust(8)
        rank = self._rank_label
        return f"{rank}{text} ", f"{rank}{_colour_of(number)}{text}{_RESET} "

    def write(
        self,
        clock: str,
        labels: tuple[str, str],
        message: str,
        is_printable: bool,
        exception: str | None,
    ) -> None:
        """Print one record.

        Args:
            clock: Local time, ``HH:MM:SS.mmm``.
            labels: What `labels` gave for its level.
            message: Any text.
            is_printable: ``message.isprintable()``.
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
        if exception is not None:
            message = f"{message}\n{exception}"
            is_printable = False
        if not is_printable:
            message = _tamed(message, colour)
        printing.print_line(stream, f"[{clock}] {labels[colour]}{message}\n", flush)

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
