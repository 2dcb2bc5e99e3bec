"""Which ranks stopped, hang or never wrote: from the ends of the files alone."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

from ranklog.endings import Ending, find_endings, find_statuses
from ranklog.files.discover import Paths
from ranklog.line_format import Damage, Record
from ranklog.run import Run
from ranklog.screen import HUMAN, RAW, Column, Row, Screen
from ranklog.selection import Filters, make_selection
from ranklog.shown import shown_ranks, shown_seconds, shown_time, shown_times
from ranklog.stamps import seconds_between, stamp_of, time_of
from ranklog.views.request import Request

if TYPE_CHECKING:
    from typing_extensions import Unpack

NEVER_WROTE = "never wrote"
_STATUSES = {
    "finished": "finished",
    "running": "running",
    "ended": "ended (by a signal)",
    "failed": "failed (an exception nobody caught)",
    "crashed": "crashed",
    "silent": "silent (died or hangs)",
    "absent": "absent (did not come back with the others)",
    NEVER_WROTE: f"{NEVER_WROTE} (no file here)",
}
"""Each status in more words, the worst last."""
_FINE = ("finished", "running")
_MOST_ROWS = 64


class RankState(NamedTuple):
    """Where a rank stands.

    Attributes:
        rank: The rank; 0 also where none was known.
        status: As `Ending.status` has it, or ``"never wrote"``.
        last: Its last record; ``None`` where it never wrote.
        behind_seconds: From that to the newest record of the run.
        cadence_seconds: The longest of its last gaps between two records.
        host: Where it ran, as its last banner at hand says.
        pid: The same of its process.
    """

    rank: int
    status: str
    last: Record | None = None
    behind_seconds: float | None = None
    cadence_seconds: float | None = None
    host: str | None = None
    pid: int | None = None


class Silence(NamedTuple):
    """The answer.

    Attributes:
        ranks: Every rank of the job, by number.
        world_size: Size of the job as its newest banner at hand says, ``None`` where none does.
        newest: Time of the newest record of the run.
        age_seconds: From that until now.
    """

    ranks: list[RankState]
    world_size: int | None
    newest: datetime | None
    age_seconds: float | None


def silent(path: Paths, *, damage: Damage | None = None, **filters: Unpack[Filters]) -> Silence:
    """Which ranks stopped, hang or never wrote.

    Without ``attempt`` only beginnings and ends of the files are read, whatever their size.

    Args:
        path: As for `ranklog.read`.
        damage: Told of what cannot be read.
        filters: ``rank`` and ``attempt``, by default the last; others have no say in this.

    Raises:
        FileNotFoundError: There is nothing at `path`.
        ValueError: A filter is malformed, or the run has no such attempt.
    """
    return _answer(Run(path, make_selection(filters), damage), datetime.now(timezone.utc))


def show(request: Request, screen: Screen) -> int:
    """Print them; 1 where a rank is neither running nor finished."""
    selection = request.selection
    if selection.attempt == "last":  # the ends of the files are the ends of the last attempt
        selection = selection._replace(attempt="all")
    run = request._replace(selection=selection).run()
    answer = _answer(run, datetime.now(timezone.utc))
    if screen.form == RAW:
        endings = {ending.rank or 0: ending for ending in find_endings(run)}
        screen.items([endings[one.rank].last for one in answer.ranks if one.rank in endings])
    elif screen.form == HUMAN:
        _print(answer, screen)
    else:
        for state in answer.ranks:
            screen.object(state)
    return 0 if all(state.status in _FINE for state in answer.ranks) else 1


def _answer(run: Run, now: datetime) -> Silence:
    endings = find_endings(run)
    newest = max((ending.newest for ending in endings), default=b"")
    stamp = stamp_of(now)
    statuses = find_statuses(endings, stamp)
    states = {one.rank or 0: _state(one, statuses[one.source], newest) for one in endings}
    for rank in range(run.world_size or 0):
        if rank not in states and run.keeps_rank(rank):
            states[rank] = RankState(rank, NEVER_WROTE)
    return Silence(
        [states[rank] for rank in sorted(states)],
        run.world_size,
        time_of(newest),
        seconds_between(newest, stamp) if newest else None,
    )


def _state(ending: Ending, status: str, newest: bytes) -> RankState:
    host, pid = ending.banner.get("host"), ending.banner.get("pid")
    return RankState(
        ending.rank or 0,
        status,
        ending.last_record(),
        seconds_between(ending.newest, newest),
        ending.cadence_seconds,
        host if isinstance(host, str) else None,
        pid if isinstance(pid, int) else None,
    )


def _print(answer: Silence, screen: Screen) -> None:
    if not answer.ranks:
        screen.line("no records")
        return
    shown = answer.ranks
    if len(shown) > _MOST_ROWS:
        shown = [state for state in shown if state.status not in _FINE][:_MOST_ROWS]
    times = shown_times([state.last.time if state.last else None for state in shown])
    columns = [
        Column("rank", is_number=True),
        Column("status"),
        Column("last record (UTC)"),
        Column("behind", is_number=True),
        Column("cadence", is_number=True),
        Column("host"),
        Column("pid", is_number=True),
        Column("it said"),
    ]
    if shown:
        screen.table(columns, [_row(*one) for one in zip(shown, times, strict=True)])
    if len(shown) < len(answer.ranks):
        screen.line(f"and {len(answer.ranks) - len(shown)} more ranks (--json has all)")
    screen.line()
    for status, words in _STATUSES.items():
        ranks = [state.rank for state in answer.ranks if state.status == status]
        if ranks:
            style = "" if status in _FINE else "red"
            screen.line(f"{len(ranks)} {words}: {shown_ranks(ranks)}", style)
    if answer.newest is not None:
        age = shown_seconds(answer.age_seconds)
        screen.line(f"newest record of the run: {shown_time(answer.newest)} UTC, {age} ago")


def _row(state: RankState, time: str) -> Row:
    return Row(
        [
            str(state.rank),
            state.status,
            time,
            shown_seconds(state.behind_seconds),
            shown_seconds(state.cadence_seconds),
            state.host or "-",
            str(state.pid or "-"),
            state.last.message if state.last else "",
        ],
        "" if state.status in _FINE else "red",
    )
