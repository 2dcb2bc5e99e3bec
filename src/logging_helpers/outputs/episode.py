"""A time during which records could not be written, told afterwards in one record."""

from __future__ import annotations

from datetime import datetime, timezone


class Episode:
    """Counts the records that were lost.

    Args:
        reason: Why, for a person.
        first: When the first of them was lost, or the last moment when all was well.
        count: How many are lost already.
    """

    def __init__(self, reason: str, first: datetime, count: int) -> None:
        self.reason = reason
        self._first = first
        self._last = now()
        self._count = count

    def add(self) -> None:
        """Count one more."""
        self._last = now()
        self._count += 1

    def count_text(self) -> str:
        """``3 records were lost``."""
        return "1 record was lost" if self._count == 1 else f"{self._count} records were lost"

    def notice(self) -> str:
        """How many were lost, from when to when (UTC), and why."""
        return f"{self.count_text()} between {_stamp(self._first)} and {_stamp(self._last)}: {self.reason}"


def now() -> datetime:
    """The time in UTC."""
    return datetime.now(timezone.utc)


def _stamp(time: datetime) -> str:
    return time.isoformat(" ", "milliseconds")
