"""Stamps as readers sort by them: ``b"2026-10-05 23:50:00.123456"``, UTC."""

from __future__ import annotations

from datetime import datetime, timezone

LATEST = b"\xff"
"""After every stamp."""


def stamp_of(time: datetime) -> bytes:
    """The stamp of an aware time."""
    utc = time.astimezone(timezone.utc).replace(tzinfo=None)
    return utc.isoformat(" ", "microseconds").encode()


def time_of(stamp: bytes) -> datetime | None:
    """The time of a stamp; ``None`` for one that no calendar has, such as a day 32."""
    try:
        return datetime.fromisoformat(stamp.decode()).replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def seconds_between(earlier: bytes, later: bytes) -> float:
    """Seconds from one stamp to another; 0 where one of them is no time."""
    first, last = time_of(earlier), time_of(later)
    return (last - first).total_seconds() if first and last else 0.0
