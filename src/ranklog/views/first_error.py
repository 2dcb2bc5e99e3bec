"""Which rank failed first, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ranklog.failures import (
    CAUSE,
    ECHO,
    NEVER_WROTE,
    NO_WORD,
    OVER,
    Failure,
    RankFailure,
    find_failures,
)
from ranklog.files.discover import Paths
from ranklog.line_format import STANDARD_LEVELS, Damage, Record, TextLayout, encode
from ranklog.run import Run
from ranklog.screen import HUMAN, RAW, Column, Row, Screen
from ranklog.selection import Filters, Selection, make_selection
from ranklog.shown import named_ranks, shown_ranks, shown_seconds, shown_time, shown_times
from ranklog.stacks import fatal_error, was_at
from ranklog.views.request import Request

if TYPE_CHECKING:
    from typing_extensions import Unpack

_ERROR = STANDARD_LEVELS["ERROR"]
_MOST_ROWS = 64
_WITHOUT_A_WORD = {"absent": "did not come back", "failed": "failed without a word of why"}
_LEAST_STACKS = 3
"""Of fewer ranks nobody is the exception."""


def first_error(
    path: Paths, *, damage: Damage | None = None, **filters: Unpack[Filters]
) -> Failure:
    """Which rank failed first, and why.

    A rank that failed (by an exception nobody caught, a crash, a signal, or without an end
    record) is judged by what it ended with, any other by its earliest error. The first to fail
    is the earliest whose end has a cause of its own; then one that ended without a word; then
    the earliest that logged an error; and last the earliest echo.

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
    run = request._replace(selection=selection).run()
    answer, items = find_failures(run, selection.level)
    has_findings = bool(answer.ranks or answer.never_wrote)
    if screen.form == HUMAN:
        if has_findings or any(run.end_of(source).items for source in run.sources):
            _print(answer, items, screen, may_say_more=_leaves_errors_out(selection))
        else:
            screen.line("no records")
    elif screen.form == RAW:
        screen.items([items[one.rank] for one in answer.ranks])
    else:
        for one in answer.ranks:
            screen.object(one._asdict() | {"is_first": one is answer.first})
        nothing: dict[str, object] = dict.fromkeys(RankFailure._fields)
        for rank in answer.never_wrote:
            known = {"rank": rank, "kind": NEVER_WROTE, "status": NEVER_WROTE, "is_first": False}
            screen.object(nothing | known)
    return int(has_findings)


def _with_level(selection: Selection) -> Selection:
    return selection if selection.level else selection._replace(level=_ERROR)


def _leaves_errors_out(selection: Selection) -> bool:
    """Whether the reason of a failure may be in a record that was not asked for."""
    _, level, *others, _ = selection
    return level > _ERROR or any(one is not None for one in others)


def _print(answer: Failure, items: dict[int, bytes], screen: Screen, *, may_say_more: bool) -> None:
    first = answer.first
    if first is None:
        if not answer.never_wrote:
            screen.line("no errors, and every rank is running or has finished")
    else:
        screen.line(_headline(first, answer), "bold red")
        screen.line(f"{_lead(first)}: {_reason(first)}", "red")
        if first.kind == NO_WORD and may_say_more:
            screen.line("(of the records asked for; without the filters, others may say why)")
    if answer.never_wrote:
        count = len(answer.never_wrote)
        words = "1 rank" if count == 1 else f"{count} ranks"
        screen.line(f"{words} never wrote (no file here): {shown_ranks(answer.never_wrote)}", "red")
    if first is None:
        return
    screen.line()
    if first.first is not None and first.first != first.error:
        screen.line(f"its earliest error, {shown_time(first.first.time)} UTC:")
        screen.items([_laid_out(first.first)])
        screen.line()
    screen.items([items[first.rank]])
    if first.error != first.last and first.error is not None and first.last and first.last.raw:
        screen.line(f"the stacks it left, below {shown_time(first.last.time)} UTC:")
        for line in first.last.raw.split("\n"):
            screen.line(line)
    screen.line()
    _print_table(answer, screen)
    if first.kind == ECHO:
        _print_places(answer, screen)


