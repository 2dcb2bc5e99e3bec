"""Reads a whole run in time order, as records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ranklog.files.discover import Paths, Source
from ranklog.line_format import Damage
from ranklog.merging import Batch, merge
from ranklog.run import Run
from ranklog.selection import Filters, make_selection

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ranklog.line_format import Record


def read(
    path: Paths, *, damage: Damage | None = None, **filters: Unpack[Filters]
) -> Iterator[Record]:
    """The records of every rank under `path`.

    Args:
        path: A run directory, its ``logs`` directory, a file, a pattern, or several of them.
        damage: Told of cut records, lines that are no record's, and files that cannot be read;
            by default they are passed over silently.
        filters: Which records are wanted; see `Filters`.

    Yields:
        Records in time order; equal times by rank, then in file order. A rank whose clock was
        set back by more than a minute stays in file order.

    Raises:
        FileNotFoundError: There is nothing at `path`.
        ValueError: A filter is malformed, or the run has no such attempt.
    """
    return records(Run(path, make_selection(filters), damage, tracks=True))


def records(run: Run) -> Iterator[Record]:
    """The records of an opened run that tracks attempts, in time order."""
    for items in merge([_batches(run, source) for source in run.sources]):
        yield from items


def _batches(run: Run, source: Source) -> Iterator[Batch]:
    reader = source.layout.reader()
    ordering = run.ordering(source)
    for stretches in run.blocks(source):
        keys: list[bytes] = []
        items: list[Record] = []
        for stretch in stretches:
            for key, item in zip(stretch.keys, stretch.items, strict=True):
                record = reader.parse(item, run.damage)
                if record is not None:
                    keys.append(key)
                    items.append(with_pid(record, stretch.pid))
        # All of a block at once, so that its disorder is sorted as far as a merge of bytes does.
        yield ordering.batch(keys, items, max((one.latest for one in stretches), default=b""))


def with_pid(record: Record, pid: int | None) -> Record:
    """A record with the process id of the banner above it, unless it has one of its own."""
    if record.pid is not None or pid is None:
        return record
    from dataclasses import replace  # imported with the first Record

    return replace(record, pid=pid)
