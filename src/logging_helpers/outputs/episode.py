"""A time during which records could not be written, told afterwards in one record."""

from __future__ import annotations

from datetime import datetime, timezone


class Episode:
    """Counts the records that were lost.

    Args:
        reason: Why, for a person.
        first: When the first of them was lost, or the last moment when all was well.
        count: How many are lost already.
        is_sure: Whether they are known to be lost.
    """

    def __init__(self, reason: str, first: datetime, count: int, *, is_sure: bool = True) -> None:
        self.reason = reason
        self.count = count
        self.is_said = False
        self._first = first
        self._last = now()
        self._is_sure = is_sure

    def add(self) -> None:
        """Count one more."""
        self._last = now()
        self.count += 1

    def count_text(self) -> str:
        """``3 records were lost``, or ``up to 3 records were lost``."""
        text = "1 record was lost" if self.count == 1 else f"{self.count} records were lost"
        return text if self._is_sure else f"up to {text}"

    def notice(self) -> str:
        """How many were lost, from when to when (UTC), and why."""
        return f"{self.count_text()} between {_stamp(self._first)} and {_stamp(self._last)}: {self.reason}"


def now() -> datetime:
    """The time in UTC."""
    return datetime.now(timezone.utc)


def _stamp(time: datetime) -> str:
    return time.isoformat(" ", "milliseconds")
