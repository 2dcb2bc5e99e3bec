"""UTC stamps of fixed width, which sort as text."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def split_time(time: datetime) -> tuple[int, int]:
    """Seconds since the epoch and microseconds of an aware datetime, exact."""
    delta = time - EPOCH
    return delta.days * 86_400 + delta.seconds, delta.microseconds


class StampFormatter:
    """Formats stamps, remembering the text of the second it formatted last.

    Args:
        separator: One character between date and time.
    """

    def __init__(self, separator: str) -> None:
        self._separator = separator
        # One tuple, so that threads never see a second beside another's text.
        self._last: tuple[int | None, str] = (None, "")

    def __call__(self, seconds: int, microseconds: int) -> str:
        """The stamp, 32 characters: ``2026-10-05 23:50:00.123456+00:00``."""
        last_seconds, prefix = self._last
        if seconds != last_seconds:
            time = EPOCH + timedelta(seconds=seconds)
            # Not strftime: %Y is not padded to four digits on every platform.
            prefix = time.isoformat(self._separator)[:19] + "."
            self._last = (seconds, prefix)
        return f"{prefix}{microseconds:06d}+00:00"
