"""Merges records of many sources by time, a block of each at a time.

Nothing is decoded: a record's key is its stamp as bytes. Of each source about two blocks are
held, of which the older may be given out: what comes later in the file is no older than that.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple, TypeVar

from ranklog.stamps import LATEST, seconds_between

_Item = TypeVar("_Item")

SET_BACK_SECONDS = 60.0
"""A step back of more is a clock that was set back, of less the disorder of threads."""
_MEMORY_BYTES = 3 << 20
_LEAST_BYTES, _MOST_BYTES = 16 << 10, 1 << 20


def block_bytes(sources: int) -> int:
    """Bytes to read of each source at a time, so that all fit into memory."""
    return min(max(_MEMORY_BYTES // max(sources, 1), _LEAST_BYTES), _MOST_BYTES)


class Batch(NamedTuple):
    """Some of a source's items, in file order.

    Attributes:
        keys: A sort key for each: bytes, mostly in order.
        items: Anything: bytes of records, or records.
        floor: No item of a later batch of this source has a key below it.
        is_sorted: Whether the keys are in order.
    """

    keys: list[bytes]
    items: list[Any]
    floor: bytes
    is_sorted: bool


class Ordering:
    """Gives each record of one source the key that it is to be sorted by.

    That is its stamp, so that the small disorder of threads and workers is sorted. Where the
    clock was set back, or a record is later than two blocks, the stamps before it are its key:
    it keeps its place in the file.

    Args:
        on_set_back: Called with the stamps before and after, once for each such step.
    """

    def __init__(self, on_set_back: Callable[[bytes, bytes], None]) -> None:
        self._on_set_back = on_set_back
        self._floor = self._newest = b""
        self._since_step: bytes | None = None
        """Latest stamp since the clock was set back; ``None`` where it is not behind."""

    def batch(self, keys: list[bytes], items: list[Any], newest: bytes = b"") -> Batch:
        """The next block of the source.

        Args:
            keys: Stamps.
            items: What they are of.
            newest: Latest stamp of the block, where it is of an item that is left out.
        """
        floor, self._floor = self._floor, self._newest
        is_sorted = sorted(keys) == keys
        if keys and (keys[0] < self._newest or not is_sorted):
            keys = self._corrected(keys, floor)
            is_sorted = False
            newest = max(newest, max(keys))
        elif keys:
            self._since_step = None
            newest = max(newest, keys[-1])
        self._newest = max(self._newest, newest)
        return Batch(keys, items, self._floor, is_sorted)

    def _corrected(self, keys: list[bytes], floor: bytes) -> list[bytes]:
        lowest, highest = min(keys), max(self._newest, max(keys))
        is_near = lowest >= floor and seconds_between(lowest, highest) <= SET_BACK_SECONDS
        if self._since_step is None and is_near:
            return keys
        corrected = []
        newest = accumulate(keys, max, initial=self._newest)
        for key, before in zip(keys, newest, strict=False):
            if key >= before:
                self._since_step = None
            elif self._is_behind(key, before):
                key = before  # until the clock is again where it was: all in their order
            corrected.append(max(key, floor))
        return corrected

    def _is_behind(self, key: bytes, before: bytes) -> bool:
        """Whether the clock was set back; `key` is of the next record, `before` the newest."""
        last = before if self._since_step is None else self._since_step
        if key < last and seconds_between(key, last) > SET_BACK_SECONDS:
            self._on_set_back(last, key)
            self._since_step = key
        elif self._since_step is not None:
            self._since_step = max(last, key)
        return self._since_step is not None


class _Feed:
    """What is at hand of one source, in order."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        self._batches = batches
        self._last_count = 0
        self.keys: list[bytes] = []
        self.items: list[Any] = []
        self.floor = b""
        self.is_done = False

    @property
    def is_low(self) -> bool:
        """Whether to read on before the next step."""
        return not self.is_done and len(self.keys) <= self._last_count + self._last_count // 2

    def fill(self) -> None:
        """Read one more batch."""
        batch = next(self._batches, None)
        if batch is None:
            self.is_done, self.floor = True, LATEST
            return
        keys = batch.keys
        is_later = not (keys and self.keys) or self.keys[-1] <= keys[0]
        self.keys += keys
        self.items += batch.items
        if not (batch.is_sorted and is_later):
            self.items = sort_by(self.items, self.keys)
            self.keys.sort()
        self._last_count = len(keys)
        self.floor = batch.floor

    def take(self, count: int) -> tuple[list[bytes], list[Any]]:
        """Give out the first `count` items."""
        taken = self.keys[:count], self.items[:count]
        del self.keys[:count], self.items[:count]
        return taken


def sort_by(items: list[_Item], keys: list[bytes]) -> list[_Item]:
    """Sort items by their keys, in place; equal ones stay in their order."""
    # As a key function `partial(next, iterator)` gives the next key, whatever it is called
    # with: items are asked for their keys in order. Three times as fast as sorting indices.
    items.sort(key=partial(next, iter(keys)))
    return items


def merge(sources: Iterable[Iterator[Batch]]) -> Iterator[list[Any]]:
    """Items of all sources, in order of their keys.

    Args:
        sources: Batches of each source. Equal keys come in the order of sources, then of items.

    Yields:
        Items that follow those before, many at a time.
    """
    feeds = [_Feed(iter(batches)) for batches in sources]
    for feed in feeds:
        feed.fill()
    while feeds:
        # Nothing that is still to come of any source is below the lowest floor; nor, of the
        # source that has it and of those after it, is anything equal to it that comes before.
        lowest = min(range(len(feeds)), key=lambda number: feeds[number].floor)
        floor = feeds[lowest].floor
        keys: list[bytes] = []
        items: list[Any] = []
        for number, feed in enumerate(feeds):
            count = _count_below(feed.keys, floor, is_inclusive=number <= lowest)
            if count:
                some_keys, some_items = feed.take(count)
                keys += some_keys
                items += some_items
        if items:
            yield sort_by(items, keys)
        if not feeds[lowest].is_done:
            feeds[lowest].fill()
        for feed in feeds:
            if feed.is_low:
                feed.fill()
        feeds = [feed for feed in feeds if feed.keys or not feed.is_done]


def _count_below(keys: Sequence[bytes], floor: bytes, *, is_inclusive: bool) -> int:
    if not keys or keys[0] > floor:
        return 0
    return bisect_right(keys, floor) if is_inclusive else bisect_left(keys, floor)