def _headline(first: RankFailure, answer: Failure) -> str:
    place = f" on {first.host}, pid {first.pid}" if first.host else ""
    when = f"{shown_time(first.time)} UTC{place}"
    if first.kind == CAUSE:
        return f"rank {first.rank} failed first, {when}"
    if first.kind == NO_WORD:
        what = _WITHOUT_A_WORD.get(first.status, "died or hangs without a word")
        return f"rank {first.rank} {what}, last record {when}"
    if first.kind == ECHO:
        return f"only echoes of a failure were found, the earliest on rank {first.rank}, {when}"
    if any(one.status in OVER for one in answer.ranks):
        return f"no rank tells why it failed; the earliest error is of rank {first.rank}, {when}"
    return f"no rank died, but errors were logged, the earliest by rank {first.rank}, {when}"


def _lead(first: RankFailure) -> str:
    if first.echo is not None:
        return first.echo
    return {CAUSE: "because of", NO_WORD: "last said"}.get(first.kind, "it logged")


def _print_table(answer: Failure, screen: Screen) -> None:
    columns = [
        Column("rank", is_number=True),
        Column("time (UTC)"),
        Column("after", is_number=True),
    ]
    columns += [Column("status"), Column("kind"), Column("reason")]
    shown = sorted(_alike(answer), key=lambda some: some[0] is not answer.first)[:_MOST_ROWS]
    firsts = [some[0] for some in shown]
    rows = [
        Row(
            [
                shown_ranks(one.rank for one in some),
                time,
                shown_seconds(first.lag_seconds),
                first.status,
                f"echo: {first.echo}" if first.echo else first.kind,
                _reason(first),
            ],
            "bold red" if first is answer.first else "dim" if first.echo else "",
        )
        for some, first, time in zip(
            shown, firsts, shown_times([one.time for one in firsts]), strict=True
        )
    ]
    screen.table(columns, rows)
    seen = {one.rank for some in shown for one in some}
    rest = sorted({one.rank for one in answer.ranks} - seen)
    if rest:
        screen.line(f"and {len(rest)} more: {shown_ranks(rest)} (--json has all)")


def _alike(answer: Failure) -> Iterable[list[RankFailure]]:
    """Ranks by rows: echoes that tell the same share one, with the time of the earliest."""
    rows: dict[object, list[RankFailure]] = {}
    for one in answer.ranks:  # the earliest first
        is_echo = one.kind == ECHO and one is not answer.first
        key = (one.status, one.echo, _reason(one)) if is_echo else one.rank
        rows.setdefault(key, []).append(one)
    return rows.values()


def _print_places(answer: Failure, screen: Screen) -> None:
    """Where ranks were that were ended: of a job that hung, the one that was elsewhere."""
    places: dict[str, list[int]] = {}
    for one in answer.ranks:
        place = was_at((one.last.raw if one.last else None) or "")
        if place is not None:
            places.setdefault(place, []).append(one.rank)
    if len(places) < 2 or sum(map(len, places.values())) < _LEAST_STACKS:
        return
    screen.line()
    screen.line("where they were when they were ended:")
    for place, ranks in sorted(places.items(), key=lambda one: (len(one[1]), one[1])):
        screen.line(f"  {named_ranks(ranks)}: {place}")


def _reason(one: RankFailure) -> str:
    """The last words of an exception, or what else is known."""
    if one.error is not None:
        last_line = (one.error.exception or "").rpartition("\n")[2]
        message = one.error.message.partition("\n")[0]
        return f"{message} | {last_line}" if last_line and last_line not in message else message
    raw = (one.last.raw or "") if one.last else ""
    fatal, place = fatal_error(raw), was_at(raw)
    if fatal or place:
        return ", ".join(filter(None, (fatal, place and f"was at {place}")))
    return one.last.message if one.last else ""


def _laid_out(record: Record) -> bytes:
    return encode(record, TextLayout(), is_child=False)
