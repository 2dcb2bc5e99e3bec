"""A table of all ranks and their attempts."""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from ranklog.attempts import Attempt, attempts_of
from ranklog.files.discover import Paths, Source
from ranklog.line_format import STANDARD_LEVELS, Damage, Reader
from ranklog.run import Run
from ranklog.screen import HUMAN, RAW, Column, Row, Screen
from ranklog.selection import Filters, level_number, make_selection
from ranklog.shown import shown_time, shown_times
from ranklog.stamps import time_of
from ranklog.views.request import Request

if TYPE_CHECKING:
    from typing_extensions import Unpack


class RankSummary(NamedTuple):
    """One attempt of one rank.

    Attributes:
        rank: The rank; 0 also where none was known.
        attempt: Ordinal of its banner; 0 for what is above the first.
        host: Where it ran.
        pid: Its process.
        restart: How often launchers had restarted the job.
        records: Number of records by level, the lowest level first.
        first: Time of the earliest record.
        last: Time of the latest.
        file_bytes: Size of all the rank's files.
        pieces: Number of those that were rotated away.
        banner: Bytes of the banner, empty where there is none.
    """

    rank: int
    attempt: int
    host: str | None
    pid: int | None
    restart: int | None
    records: dict[str, int]
    first: datetime | None
    last: datetime | None
    file_bytes: int
    pieces: int
    banner: bytes


def ranks(
    path: Paths, *, damage: Damage | None = None, **filters: Unpack[Filters]
) -> list[RankSummary]:
    """Every attempt of every rank, by rank.

    Args:
        path: As for `ranklog.read`.
        damage: Told of what cannot be read.
        filters: Which records are counted.

    Raises:
        FileNotFoundError: There is nothing at `path`.
        ValueError: A filter is malformed, or the run has no such attempt.
    """
    return _answer(Run(path, make_selection(filters), damage, tracks=True))


def show(request: Request, screen: Screen) -> int:
    """Print them."""
    answer = _answer(request.run(tracks=True))
    if screen.form == HUMAN:
        _print(answer, screen)
    elif screen.form == RAW:
        screen.items([one.banner for one in answer])
    else:
        for one in answer:
            fields = one._asdict()
            del fields["banner"]
            screen.object(fields)
    return 0


class _Tally:
    """What is counted of one attempt."""

    def __init__(self) -> None:
        self.levels: Counter[str] = Counter()
        self.numbers: dict[str, int] = {}
        self.first = b""
        self.last = b""

    def add(self, reader: Reader, keys: list[bytes], items: list[bytes]) -> None:
        origins = reader.origins(items)
        for part, count in Counter(origins).items():
            origin = reader.origin(part)
            level = "?" if origin is None else origin.level
            self.levels[level] += count
            if level not in self.numbers:
                self.numbers[level] = level_number(level, items[origins.index(part)])
        first, last = min(keys), max(keys)
        self.first = min(self.first or first, first)
        self.last = max(self.last, last)

    def records(self) -> dict[str, int]:
        return {
            name: self.levels[name] for name in sorted(self.levels, key=self.numbers.__getitem__)
        }


def _answer(run: Run) -> list[RankSummary]:
    answer = [one for source in run.sources for one in _summaries(run, source)]
    return sorted(answer, key=lambda one: (one.rank, one.attempt))


def _summaries(run: Run, source: Source) -> list[RankSummary]:
    reader = source.layout.reader()
    tallies: dict[int, _Tally] = {}
    rank = source.rank
    for stretch in run.stretches(source):
        if stretch.items:
            tallies.setdefault(stretch.attempt, _Tally()).add(reader, stretch.keys, stretch.items)
            if rank is None:
                origin = reader.origin(reader.origins(stretch.items[:1])[0])
                rank = None if origin is None else origin.rank
    attempts = {attempt.ordinal: attempt for attempt in attempts_of(source)}
    size = sum(map(_size, (segment.path for segment in source.segments)))
    pieces = sum(segment.rotated is not None for segment in source.segments)
    return [
        _summary(rank or 0, ordinal, attempts.get(ordinal), tally, size, pieces)
        for ordinal, tally in tallies.items()
    ]


def _summary(
    rank: int, ordinal: int, attempt: Attempt | None, tally: _Tally, size: int, pieces: int
) -> RankSummary:
    fields: dict[str, Any] = {} if attempt is None else attempt.fields
    return RankSummary(
        rank,
        ordinal,
        fields.get("host"),
        fields.get("pid"),
        fields.get("restart"),
        tally.records(),
        time_of(tally.first),
        time_of(tally.last),
        size,
        pieces,
        b"" if attempt is None else attempt.item,
    )


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:  # removed meanwhile
        return 0


def _print(answer: list[RankSummary], screen: Screen) -> None:
    if not answer:
        screen.line("no records")
        return
    names = _level_names(answer)
    columns = [Column("rank", is_number=True), Column("attempt", is_number=True), Column("host")]
    columns += [Column("pid", is_number=True), *(Column(name, is_number=True) for name in names)]
    columns += [Column("first (UTC)"), Column("last (UTC)")]
    columns += [Column("bytes", is_number=True), Column("pieces", is_number=True)]
    times = shown_times([time for one in answer for time in (one.first, one.last)])
    rows = [
        Row(
            [
                str(one.rank),
                str(one.attempt or "-"),
                str(one.host or "-"),
                str(one.pid or "-"),
                *(str(one.records.get(name, "")) for name in names),
                first,
                last,
                f"{one.file_bytes:,}",
                str(one.pieces),
            ]
        )
        for one, first, last in zip(answer, times[::2], times[1::2], strict=True)
    ]
    screen.table(columns, rows)
    day = shown_time(answer[0].first)[:10]
    if times[0] and not times[0].startswith(day):
        screen.line(f"all on {day}")


def _level_names(answer: list[RankSummary]) -> list[str]:
    """Levels in the order of their numbers; of the program's own, as the ranks have them."""
    names = [name for name in STANDARD_LEVELS if any(name in one.records for one in answer)]
    for one in answer:
        place = 0
        for name in one.records:
            if name not in names:
                names.insert(place, name)
            place = names.index(name) + 1
    return names
