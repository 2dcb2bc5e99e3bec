"""Every record of every rank in time order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ranklog import merging
from ranklog.files.discover import Paths
from ranklog.line_format import Damage, TextLayout
from ranklog.reading import records
from ranklog.run import Run
from ranklog.screen import JSON, Screen
from ranklog.selection import Filters, make_selection
from ranklog.views.request import Request

if TYPE_CHECKING:
    from typing_extensions import Unpack


def merge(
    path: Paths, *, damage: Damage | None = None, **filters: Unpack[Filters]
) -> Iterator[bytes]:
    """Every record of every rank, as the bytes that were logged.

    Four times as fast as `ranklog.read`, because no record is taken apart.

    Args:
        path: As for `ranklog.read`.
        damage: Told of what cannot be read.
        filters: Which records are wanted; see `Filters`.

    Yields:
        Each record with all its lines, those of stacks below it as well; text and JSON as they
        come. In time order; equal times by rank, then in file order.

    Raises:
        FileNotFoundError: There is nothing at `path`.
        ValueError: A filter is malformed, or the run has no such attempt.
    """
    return (item for items in _merged(Run(path, make_selection(filters), damage)) for item in items)


def show(request: Request, screen: Screen) -> int:
    """Print them."""
    if screen.form == JSON:
        for record in records(request.run(tracks=True)):
            screen.record(record)
    else:
        run = request.run()
        are_text = all(isinstance(source.layout, TextLayout) for source in run.sources)
        for items in _merged(run):
            screen.items(items, are_text=are_text)
    return 0


def _merged(run: Run) -> Iterator[list[bytes]]:
    return merging.merge([run.batches(source) for source in run.sources])
