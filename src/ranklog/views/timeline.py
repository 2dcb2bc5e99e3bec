"""Ranks over time: how much was logged, and the worst of it."""

from __future__ import annotations

import argparse
from datetime import datetime, timezone
from math import log
from typing import TYPE_CHECKING

from ranklog.files.discover import Paths
from ranklog.heat_map import Cell, HeatMap, HeatRow, draw, fold
from ranklog.line_format import STANDARD_LEVELS, Damage
from ranklog.run import Run
from ranklog.screen import HUMAN, RAW, Screen
from ranklog.selection import Filters, make_selection
from ranklog.shown import shown_seconds, shown_time
from ranklog.views.request import Request

if TYPE_CHECKING:
    from typing_extensions import Unpack

COLUMNS = 100
_NEVER = datetime.max.replace(tzinfo=timezone.utc)
_MOST_ROWS = 64
_DENSITIES = "░▒▓█"
_GAP, _RESTART, _FIRST_ERROR = "·", "R", "!"
_WARNING, _ERROR, _CRITICAL = (STANDARD_LEVELS[name] for name in ("WARNING", "ERROR", "CRITICAL"))
# Without colour the worst level is told by a letter.
_LEVELS = ((_CRITICAL, "C", "bold red"), (_ERROR, "E", "red"), (_WARNING, "w", "yellow"))
_LEGEND = (
    f"{_DENSITIES} records, few to many; {_GAP} none; {_RESTART} a restart; {_FIRST_ERROR} the first"
    " error of the rank"
)


def timeline(
    path: Paths, *, columns: int = COLUMNS, damage: Damage | None = None, **filters: Unpack[Filters]
) -> HeatMap:
    """A run as ranks over time.

    Args:
        path: As for `ranklog.read`.
        columns: How many spans of time.
        damage: Told of what cannot be read.
        filters: Which records are counted.

    Raises:
        FileNotFoundError: There is nothing at `path`.
        ValueError: A filter is malformed, `columns` is less than 1, or the run has no such attempt.
    """
    if columns < 1:
        raise ValueError(f"columns={columns!r} is too few; accepted are 1 or more")
    return draw(Run(path, make_selection(filters), damage, tracks=True), columns)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of its own."""
    parser.add_argument(
        "--columns", type=int, metavar="N", help="spans of time (default: as wide as the terminal)"
    )


def show(request: Request, screen: Screen) -> int:
    """Print it."""
    columns = request.options.columns
    if columns is None:
        columns = max(min(screen.width, COLUMNS + 20) - 20, 10)
    elif columns < 1:
        raise ValueError(f"--columns {columns} is too few; accepted are 1 or more")
    answer = draw(request.run(tracks=True), columns)
    if screen.form == RAW:
        screen.items([row.error for row in answer.rows if row.error])
    elif screen.form == HUMAN:
        _print(answer, screen)
    else:
        for row in answer.rows:
            screen.object(_as_object(answer, row))
    return 0


def _as_object(answer: HeatMap, row: HeatRow) -> dict[str, object]:
    return {
        "rank": row.rank,
        "start": answer.start,
        "column_seconds": answer.column_seconds,
        "records": [cell.records for cell in row.cells],
        "worst": [cell.worst for cell in row.cells],
        "restarts": [cell.restarts for cell in row.cells],
        "first_error": row.first_error,
    }


def _print(answer: HeatMap, screen: Screen) -> None:
    if answer.start is None or answer.end is None or not answer.rows:
        screen.line("no records")
        return
    rows = _folded(answer.rows)
    most = max(cell.records for row, _ in rows for cell in row.cells)
    label = max(len(ranks) for _, ranks in rows)
    for row, ranks in rows:
        cells = "".join(_painted(cell, most, screen) for cell in row.cells)
        screen.write(f"{ranks.rjust(label)} {cells}")
    first, last = shown_time(answer.start), shown_time(answer.end)
    gap = max(len(rows[0][0].cells) - len(first), len(last) + 2)
    screen.line(f"{'':{label}} {first}{last.rjust(gap)}")
    screen.line()
    screen.line(_LEGEND)
    if not screen.has_colour:
        screen.line("w, E, C: the worst was a warning, an error, a critical record")
    screen.line(f"one column is {shown_seconds(answer.column_seconds)}; times are UTC")
    failed = [one for one in answer.rows if one.first_error is not None]
    if failed:
        earliest = min(failed, key=lambda one: one.first_error or _NEVER)
        time = shown_time(earliest.first_error)
        screen.line(f"first error: rank {earliest.rank}, {time}", "red")


def _folded(rows: list[HeatRow]) -> list[tuple[HeatRow, str]]:
    """At most as many rows as a person can look at, each with the ranks it is of."""
    size = -(-len(rows) // _MOST_ROWS)
    groups = [rows[number : number + size] for number in range(0, len(rows), size)]
    return [
        (fold(some), f"{some[0].rank}-{some[-1].rank}" if len(some) > 1 else str(some[0].rank))
        for some in groups
    ]


def _painted(cell: Cell, most: int, screen: Screen) -> str:
    if cell.has_first_error:
        return screen.painted(_FIRST_ERROR, "bold white on red")
    if cell.restarts:
        return screen.painted(_RESTART, "bold cyan")
    if not cell.records:
        return screen.painted(_GAP, "dim")
    share = log(1 + cell.records) / log(1 + most)
    mark = _DENSITIES[min(int(share * len(_DENSITIES)), len(_DENSITIES) - 1)]
    for number, letter, style in _LEVELS:
        if cell.worst >= number:
            return screen.painted(mark, style) if screen.has_colour else letter
    return screen.painted(mark, "green")
