"""Collects the raw lines that `faulthandler` leaves below a record."""

from __future__ import annotations

_MOST_LINES = 20_000
"""100 frames of 200 threads; a foreign file of any size must not fill the memory."""


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
