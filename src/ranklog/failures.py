"""Judges what went wrong on each rank, and who was first: the cause told apart from its echoes."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import NamedTuple

from ranklog.endings import Ending, find_endings, find_statuses
from ranklog.last_words import Error, earliest_error, interruption, last_errors
from ranklog.line_format import Record
from ranklog.run import Run
from ranklog.stacks import is_watchdogs
from ranklog.stamps import stamp_of

_TAIL_BYTES = 256 << 10
CAUSE, NO_WORD, LOGGED, ECHO = "cause", "no word", "logged", "echo"
_KINDS = (CAUSE, NO_WORD, LOGGED, ECHO)
"""The better a reason for the failure of a job, the earlier."""
NEVER_WROTE = "never wrote"
OVER = ("failed", "crashed", "ended", "silent")
"""Statuses of ranks that did not end well."""


class RankFailure(NamedTuple):
    """What went wrong on one rank.

    Attributes:
        rank: The rank; 0 also where none was known.
        kind: ``"cause"``, what ended the rank; ``"no word"``, where it ended without an error;
            ``"logged"``, an error that did not end it, as far as is known; ``"echo"`` of another
            rank's failure.
        time: When: of `error`, else of `last`.
        lag_seconds: After the rank that failed first; negative for what is earlier than that.
        status: What has become of the rank, as `Ending.status` has it.
        echo: The kind of echo.
        first: Its earliest error; ``None`` where there is none.
        error: The error that speaks for the rank: of one that failed what it ended with, else its
            earliest. ``None`` where its stacks, or its silence, speak.
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


class _Verdict(NamedTuple):
    """What to make of a rank; see `RankFailure`."""

    kind: str
    error: Error | None = None
    echo: str | None = None


def find_failures(run: Run, level: int) -> tuple[Failure, dict[int, bytes]]:
    """The answer, and of each rank the bytes of the record that speaks for it."""
    endings = find_endings(run, _TAIL_BYTES)
    of_source = {ending.source: ending for ending in endings}
    statuses = find_statuses(endings, stamp_of(datetime.now(timezone.utc)))
    is_over = any(status in OVER for status in statuses.values())
    found: dict[int, tuple[RankFailure, bytes]] = {}
    for source in run.sources:
        ending, status = of_source.get(source), statuses.get(source, "unknown")
        earliest = earliest_error(run, source, level)
        # What a rank said last tells something where one of them did not end well.
        looks = is_over and status in (*OVER, "finished")
        errors = last_errors(run, ending, level) if ending and looks else []
        verdict = _judge(ending, status, earliest, errors)
        one = verdict and _made(ending, verdict, status, earliest, source.rank)
        if one and (one[0].rank not in found or _order(one[0]) < _order(found[one[0].rank][0])):
            found[one[0].rank] = one
    if not any(one.kind in (CAUSE, NO_WORD) for one, _ in found.values()):
        _add_suspects([one for one in endings if statuses[one.source] == "running"], found)
    ranks = sorted((one for one, _ in found.values()), key=lambda one: (one.time, one.rank))
    if ranks:
        time = min(ranks, key=_order).time
        ranks = [one._replace(lag_seconds=(one.time - time).total_seconds()) for one in ranks]
    first = min(ranks, key=_order, default=None)
    wrote = {ending.rank or 0 for ending in endings}
    missing = [n for n in range(run.world_size or 0) if n not in wrote and run.keeps_rank(n)]
    items = {rank: item for rank, (_, item) in found.items()}
    return Failure(first, ranks, missing if wrote else []), items


def _made(
    ending: Ending | None, verdict: _Verdict, status: str, first: Error | None, rank: int | None
) -> tuple[RankFailure, bytes] | None:
    error = verdict.error
    last = None if ending is None else ending.last_record()
    speaker = last if error is None else error.record
    if speaker is None:
        return None
    banner = {} if ending is None else ending.banner
    item = error.item if error is not None else ending.last if ending is not None else b""
    return RankFailure(
        rank=(speaker.rank if rank is None else rank) or 0,
        kind=verdict.kind,
        time=speaker.time,
        lag_seconds=0.0,
        status=status,
        echo=verdict.echo,
        first=None if first is None else first.record,
        error=None if error is None else error.record,
        last=last,
        host=banner.get("host"),
        pid=banner.get("pid"),
    ), item


def _judge(
    ending: Ending | None, status: str, first: Error | None, errors: list[Error]
) -> _Verdict | None:
    """What to make of a rank; ``None`` where it is fine."""
    if ending is None:  # the rank has a newer file than this
        return None if first is None else _of_first(first)
    causes = [one for one in errors if one.echo is None]
    echoes = sorted((one for one in errors if one.echo), key=lambda one: not one.is_uncaught)
    if status == "crashed":
        last = ending.last_record()
        if last is not None and is_watchdogs(last.raw or ""):
            return _Verdict(ECHO, None, "aborted by a watchdog")
        return _Verdict(CAUSE)
    if status == "silent":
        last_words = [one for one in errors if one.is_last_word]
        cause = next((one for one in last_words if one.echo is None), None)
        if cause is None and last_words:
            return _Verdict(ECHO, last_words[0], last_words[0].echo)
        return _Verdict(NO_WORD) if cause is None else _Verdict(CAUSE, cause)
    if status in ("failed", "ended"):
        return _judge_end(ending, status, causes, echoes)
    if causes and causes[-1].is_last_word:  # told, and left by `sys.exit`
        return _Verdict(CAUSE, next(one for one in causes if one.is_last_word))
    if first is not None:
        return _of_first(first)
    return _Verdict(NO_WORD) if status == "absent" else None


def _judge_end(ending: Ending, status: str, causes: list[Error], echoes: list[Error]) -> _Verdict:
    """What to make of a rank that an exception or a signal has ended."""
    uncaught = [one for one in causes if one.is_uncaught]
    if uncaught:
        return _Verdict(CAUSE, uncaught[0])
    traced = [one for one in causes if one.record.exception is not None]
    if echoes and not traced:
        return _Verdict(ECHO, echoes[0], echoes[0].echo)
    if causes:
        is_end = status == "failed" and not echoes
        return _Verdict(CAUSE if is_end else LOGGED, (traced or causes)[0])
    if status == "ended":
        return _Verdict(ECHO, None, "ended by a signal")
    interrupted = interruption(ending)
    return _Verdict(NO_WORD) if interrupted is None else _of_first(interrupted)


def _of_first(first: Error) -> _Verdict:
    return _Verdict(ECHO if first.echo else LOGGED, first, first.echo)


def _add_suspects(running: list[Ending], found: dict[int, tuple[RankFailure, bytes]]) -> None:
    """Where all that was found are echoes: who has said nothing since one of them."""
    echoes = [one for one, _ in found.values() if one.echo and one.status in OVER]
    made = [_made(ending, _Verdict(NO_WORD), "silent", None, ending.rank) for ending in running]
    suspects = [one for one in made if one is not None and one[0].rank not in found]
    if not any(one.error for one in echoes):
        # A signal may be meant for one rank alone, while the others work on.
        latest = max((one.time for one in echoes), default=None)
        if latest is None or any(one.time > latest for one, _ in suspects):
            return
    for suspect in suspects:
        if any(suspect[0].time < echo.time for echo in echoes):
            found[suspect[0].rank] = suspect


def _order(one: RankFailure) -> tuple[int, bool, datetime, int]:
    return _KINDS.index(one.kind), one.status not in OVER, one.time, one.rank
