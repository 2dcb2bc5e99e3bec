"""The raw lines that `faulthandler` leaves below a record, in any layout."""

from __future__ import annotations

import re

_MOST_LINES = 20_000
"""100 frames of 200 threads; a foreign file of any size must not fill the memory."""

# Source: CPython's Python/traceback.c and Modules/faulthandler.c, 3.10 to 3.14.
_FRAME = r'  File "[^"]*", line (?:\d+|\?\?\?) in [^"]*'
_STACK_LINE = (
    rf"{_FRAME}|  File .*|  \.\.\.|  <.*>|(?:Current thread|Thread) 0x[0-9a-f]+ .*|"
    r"Fatal Python error: .*|Extension modules: .*|Stack \(most recent call first\):|"
    r"Current thread's C stack trace .*|  Binary file .*|Python runtime state: .*|"
    r"Timeout \(.*\)!|(?:  )?Garbage-collecting"
)


def is_stack_line(line: str) -> bool:
    """Whether `faulthandler` writes such lines."""
    return re.fullmatch(_STACK_LINE, line) is not None


def is_finished_frame(line: str) -> bool:
    """Whether a line is one frame, whole: nothing else landed in the middle of it."""
    return re.fullmatch(_FRAME, line) is not None


class RawText:
    """Raw lines below one record."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, line: str) -> None:
        """Take one more line; an empty one counts only between others."""
        if (line or self._lines) and len(self._lines) < _MOST_LINES:
            self._lines.append(line)

    def text(self) -> str | None:
        """The lines, or ``None`` where there are none."""
        return "\n".join(self._lines).rstrip("\n") or None
