"""Judges what went wrong on each rank, and who was first: the cause told apart from its echoes."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import NamedTuple

from ranklog.echoes import find_echo
from ranklog.endings import Ending, find_endings
from ranklog.files.discover import Source
from ranklog.files.searching import search
from ranklog.line_format import STANDARD_LEVELS, Damage, Record, Records
from ranklog.run import Run
from ranklog.selection import level_number
from ranklog.stamps import seconds_between, stamp_of

_TAIL_BYTES = 256 << 10
_BURST_SECONDS = 60.0
"""Errors of a failing rank that follow each other by less are of one failure."""
_DISORDER_BYTES = 1 << 20
"""How much further to look for an error that is earlier, but was written later."""
CAUSE, ECHO, NO_WORD = "cause", "echo", "no word"
OVER = ("failed", "crashed", "ended", "silent")
"""Statuses of ranks that did not end well."""


class RankFailure(NamedTuple):
    """What went wrong on one rank.

    Attributes:
        rank: The rank; 0 also where none was known.
        kind: ``"cause"``, ``"echo"`` of another rank's failure, or ``"no word"`` where it ended
            without an error.
        time: When: of `error`, else of `last`.
        lag_seconds: From the earliest failure of all ranks.
        status: What has become of the rank, as `Ending.status` has it.
        echo: The kind of echo.
        first: Its earliest error; ``None`` where there is none.
        error: The error that speaks for the rank: of one that failed the one its end began with,
            else its earliest.
        last: Its last record, with the stacks it left.
        host: Where it ran, as its last banner at hand says.
        pid: The same of its process.
    """

    rank: int
    kind: str
    time: datetime
    lag_seconds: float
    status: str
    echo: str | None
    first: Record | None
    error: Record | None
    last: Record | None
    host: str | None
    pid: int | None


class Failure(NamedTuple):
    """The answer.

    Attributes:
        first: The rank that failed first, ``None`` where nothing went wrong.
        ranks: Every rank with an error, or that ended without a word; the earliest first.
        never_wrote: Ranks of the job that have no file.
    """

    first: RankFailure | None
    ranks: list[RankFailure]
    never_wrote: list[int]


def find_failures(run: Run, level: int) -> tuple[Failure, dict[int, bytes]]:
    """The answer, and of each rank the bytes of the record that speaks for it."""
    endings = find_endings(run, _TAIL_BYTES)
    of_source = {ending.source: ending for ending in endings}
    newest = max((ending.newest for ending in endings), default=b"")
    now = stamp_of(datetime.now(timezone.utc))
    found: dict[int, tuple[RankFailure, bytes]] = {}
    for source in run.sources:
        ending = of_source.get(source)
        status = "unknown" if ending is None else ending.status(newest, now)
        one = _failure(run, source, ending, status, level)
        if one is not None:
            rank = one[0].rank
            if rank not in found or _order(one[0]) < _order(found[rank][0]):
                found[rank] = one
    ranks = sorted((one for one, _ in found.values()), key=_order)
    if ranks and ranks[0].time is not None:
        earliest = ranks[0].time
        ranks = [one._replace(lag_seconds=(one.time - earliest).total_seconds()) for one in ranks]
    wrote = {ending.rank or 0 for ending in endings}
    missing = [n for n in range(run.world_size or 0) if n not in wrote and run.keeps_rank(n)]
    items = {rank: item for rank, (_, item) in found.items()}
    return Failure(_first(ranks), ranks, missing if wrote else []), items


def _failure(
    run: Run, source: Source, ending: Ending | None, status: str, level: int
) -> tuple[RankFailure, bytes] | None:
    reader = source.layout.reader()
    first = _earliest(run, source, level)
    item = first
    if ending is not None and status in OVER:
        item = _burst(run, ending, level) or (first if status == "failed" else None)
    error = None if item is None else reader.parse(item, Damage())
    last = None if ending is None else ending.last_record()
    echo = None if error is None else find_echo(f"{error.message}\n{error.exception or ''}")
    if status == "ended" and error is None:
        echo = "ended by a signal"
    if status == "crashed":  # a fault of its own is no echo, whatever was said before it
        echo = None
    speaker = error or last
    if speaker is None or (error is None and status not in (*OVER, "absent")):
        return None
    is_cause = error is not None or status == "crashed"
    return RankFailure(
        rank=(source.rank if source.rank is not None else speaker.rank) or 0,
        kind=ECHO if echo else CAUSE if is_cause else NO_WORD,
        time=speaker.time,
        lag_seconds=0.0,
        status=status,
        echo=echo,
        first=None if first is None else reader.parse(first, Damage()),
        error=error,
        last=last,
        host=None if ending is None else ending.banner.get("host"),
        pid=None if ending is None else ending.banner.get("pid"),
    ), item or (b"" if ending is None else ending.last)


def _earliest(run: Run, source: Source, level: int) -> bytes | None:
    """The earliest error of a source, found without splitting what is before it."""
    span = run.span(source)
    if span is None:
        return None
    reader, sieve = source.layout.reader(), run.sieve(source)
    names = (name for name, number in STANDARD_LEVELS.items() if number >= level)
    needles = [*map(reader.level_mark, names), b'"levelno":']
    best: tuple[bytes, bytes] | None = None
    limit = span.end
    for start, item, key in search(source, needles, span.start, run.damage):
        if limit is not None and start >= limit:
            break
        chosen = sieve.choose(Records([item], [key]))
        if not chosen.items:
            continue
        if best is None:
            # Threads write in some disorder: an earlier one may stand a little later.
            near = start._replace(offset=start.offset + _DISORDER_BYTES)
            limit = near if limit is None else min(limit, near)
        if best is None or chosen.keys[0] < best[0]:
            best = chosen.keys[0], chosen.items[0]
    return None if best is None else best[1]


def _burst(run: Run, ending: Ending, level: int) -> bytes | None:
    """Of the errors that a rank ended with, the first that is no echo, else the first."""
    reader = ending.source.layout.reader()
    records = run.sieve(ending.source).choose(ending.records)
    burst: list[bytes] = []
    later = ending.newest
    for key, item in sorted(zip(records.keys, records.items, strict=True), reverse=True):
        if seconds_between(key, later) > _BURST_SECONDS:
            break
        origin = reader.origin(reader.origins([item])[0])
        if origin is not None and level_number(origin.level, item) >= level:
            burst.append(item)
            later = key
    burst.reverse()
    causes = (item for item in burst if not find_echo(reader.text(item)))
    return next(causes, burst[0] if burst else None)


def _first(ranks: list[RankFailure]) -> RankFailure | None:
    over = [one for one in ranks if one.status in OVER]
    for some, kind in ((over, CAUSE), (over, NO_WORD), (ranks, CAUSE)):
        for one in some:
            if one.kind == kind:
                return one
    return ranks[0] if ranks else None


def _order(one: RankFailure) -> tuple[datetime, int]:
    return one.time, one.rank
