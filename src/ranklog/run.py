"""An opened run: its sources, and of each the records that were asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta, timezone
from functools import cached_property
from typing import NamedTuple

from ranklog.attempts import Attempt, attempts_of, last_attempts
from ranklog.files.discover import Paths, Source, discover, paths_of
from ranklog.files.record_blocks import BEGINNING, Start, record_blocks
from ranklog.files.seeking import head, start_at, tail
from ranklog.line_format import Damage, Records
from ranklog.merging import Batch, Ordering, block_bytes
from ranklog.selection import EVERYTHING, Filter, Selection, When
from ranklog.stamps import LATEST, stamp_of, time_of
from ranklog.walk import Sieve, Stretch, Walk, stretch_of

_SLACK_SECONDS = 10.0
"""How far from its place a record may stand in a file and still be found by its time.

Threads and workers are out of order by less. Of a busy rank this is a hundred thousand records
to look at, for nothing in most files.
"""
_FIRST_TIME = datetime.min.replace(tzinfo=timezone.utc)


class Span(NamedTuple):
    """The part of a source that was asked for.

    Attributes:
        start: Where it begins.
        end: Where it ends, ``None`` for the end of the source.
        before: Ordinal of the attempt above its first record.
    """

    start: Start = BEGINNING
    end: Start | None = None
    before: int = 0


class Run:
    """What `path` holds, as far as a selection asks for it.

    Args:
        path: One path or several, as `discover` takes them.
        selection: What to keep.
        damage: Told of what cannot be read.
        tracks: Whether stretches are to know attempt and pid, which costs time.

    Raises:
        FileNotFoundError: There is nothing at a path.
        ValueError: The selection has no answer in this run.
    """

    def __init__(
        self,
        path: Paths,
        selection: Selection = EVERYTHING,
        damage: Damage | None = None,
        *,
        tracks: bool = False,
    ) -> None:
        self.damage = Damage() if damage is None else damage
        self._selection = selection
        self._tracks = tracks
        found = discover(*paths_of(path))
        self._found = found
        self._beginnings: dict[Source, Records] = {}
        self._ends: dict[Source, Records] = {}
        has_ranks = selection.ranks.ranges is not None
        self._filter = Filter(selection, self.world_size if has_ranks else None)
        # What only other ranks wrote need not be looked at.
        self.sources = [source for source in found if self.may_hold(source)]
        self._since, self._until = self._find_times()
        self._spans = dict(zip(self.sources, self._find_spans(), strict=True))

    @property
    def has_files(self) -> bool:
        """Whether there is a file at any of the paths, whatever was asked for."""
        return bool(self._found)

    @cached_property
    def world_size(self) -> int | None:
        """Size of the job, as far as beginnings and ends of files tell; the newest banner counts."""
        sizes = sorted(size for source in self._found for size in self._world_sizes(source))
        ranks = [source.rank + 1 for source in self._found if source.rank is not None]
        return sizes[-1][1] if sizes else max(ranks, default=None)

    def _world_sizes(self, source: Source) -> Iterator[tuple[bytes, int]]:
        reader = source.layout.reader()
        for records in (self.beginning_of(source), self.end_of(source)):
            if reader.BANNER not in b"".join(records.items):
                continue
            for key, item in zip(records.keys, records.items, strict=True):
                record = reader.parse(item, Damage()) if reader.BANNER in item else None
                size = None if record is None else record.extra.get("world_size")
                if record is not None and record.is_banner and isinstance(size, int):
                    yield key, size

    def beginning_of(self, source: Source) -> Records:
        """The first records of a source, whatever was asked for. Read once."""
        known = self._beginnings.get(source)
        if known is None:
            known = self._beginnings[source] = head(source)
        return known

    def end_of(self, source: Source) -> Records:
        """The last records of a source, whatever was asked for. Read once."""
        known = self._ends.get(source)
        if known is None:
            known = self._ends[source] = tail(source, damage=self.damage)
        return known

    def may_hold(self, source: Source) -> bool:
        """Whether records of a rank that was asked for may be in a source."""
        if self._filter.keeps_rank(source.rank):
            return True
        # Opened before its process had a rank, it may hold what others forked from that wrote.
        return source.rank == 0 and _begins_without_rank(source)

    def keeps_rank(self, rank: int | None) -> bool:
        """Whether a rank was asked for; one that is not known may be."""
        return self._filter.keeps_rank(rank)

    def span(self, source: Source) -> Span | None:
        """The part of a source that was asked for, ``None`` if it has none."""
        return self._spans[source]

    def times(self) -> tuple[bytes, bytes]:
        """Stamps of the first and the last time that was asked for."""
        return self._since or b"", self._until or LATEST

    def sieve(self, source: Source) -> Sieve:
        """Keeps the records of a source that were asked for, of those in its span."""
        return Sieve(source.layout.reader(), self._filter, self._since, self._until)

    def stretches(self, source: Source) -> Iterator[Stretch]:
        """The records of a source that were asked for, in file order."""
        for some in self.blocks(source):
            yield from some

    def blocks(self, source: Source) -> Iterator[list[Stretch]]:
        """The same, a block of the source at a time."""
        span = self._spans[source]
        if span is None:
            return
        sieve = self.sieve(source)
        walk = Walk(source.layout.reader(), sieve, span.before)
        size = block_bytes(len(self.sources))
        last = None if self._until is None else _slack(self._until, 1)
        for records in record_blocks(source, size, self.damage, span.start, span.end):
            if last is not None and records.keys and min(records.keys) > last:
                return
            if self._tracks:
                yield list(walk.take(records))
            else:
                chosen = sieve.choose(records)
                yield [stretch_of(chosen, records.keys, 0, None)]

    def batches(self, source: Source) -> Iterator[Batch]:
        """The same as `merge` takes them, bytes of records."""
        ordering = self.ordering(source)
        for stretch in self.stretches(source):
            yield ordering.batch(stretch.keys, stretch.items, stretch.newest)

    def ordering(self, source: Source) -> Ordering:
        """Puts records of a source into order, and notes where its clock was set back."""

        def note(before: bytes, after: bytes) -> None:
            self.damage.note(
                f"{source.path}: the clock was set back from {before.decode()} to"
                f" {after.decode()}; its records stay in their order"
            )

        return Ordering(note)

    def _find_times(self) -> tuple[bytes | None, bytes | None]:
        since, until = self._selection.since, self._selection.until
        end = None
        if isinstance(since, time | timedelta) or isinstance(until, time | timedelta):
            newest = (max(self.end_of(source).keys, default=b"") for source in self._found)
            end = time_of(max(newest, default=b""))
        return _stamp(since, end), _stamp(until, end)

    def _find_spans(self) -> list[Span | None]:
        wanted = self._selection.attempt
        if wanted == "all":
            since = None if self._since is None else _slack(self._since, -1)
            if since is None:
                return [Span() for _ in self.sources]
            return [Span(start_at(source, since)) for source in self.sources]
        found = [attempts_of(source, self.damage) for source in self.sources]
        chosen: list[Attempt | None]
        if wanted == "last":
            chosen = last_attempts(self.sources, found)
        else:
            chosen = [next((one for one in each if one.ordinal == wanted), None) for each in found]
            if found and not any(chosen):
                most = max(each[-1].ordinal for each in found)
                raise ValueError(f"attempt={wanted!r} is not in this run; it has {most}")
        return [
            None if one is None else _span_of(one, each)
            for one, each in zip(chosen, found, strict=True)
        ]


def _span_of(attempt: Attempt, attempts: list[Attempt]) -> Span:
    after = [other.start for other in attempts if other.ordinal == attempt.ordinal + 1]
    # Its banner, at the start, is the turn to it.
    before = max(attempt.ordinal - 1, 0)
    return Span(attempt.start, after[0] if after else None, before)


def _slack(stamp: bytes, direction: int) -> bytes:
    time = time_of(stamp)
    if time is None:
        return stamp
    try:
        return stamp_of(time + direction * timedelta(seconds=_SLACK_SECONDS))
    except OverflowError:
        return stamp


def _stamp(wanted: When | None, end: datetime | None) -> bytes | None:
    if isinstance(wanted, datetime):
        return stamp_of(wanted)
    if wanted is None or end is None:
        return None
    if isinstance(wanted, time):
        today = datetime.combine(end.date(), wanted, timezone.utc)
        wanted = end - today if today <= end else end - today + timedelta(days=1)
    try:
        return stamp_of(end - wanted)
    except OverflowError:  # longer ago than there are years, or further ahead
        return stamp_of(_FIRST_TIME) if wanted > timedelta() else LATEST


def _begins_without_rank(source: Source) -> bool:
    reader = source.layout.reader()
    first = reader.origins(head(source).items[:1])
    origin = reader.origin(first[0]) if first else None
    return origin is not None and origin.rank is None
