"""Puts records that come from many files into order, as far as a short wait allows."""

from __future__ import annotations

from bisect import bisect_right
from math import inf
from typing import Any, NamedTuple

from ranklog.merging import sort_by
from ranklog.stamps import LATEST, seconds_between


class Lot:
    """Records of one file that came together.

    Args:
        keys: Their stamps.
        items: Their bytes.
        origin: Anything that is known of all of them.
        more: Where the one record came before: the lines that are new below it.
    """

    def __init__(
        self, keys: list[bytes], items: list[bytes], origin: Any = None, more: bytes = b""
    ) -> None:
        self.keys = keys
        self.items = items
        self.origin = origin
        self.more = more
        self._is_sorted = sorted(keys) == keys
        # Set by the window: whose, for equal stamps, and when they came.
        self.source = 0
        self.arrived = 0.0

    def take(self, limit: bytes) -> Lot:
        """Take those up to `limit` out."""
        if not self._is_sorted:
            sort_by(self.items, self.keys)
            self.keys.sort()
            self._is_sorted = True
        count = bisect_right(self.keys, limit)
        taken = Lot(self.keys[:count], self.items[:count], self.origin, self.more)
        taken.source = self.source
        del self.keys[:count], self.items[:count]
        return taken


class Given(NamedTuple):
    """Records that are given out together.

    Attributes:
        items: Their bytes, in order.
        lots: Of each the lot it came in.
        late_seconds: By how much the only one is earlier than one that was given out before;
            ``None`` where they are in order.
    """

    items: list[bytes]
    lots: list[Lot]
    late_seconds: float | None = None

    @property
    def more(self) -> bytes:
        """Where the only one came before: the lines that are new below it."""
        return self.lots[0].more


class Window:
    """Holds records for a short while and gives them out by their stamps.

    Args:
        seconds: How long each waits for earlier ones.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.quiet_seconds = seconds / 2
        """After so long without more, the last record of a file is whole."""
        self._held: list[Lot] = []
        self._newest = b""
        self._behind_at = -inf

    def add(self, lots: list[Lot], source: int, now: float) -> None:
        """Take some more.

        Args:
            lots: What came, in file order.
            source: Whose: of equal stamps those of a lower number come first.
            now: The time, in seconds of any clock.
        """
        for lot in lots:
            lot.source, lot.arrived = source, now
        self._held += lots

    def due(self, now: float, floors: list[bytes]) -> list[Given]:
        """What need not wait any longer, by stamp, then source, then file order.

        Args:
            now: The time, of the same clock.
            floors: The latest stamps of sources of which more is there to be read. While there
                are any, nothing above the lowest is given out, and all below it at once.
        """
        if floors:
            limit = min(floors)
            self._behind_at = now
        else:
            limit = b""
            # Of a file that was behind the last record is held until it is known to be whole.
            if now - self._behind_at >= self.quiet_seconds:
                came_by = now - self._seconds
                ready = (max(lot.keys) for lot in self._held if lot.arrived <= came_by)
                limit = max(ready, default=b"")
        return self._take(limit) if limit else []

    def rest(self) -> list[Given]:
        """All that is held."""
        return self._take(LATEST)

    def held(self) -> list[Lot]:
        """What still waits."""
        return list(self._held)

    def _take(self, limit: bytes) -> list[Given]:
        keys: list[bytes] = []
        items: list[bytes] = []
        lots: list[Lot] = []
        # Sorting is stable: equal stamps stay by source, then in file order.
        for lot in sorted(self._held, key=lambda one: one.source):
            taken = lot.take(limit)
            keys += taken.keys
            items += taken.items
            lots += [taken] * len(taken.keys)
        self._held = [lot for lot in self._held if lot.keys]
        items, lots = sort_by(items, keys), sort_by(lots, keys)
        keys.sort()
        return self._given(keys, items, lots)

    def _given(self, keys: list[bytes], items: list[bytes], lots: list[Lot]) -> list[Given]:
        if not keys:
            return []
        given: list[Given] = []
        begin = 0
        if keys[0] < self._newest or any(
            lot.more for lot in {id(one): one for one in lots}.values()
        ):
            for number, (key, item, lot) in enumerate(zip(keys, items, lots, strict=True)):
                is_late = key < self._newest
                if not (is_late or lot.more):
                    continue
                if begin < number:
                    given.append(Given(items[begin:number], lots[begin:number]))
                late = seconds_between(key, self._newest) if is_late and not lot.more else None
                given.append(Given([item], [lot], late))
                begin = number + 1
        if begin < len(keys):
            given.append(Given(items[begin:], lots[begin:]))
        self._newest = max(self._newest, keys[-1])
        return given
