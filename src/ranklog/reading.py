"""Reads a whole run in time order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import groupby

from ranklog.discover import discover
from ranklog.line_format import Damage, Record
from ranklog.parse import parse_rank


def read(path: str | os.PathLike[str], *, damage: Damage | None = None) -> Iterator[Record]:
    """Every record of every rank under `path`.

    Args:
        path: A run directory, its ``logs`` directory, or one file.
        damage: Told of cut records and lines that are no record's; by default they are
            passed over silently.

    Yields:
        Records in time order; equal times by rank, then in file order.

    Raises:
        FileNotFoundError: There is nothing at `path`.
        ValueError: `path` is a file whose name is none of ours.
    """
    return iter(_sorted_records(path, Damage() if damage is None else damage))


def _sorted_records(path: str | os.PathLike[str], damage: Damage) -> list[Record]:
    records: list[Record] = []
    ranks = groupby(discover(path), key=lambda segment: (segment.name.rank, segment.name.suffix))
    for _, segments in ranks:
        records.extend(parse_rank(segments, damage))
    # Discovered by rank, and sorting is stable: ties stay by rank, then file order.
    records.sort(key=lambda record: record.time)
    return records
