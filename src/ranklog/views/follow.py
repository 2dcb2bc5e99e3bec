"""The records of a live run, as they are written."""

from __future__ import annotations

import argparse
import contextlib
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple

from ranklog.files.discover import Paths
from ranklog.following.follower import Follower
from ranklog.following.window import Given
from ranklog.line_format import Damage, Record
from ranklog.reading import with_pid
from ranklog.screen import JSON, RAW, Screen, say
from ranklog.selection import Filters, make_selection
from ranklog.shown import shown_seconds
from ranklog.views.request import Request

if TYPE_CHECKING:
    from typing_extensions import Unpack

_WINDOW_SECONDS = 0.5
_POLL_SECONDS = 0.05
_TWICE_SECONDS = 0.3


class Followed(NamedTuple):
    """A record of a live run.

    Attributes:
        record: The record.
        late_seconds: By how much it is earlier than one that was given before it; ``None``
            where it is in order.
        is_continued: Whether it was given before, and comes again because stacks were written
            below it since (`Record.raw`): the last words of a rank that was ended.
    """

    record: Record
    late_seconds: float | None
    is_continued: bool


def follow(
    path: Paths,
    *,
    window_seconds: float = _WINDOW_SECONDS,
    poll_seconds: float = _POLL_SECONDS,
    resume: str | None = None,
    damage: Damage | None = None,
    **filters: Unpack[Filters],
) -> Iterator[Followed]:
    """The records of a live run, as they are written; never ends.

    Files of new ranks and rotations are noticed within a second. Closing the iterator notes in
    `resume` how far it came.

    Args:
        path: As for `ranklog.read`; what is not there yet is waited for.
        window_seconds: How long a record waits for earlier ones of other ranks.
        poll_seconds: How often to look; where nothing comes, a fourth as often.
        resume: Path of a file that says how far an earlier follower came.
        damage: Told of what cannot be read.
        filters: Which records are wanted; a span such as ``since="10m"`` counts back from the
            end of the run as it is at the start.

    Raises:
        ValueError: A filter or `window_seconds` is malformed, or `resume` is no such file.
    """
    damage = Damage() if damage is None else damage
    follower = Follower(
        path,
        make_selection(filters),
        damage,
        window_seconds=window_seconds,
        resume=resume,
        tracks=True,
    )
    return _records(follower, poll_seconds, damage)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of its own."""
    parser.add_argument(
        "--window",
        type=float,
        default=_WINDOW_SECONDS,
        metavar="SECONDS",
        help="how long a record waits for earlier ones of other ranks (default %(default)s)",
    )
    parser.add_argument(
        "--resume",
        metavar="FILE",
        help="go on where the last follow with the same FILE ended",
    )


def show(request: Request, screen: Screen) -> int:
    """Print them until SIGINT or SIGTERM comes."""
    follower = Follower(
        request.path,
        request.selection,
        request.damage,
        window_seconds=request.options.window,
        resume=request.options.resume,
        tracks=screen.form == JSON,
    )
    told: set[str] = set()
    marks = _LateMarks()
    with _stopped_by_signals() as is_stopped:
        while not is_stopped:
            _print(follower.poll(), screen, request.damage, marks)
            _tell(follower, request.damage, told)
            if screen.is_closed:
                raise BrokenPipeError
            if not is_stopped:
                follower.wait(_POLL_SECONDS)
        _print(follower.end(), screen, request.damage, marks)
    return 0


def _tell(follower: Follower, damage: Damage, told: set[str]) -> None:
    """Say at once what keeps records from coming: whoever follows does not see the end."""
    news = {path: found.reason for path, found in damage.files.items() if found.reason}
    news |= dict.fromkeys(follower.empty_paths, "nothing is there; waiting for it")
    for path in sorted(news.keys() - told):
        say(f"{path}: {news[path]}")
        told.add(path)


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[list[float]]:
    """A list that is no longer empty once somebody wants the program to end.

    What is read or printed then may take long, or for ever: whoever says it twice means at once.
    """
    stopped: list[float] = []

    def stop(_number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        # timeout(1) and launchers tell the process and its group: that is once.
        if stopped and now - stopped[0] > _TWICE_SECONDS:
            raise KeyboardInterrupt
        stopped.append(now)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _records(follower: Follower, poll_seconds: float, damage: Damage) -> Iterator[Followed]:
    unread: deque[Given] = deque()
    try:
        while True:
            unread = deque(one for given in follower.poll() for one in _single(given))
            while unread:
                followed = _followed(unread.popleft(), damage)
                if followed is not None:
                    yield followed
            follower.wait(poll_seconds)
    finally:
        follower.save(unread)


def _single(given: Given) -> Iterator[Given]:
    """Each record by itself."""
    for item, lot in zip(given.items, given.lots, strict=True):
        yield Given([item], [lot], given.late_seconds)


def _followed(one: Given, damage: Damage) -> Followed | None:
    origin = one.lots[0].origin
    record = origin.source.reader.parse(one.items[0], damage)
    if record is None:
        return None
    return Followed(with_pid(record, origin.pid), one.late_seconds, bool(one.more))


class _LateMarks:
    """Tells which late records a person is told of: of a node whose clock is behind, not each."""

    def __init__(self) -> None:
        self._marked: dict[int, float] = {}  # by source, while it is late

    def are_due(self, given: Given) -> bool:
        """Whether records are late, and not about as late as what was marked before of theirs."""
        late_seconds = given.late_seconds
        if late_seconds is None:
            if self._marked:
                for source in {lot.source for lot in given.lots}:
                    self._marked.pop(source, None)
            return False
        source = given.lots[0].source
        before = self._marked.get(source)
        if before is not None and before / 2 <= late_seconds <= before * 2:
            return False
        self._marked[source] = late_seconds
        return True


def _print(some: Iterable[Given], screen: Screen, damage: Damage, marks: _LateMarks) -> None:
    for given in some:
        if screen.form == JSON:
            for followed in (_followed(one, damage) for one in _single(given)):
                if followed is not None:
                    fields = followed._asdict()
                    screen.record(fields.pop("record"), **fields)
        elif screen.form == RAW:
            screen.items([given.more] if given.more else given.items)
        elif given.more:
            header = given.items[0].partition(b"\n")[0].decode("utf-8", "backslashreplace")
            screen.line(f"--- below an earlier record, {header}", "bold")
            for line in given.more.decode("utf-8", "backslashreplace").splitlines():
                screen.line(line)
        else:
            if marks.are_due(given):
                screen.line(f"--- late by {shown_seconds(given.late_seconds)}:", "yellow")
            screen.items(given.items)
