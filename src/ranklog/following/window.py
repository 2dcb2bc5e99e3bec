"""Puts records that come from many files into order, as far as a short wait allows."""

from __future__ import annotations

from math import inf
from typing import Any, NamedTuple

from ranklog.stamps import LATEST, seconds_between


class Arrival(NamedTuple):
    """Something that came, and when.

    Attributes:
        key: Its stamp.
        source: Whose it is, for equal stamps.
        number: Which of that source's, for equal stamps.
        arrived: When it came, in seconds of any clock.
        value: What it is.
    """

    key: bytes
    source: int
    number: int
    arrived: float
    value: Any


class Window:
    """Holds arrivals for a short while and gives them out by their stamps.

    Args:
        seconds: How long each waits for earlier ones.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._held: list[Arrival] = []
        self._newest = b""
        self._behind_at = -inf

    def add(self, arrivals: list[Arrival]) -> None:
        """Take some more."""
        self._held += arrivals

    def due(self, now: float, floors: list[bytes]) -> list[tuple[Arrival, float | None]]:
        """What need not wait any longer, by stamp, then source, then number.

        Args:
            now: The time, of the same clock as the arrivals'.
            floors: The latest stamps of sources of which more is there to be read. While there
                are any, nothing above the lowest is given out, and all below it at once.

        Returns:
            Arrivals, each with how many seconds it comes after a later one was given out, or
            ``None`` where it is in order.
        """
        if floors:
            limit = min(floors)
            self._behind_at = now
        else:
            # What came while others were behind waits from the moment that they were not.
            came_by = now - self._seconds
            ready = (one.key for one in self._held if max(one.arrived, self._behind_at) <= came_by)
            limit = max(ready, default=b"")
        return self._take(limit) if limit else []

    def rest(self) -> list[tuple[Arrival, float | None]]:
        """All that is held."""
        return self._take(LATEST)

    def held(self) -> list[Any]:
        """Values that still wait."""
        return [one.value for one in self._held]

    def _take(self, limit: bytes) -> list[tuple[Arrival, float | None]]:
        taken = sorted(one for one in self._held if one.key <= limit)
        if taken:
            self._held = [one for one in self._held if one.key > limit]
        given: list[tuple[Arrival, float | None]] = []
        for one in taken:
            is_late = one.key < self._newest
            given.append((one, seconds_between(one.key, self._newest) if is_late else None))
            self._newest = max(self._newest, one.key)
        return given
