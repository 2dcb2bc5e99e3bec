"""The records of a live run, as they are written."""

from __future__ import annotations

import argparse
import contextlib
import signal
import time
from collections import deque
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple

from ranklog.following.follower import Follower, Given
from ranklog.line_format import Damage, Record
from ranklog.reading import with_pid
from ranklog.run import Paths
from ranklog.screen import HUMAN, RAW, Screen, shown_seconds
from ranklog.selection import Filters, make_selection
from ranklog.views.request import Request

if TYPE_CHECKING:
    from typing_extensions import Unpack

_WINDOW_SECONDS = 0.5
_POLL_SECONDS = 0.1


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
        poll_seconds: How often to look.
        resume: Path of a file that says how far an earlier follower came.
        damage: Told of what cannot be read.
        filters: Which records are wanted; a span such as ``since="10m"`` counts back from the
            end of the run as it is at the start.

    Raises:
        ValueError: A filter is malformed, or `resume` is no such file.
    """
    follower = Follower(
        path,
        make_selection(filters),
        Damage() if damage is None else damage,
        window_seconds=window_seconds,
        resume=resume,
    )
    return _records(follower, poll_seconds, Damage() if damage is None else damage)


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
    )
    with _stopped_by_signals() as is_stopped:
        while not is_stopped:
            _print(follower.poll(), screen, request.damage)
            if not (follower.is_behind or is_stopped):
                time.sleep(_POLL_SECONDS)
        _print(follower.end(), screen, request.damage)
    return 0


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[list[int]]:
    """A list that is no longer empty once somebody wants the program to end."""
    stopped: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        stopped.append(number)

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
            unread = deque(follower.poll())
            while unread:
                one = _followed(unread.popleft(), damage)
                if one is not None:
                    yield one
            if not follower.is_behind:
                time.sleep(poll_seconds)
    finally:
        follower.save(unread)


def _followed(given: Given, damage: Damage) -> Followed | None:
    came = given.came
    record = came.source.reader.parse(came.item, damage)
    if record is None:
        return None
    return Followed(with_pid(record, came.pid), given.late_seconds, bool(came.more))


def _print(given: list[Given], screen: Screen, damage: Damage) -> None:
    if screen.form not in (HUMAN, RAW):
        for followed in (_followed(one, damage) for one in given):
            if followed is not None:
                fields = followed._asdict()
                screen.record(fields.pop("record"), **fields)
    elif screen.form == RAW:
        screen.items([one.came.more or one.came.item for one in given])
    else:
        in_order: list[bytes] = []
        for one in given:
            if one.late_seconds is None and not one.came.more:
                in_order.append(one.came.item)
                continue
            screen.items(in_order)
            in_order = []
            _print_marked(one, screen)
        screen.items(in_order)


def _print_marked(one: Given, screen: Screen) -> None:
    if one.came.more:
        header = one.came.item.partition(b"\n")[0].decode("utf-8", "backslashreplace")
        screen.line(f"--- below an earlier record, {header[:80]}", "bold")
        for line in one.came.more.decode("utf-8", "backslashreplace").splitlines():
            screen.line(line)
    else:
        screen.line(f"--- late by {shown_seconds(one.late_seconds)}:", "yellow")
        screen.items([one.came.item])
