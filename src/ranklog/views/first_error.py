"""Which rank failed first, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ranklog.failures import CAUSE, ECHO, NO_WORD, Failure, RankFailure, find_failures
from ranklog.line_format import STANDARD_LEVELS, Damage, Record, TextLayout, encode
from ranklog.run import Paths, Run
from ranklog.screen import HUMAN, RAW, Column, Row, Screen
from ranklog.selection import Filters, Selection, make_selection
from ranklog.shown import shown_ranks, shown_seconds, shown_time
from ranklog.views.request import Request

if TYPE_CHECKING:
    from typing_extensions import Unpack

_ERROR = STANDARD_LEVELS["ERROR"]
_MOST_ROWS = 64
_WORDS = {
    CAUSE: "because of",
    ECHO: "only echoes of a failure were found",
    NO_WORD: "without a word",
}


def first_error(
    path: Paths, *, damage: Damage | None = None, **filters: Unpack[Filters]
) -> Failure:
    """Which rank failed first, and why.

    A rank that failed (by an exception nobody caught, a crash, or without an end record) is
    judged by the errors it ended with, any other by its earliest error. Of ranks that failed,
    the earliest with a cause is the first; then one that ended without a word; then of other
    ranks the earliest cause; and last the earliest echo.

    Args:
        path: As for `ranklog.read`.
        damage: Told of what cannot be read.
        filters: Which records count; ``attempt`` is ``"last"`` and ``level`` ``"ERROR"`` unless
            given.

    Raises:
        FileNotFoundError: There is nothing at `path`.
        ValueError: A filter is malformed, or the run has no such attempt.
    """
    selection = _with_level(make_selection(filters, attempt="last"))
    return find_failures(Run(path, selection, damage), selection.level)[0]


def show(request: Request, screen: Screen) -> int:
    """Print it; 1 where anything went wrong."""
    selection = _with_level(request.selection)
    answer, items = find_failures(request._replace(selection=selection).run(), selection.level)
    if screen.form == HUMAN:
        _print(answer, items, screen)
    elif screen.form == RAW:
        screen.items([items[one.rank] for one in answer.ranks])
    else:
        for one in answer.ranks:
            screen.object(one._asdict() | {"is_first": one is answer.first})
    return 1 if answer.ranks or answer.never_wrote else 0


def _with_level(selection: Selection) -> Selection:
    return selection if selection.level else selection._replace(level=_ERROR)


def _print(answer: Failure, items: dict[int, bytes], screen: Screen) -> None:
    first = answer.first
    if first is None:
        screen.line("no errors, and every rank is running or has finished")
    else:
        place = f" on {first.host}, pid {first.pid}" if first.host else ""
        screen.line(
            f"rank {first.rank} failed first, {shown_time(first.time)} UTC{place}", "bold red"
        )
        screen.line(f"{_WORDS[first.kind]}: {_reason(first)}", "red")
        screen.line()
        if first.first is not None and first.first != first.error:
            screen.line(f"its earliest error, {shown_time(first.first.time)} UTC:")
            screen.items([_laid_out(first.first)])
            screen.line()
        screen.items([items[first.rank]])
        if first.error is not None and first.last is not None and first.last.raw:
            screen.line(f"the stacks it left, below {shown_time(first.last.time)} UTC:")
            for line in first.last.raw.split("\n"):
                screen.line(line)
        screen.line()
        _print_table(answer, screen)
    if answer.never_wrote:
        count = len(answer.never_wrote)
        screen.line(f"{count} never wrote: {shown_ranks(answer.never_wrote)}", "red")


def _print_table(answer: Failure, screen: Screen) -> None:
    columns = [
        Column("rank", is_number=True),
        Column("time (UTC)"),
        Column("after", is_number=True),
    ]
    columns += [Column("kind"), Column("status"), Column("reason")]
    rows = [
        Row(
            [
                str(one.rank),
                shown_time(one.time),
                shown_seconds(one.lag_seconds),
                f"echo: {one.echo}" if one.echo else one.kind,
                one.status,
                _reason(one),
            ],
            "bold red" if one is answer.first else "dim" if one.echo else "",
        )
        for one in answer.ranks[:_MOST_ROWS]
    ]
    screen.table(columns, rows)
    if len(answer.ranks) > _MOST_ROWS:
        rest = shown_ranks(one.rank for one in answer.ranks[_MOST_ROWS:])
        screen.line(f"and later: {rest} (--json has all)")


def _reason(one: RankFailure) -> str:
    """The last words of an exception, or what else is known."""
    if one.error is not None:
        last_line = (one.error.exception or "").rpartition("\n")[2]
        message = one.error.message.partition("\n")[0]
        return f"{message} | {last_line}" if last_line and last_line not in message else message
    raw = (one.last.raw or "") if one.last else ""
    if one.status == "crashed":
        return next((line for line in raw.split("\n") if "atal" in line), "crashed")
    frame = next((line.strip() for line in raw.split("\n") if line.startswith("  File ")), "")
    said = f"last said: {one.last.message}" if one.last else ""
    return f"was at {frame}" if frame else said


def _laid_out(record: Record) -> bytes:
    return encode(record, TextLayout(), is_child=False)
