"""How each rank ended, or where it stands: read from the ends of its files alone."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from ranklog.files.discover import Source
from ranklog.files.seeking import LOOK_BYTES, tail
from ranklog.line_format import Damage, Reader, Record, Records
from ranklog.run import Run
from ranklog.stacks import fatal_error
from ranklog.stamps import seconds_between, time_of

_GAPS = 50
"""How many of the last gaps between records make a rank's cadence."""
_LEAST_SECONDS = 5.0
_CADENCES = 3.0
"""A rank is silent that has been so for this many times its own longest gap."""


_QUIET_SECONDS = 60.0
"""How long a whole job may say nothing."""


class Ending(NamedTuple):
    """The end of what one rank wrote in the attempt that was asked for.

    Attributes:
        rank: Whose.
        source: Its files.
        records: The last records of the attempt, in file order; at least one.
        newest: Stamp of the latest of them.
        exit: What its end record says: ``"exit"``, ``"shutdown"``, ``"exception"`` or
            ``"reconfigured"``; ``None`` where there is no end record.
        cadence_seconds: Longest of its last gaps between two records.
        banner: Extra fields of its last banner, as far as ends and beginnings of files tell.
        restarted: Stamp of its last banner, where that is at hand and not its first.
        is_part: Whether it wrote anything in the attempt that was asked for.
    """

    rank: int | None
    source: Source
    records: Records
    newest: bytes
    exit: str | None
    cadence_seconds: float
    banner: dict[str, Any]
    restarted: bytes | None
    is_part: bool

    @property
    def last(self) -> bytes:
        """The last record, with the stacks below it."""
        return self.records.items[-1]

    def last_record(self) -> Record | None:
        """The same, taken apart."""
        return self.source.layout.reader().parse(self.last, Damage())

    def patience_seconds(self) -> float:
        """How long it may say nothing before that is worth a look."""
        return max(_CADENCES * self.cadence_seconds, _LEAST_SECONDS)

    def status(self, newest: bytes, now: bytes, least_seconds: float) -> str:
        """One word: what has become of the rank; see `find_statuses`.

        Args:
            newest: Stamp of the latest record of the run.
            now: The time, as a stamp.
            least_seconds: How long all ranks may say nothing at the same time.

        Returns:
            ``"finished"``; ``"failed"``, by an exception that nobody caught; ``"crashed"``, in C
            code; ``"ended"``, by a signal; ``"absent"``, where it did not come back with the
            others; ``"silent"``, where it has died without a word or hangs; ``"running"``.
        """
        if not self.is_part:
            return "absent"
        if self.exit is not None:
            return "failed" if self.exit == "exception" else "finished"
        record = self.last_record()
        if record is not None and record.raw is not None:
            return "crashed" if fatal_error(record.raw) else "ended"
        is_behind = seconds_between(self.newest, newest) > self.patience_seconds()
        # Where all stopped at once, only the clock tells.
        has_stopped = seconds_between(newest, now) > max(self.patience_seconds(), least_seconds)
        return "silent" if is_behind or has_stopped else "running"


def find_statuses(endings: list[Ending], now: bytes) -> dict[Source, str]:
    """What has become of each rank; see `Ending.status`.

    Args:
        endings: Of all ranks.
        now: The time, as a stamp.
    """
    newest = max((ending.newest for ending in endings), default=b"")
    found = {one.source: one.status(newest, now, _QUIET_SECONDS) for one in endings}
    # Who works on while others have failed has something to say.
    if any(status in ("failed", "crashed", "ended") for status in found.values()):
        found = {one.source: one.status(newest, now, 0.0) for one in endings}
    return found


def find_endings(run: Run, look_bytes: int | None = None) -> list[Ending]:
    """The ending of every rank, by rank; of several sources of one rank, the newest.

    Args:
        run: The run.
        look_bytes: How much to read of the end of each source, where that is not enough that
            others have read already.
    """
    endings: dict[int, Ending] = {}
    for source in run.sources:
        ending = _ending(run, source, look_bytes)
        if ending is not None and run.keeps_rank(ending.rank):
            number = ending.rank or 0
            other = endings.get(number)
            if other is None or _order(ending) > _order(other):
                endings[number] = ending
    began_again = min((one.restarted for one in endings.values() if one.restarted), default=b"")
    for number, ending in endings.items():
        if ending.restarted is None and ending.newest < began_again:
            endings[number] = ending._replace(is_part=False)  # others started again without it
    size = run.world_size or 0
    # Of a job that came back with fewer ranks the others are not missing.
    return [one for number, one in sorted(endings.items()) if one.is_part or number < size]


def _order(ending: Ending) -> tuple[bool, bool, bytes]:
    # A file that was left for another one says nothing of its rank any more.
    return ending.is_part, ending.exit != "reconfigured", ending.newest


def _ending(run: Run, source: Source, look_bytes: int | None) -> Ending | None:
    span = run.span(source)
    end = None if span is None else span.end
    if end is None and look_bytes is None:
        records = run.end_of(source)
    else:
        records = tail(source, end, look_bytes or LOOK_BYTES, run.damage)
    if not records.items:
        return None
    reader = source.layout.reader()
    parts = reader.origins(records.items)
    own = {part: origin for part in {*parts} if (origin := reader.origin(part)) and origin.is_own}
    begin, exit_kind = 0, None
    fields: dict[str, Any] | None = None
    for number, origin in [(n, own[part]) for n, part in enumerate(parts) if part in own]:
        if origin.is_banner:
            begin, exit_kind, fields = number, None, _fields(reader, records.items[number])
        elif origin.is_end:
            exit_kind = str(_fields(reader, records.items[number]).get("exit"))
    first = _first_banner(run, source, reader)
    has_restarted = fields is not None and first != records.items[begin]
    last = reader.origin(parts[-1])
    return Ending(
        rank=source.rank if source.rank is not None or last is None else last.rank,
        source=source,
        records=Records(records.items[begin:], records.keys[begin:]),
        newest=max(records.keys[begin:]),
        exit=exit_kind,
        cadence_seconds=_longest_gap(records.keys[begin:]),
        banner=fields or ({} if first is None else _fields(reader, first)),
        restarted=records.keys[begin] if has_restarted else None,
        is_part=span is not None,
    )


def _longest_gap(keys: list[bytes]) -> float:
    times = [time for key in sorted(keys[-_GAPS:]) if (time := time_of(key)) is not None]
    gaps = (later - earlier for earlier, later in pairwise(times))
    return max(gaps, default=timedelta()).total_seconds()


def _first_banner(run: Run, source: Source, reader: Reader) -> bytes | None:
    """The banner that a source begins with, unless the piece it was in is gone."""
    first = run.beginning_of(source).items[:1]
    return first[0] if first and reader.BANNER in first[0] else None


def _fields(reader: Reader, item: bytes) -> dict[str, Any]:
    record = reader.parse(item, Damage())
    return {} if record is None else dict(record.extra)
