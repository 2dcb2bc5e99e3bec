"""UTC stamps of fixed width, which sort as text."""

from __future__ import annotations

from datetime import datetime, timezone

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
        self._last: tuple[int | None, int, str] = (None, 0, "")

    def __call__(self, time: datetime) -> str:
        """The stamp of an aware time, 32 characters: ``2026-10-05 23:50:00.123456+00:00``."""
        since = time - EPOCH
        last_days, last_seconds, prefix = self._last
        if since.seconds != last_seconds or since.days != last_days:
            utc = EPOCH + since
            # Not strftime: %Y is not padded to four digits on every platform.
            prefix = utc.isoformat(self._separator)[:19] + "."
            self._last = (since.days, since.seconds, prefix)
        return f"{prefix}{since.microseconds:06d}+00:00"
