"""A run as ranks over time: in each cell how many records, and the worst level of them.

What a terminal prints of it is in `views.timeline`; a page in the browser would take the same.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from ranklog.files.discover import Source
from ranklog.files.seeking import head, tail
from ranklog.line_format import STANDARD_LEVELS, Reader
from ranklog.run import Run
from ranklog.selection import level_number
from ranklog.stamps import stamp_of, time_of

_NEVER = datetime.max.replace(tzinfo=timezone.utc)
_ERROR = STANDARD_LEVELS["ERROR"]


class Cell(NamedTuple):
    """What a rank logged in one span of time.

    Attributes:
        records: How many records.
        worst: Highest level number of them, 0 for none.
        restarts: How often a process of the rank started, but for its first start.
        has_first_error: Whether the earliest error of the rank is in it.
    """

    records: int = 0
    worst: int = 0
    restarts: int = 0
    has_first_error: bool = False


class HeatRow(NamedTuple):
    """One rank.

    Attributes:
        rank: The rank; 0 also where none was known.
        cells: One for each column.
        first_error: Time of its earliest error.
        error: Bytes of that record, empty where there is none.
    """

    rank: int
    cells: list[Cell]
    first_error: datetime | None
    error: bytes


class HeatMap(NamedTuple):
    """A run.

    Attributes:
        start: Where the first column begins, UTC; ``None`` where nothing was logged.
        end: Where the last one ends.
        column_seconds: How much time a column is.
        rows: By rank.
    """

    start: datetime | None
    end: datetime | None
    column_seconds: float
    rows: list[HeatRow]


def draw(run: Run, columns: int) -> HeatMap:
    """The heat map of a run.

    Args:
        run: The run, which tracks attempts.
        columns: How many spans of time, of 1 or more.
    """
    times = _times(run)
    if times is None:
        return HeatMap(None, None, 0.0, [])
    start, end = times
    # The last record is within the last column.
    step = max((end - start) / columns, timedelta(microseconds=1)) + timedelta(microseconds=1)
    borders = [stamp_of(start + step * number) for number in range(1, columns)]
    rows = [_row(run, source, borders) for source in run.sources]
    joined = _by_rank([row for row in rows if row is not None])
    return HeatMap(start, start + step * columns, step.total_seconds(), joined)


def _times(run: Run) -> tuple[datetime, datetime] | None:
    """First and last time that was asked for, as the ends of the files tell."""
    keys: list[bytes] = []
    for source in run.sources:
        span = run.span(source)
        if span is not None:
            keys += head(source, span.start).keys[:1] + tail(source, span.end).keys
    since, until = run.times()
    first, last = (
        time_of(max(min(keys, default=b""), since)),
        time_of(min(max(keys, default=b""), until)),
    )
    return None if first is None or last is None or last < first else (first, last)


def _row(run: Run, source: Source, borders: list[bytes]) -> HeatRow | None:
    reader = source.layout.reader()
    painter = _Painter(reader, borders)
    for stretch in run.stretches(source):
        if stretch.items:
            painter.add(stretch.keys, stretch.items, stretch.attempt)
    return painter.row(source.rank)


class _Painter:
    """Fills the cells of one rank."""

    def __init__(self, reader: Reader, borders: list[bytes]) -> None:
        self._reader = reader
        self._borders = borders
        self._records = [0] * (len(borders) + 1)
        self._worst = [0] * (len(borders) + 1)
        self._restarts = [0] * (len(borders) + 1)
        self._numbers: dict[bytes, int] = {}
        self._error: tuple[bytes, bytes] | None = None
        self._attempt: int | None = None
        self._rank: int | None = None

    def add(self, keys: list[bytes], items: list[bytes], attempt: int) -> None:
        if self._attempt is not None and attempt > self._attempt:
            self._restarts[bisect_left(self._borders, keys[0])] += 1
        self._attempt = attempt
        origins = self._reader.origins(items)
        numbers = self._numbers
        for part in {*origins} - numbers.keys():
            self._learn(part, items[origins.index(part)])
        first, last = bisect_left(self._borders, min(keys)), bisect_left(self._borders, max(keys))
        if first == last:
            self._count(first, origins)
        else:
            columns: dict[int, list[bytes]] = {}
            for key, part in zip(keys, origins, strict=True):
                columns.setdefault(bisect_left(self._borders, key), []).append(part)
            for column, parts in columns.items():
                self._count(column, parts)
        if any(numbers[part] >= _ERROR for part in {*origins}):
            for key, part, item in zip(keys, origins, items, strict=True):
                if numbers[part] >= _ERROR and (self._error is None or key < self._error[0]):
                    self._error = key, item

    def _learn(self, part: bytes, item: bytes) -> None:
        origin = self._reader.origin(part)
        self._numbers[part] = 0 if origin is None else level_number(origin.level, item)
        if origin is not None and origin.rank is not None:
            self._rank = origin.rank

    def _count(self, column: int, parts: list[bytes]) -> None:
        self._records[column] += len(parts)
        worst = max(self._numbers[part] for part in {*parts})
        self._worst[column] = max(self._worst[column], worst)

    def row(self, rank: int | None) -> HeatRow | None:
        if not any(self._records):
            return None
        error = None if self._error is None else bisect_left(self._borders, self._error[0])
        cells = [
            Cell(*counts, number == error)
            for number, counts in enumerate(
                zip(self._records, self._worst, self._restarts, strict=True)
            )
        ]
        key, item = self._error or (b"", b"")
        return HeatRow((self._rank if rank is None else rank) or 0, cells, time_of(key), item)


def _by_rank(rows: list[HeatRow]) -> list[HeatRow]:
    """One row for each rank, also where it has several sources."""
    joined: dict[int, HeatRow] = {}
    for row in rows:
        other = joined.get(row.rank)
        joined[row.rank] = row if other is None else fold([other, row])
    return [joined[rank] for rank in sorted(joined)]


def fold(rows: list[HeatRow]) -> HeatRow:
    """Several rows as one: records added up, the worst of levels, the earliest error."""
    cells = [
        Cell(
            sum(cell.records for cell in column),
            max(cell.worst for cell in column),
            sum(cell.restarts for cell in column),
            any(cell.has_first_error for cell in column),
        )
        for column in zip(*(row.cells for row in rows), strict=True)
    ]
    failed = [row for row in rows if row.first_error is not None]
    first = min(failed, key=lambda row: row.first_error or _NEVER) if failed else rows[0]
    return HeatRow(rows[0].rank, cells, first.first_error, first.error)
