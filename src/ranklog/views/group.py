"""What was said by which ranks, and who was the exception."""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from ranklog.files.discover import Paths
from ranklog.line_format import STANDARD_LEVELS, Damage, Records
from ranklog.messages import MessageCounter, Said
from ranklog.run import Run
from ranklog.screen import HUMAN, RAW, Screen
from ranklog.selection import Filters, level_number, make_selection
from ranklog.shown import named_ranks, shortened
from ranklog.stamps import time_of
from ranklog.views.request import Request

if TYPE_CHECKING:
    from typing_extensions import Unpack

_WARNING, _ERROR = STANDARD_LEVELS["WARNING"], STANDARD_LEVELS["ERROR"]
_LEAST_RANKS = 3
"""Of fewer ranks nobody is the exception."""
_EXCEPTIONS_PER_RANK = 10
"""One in so many ranks may be an exception, and at least one."""
_MOST_GROUPS = 40
_MOST_CHARACTERS = 100
"""Of a message among the outliers, which stands above as a whole."""


class Group(NamedTuple):
    """A message, or all messages of one kind, and who said it.

    Attributes:
        message: The message and, behind a bar, the last line of its exception.
        is_masked: Whether numbers, hex and paths in it are replaced, because it is of a kind.
        level: Level name.
        level_number: Its number.
        counts: Number of records by rank, in order of ranks.
        first: Time of the first record of it.
        last: Time of the last.
        example: Bytes of one record of it.
    """

    message: str
    is_masked: bool
    level: str
    level_number: int
    counts: dict[int, int]
    first: datetime | None
    last: datetime | None
    example: bytes

    @property
    def records(self) -> int:
        """Number of records."""
        return sum(self.counts.values())


class Outlier(NamedTuple):
    """A message that nearly all ranks said, or that nearly nobody else did.

    Attributes:
        group: The message.
        ranks: The exceptions: who did not say it, or who alone did.
        is_missing: Whether they did not say it.
    """

    group: Group
    ranks: list[int]
    is_missing: bool


class Groups(NamedTuple):
    """The answer.

    Attributes:
        groups: Errors first, then warnings, then the others; said by most ranks first.
        outliers: In the same order.
        ranks: Who said anything.
    """

    groups: list[Group]
    outliers: list[Outlier]
    ranks: list[int]


def group(path: Paths, *, damage: Damage | None = None, **filters: Unpack[Filters]) -> Groups:
    """Identical messages over ranks, and who was the exception.

    Messages are the same where their text is; of those that differ only in numbers, hex and
    paths, a few are told apart, and many, or such as no two ranks said, are one kind.

    Args:
        path: As for `ranklog.read`.
        damage: Told of what cannot be read.
        filters: Which records count; ``attempt`` is ``"last"`` unless given.

    Raises:
        FileNotFoundError: There is nothing at `path`.
        ValueError: A filter is malformed, or the run has no such attempt.
    """
    return _answer(Run(path, make_selection(filters, attempt="last"), damage))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of its own."""
    parser.add_argument(
        "--all", action="store_true", help=f"all groups, not only the first {_MOST_GROUPS}"
    )


def show(request: Request, screen: Screen) -> int:
    """Print them."""
    answer = _answer(request.run())
    most = None if request.options.all else _MOST_GROUPS
    if screen.form == HUMAN:
        _print(answer, most, screen)
    elif screen.form == RAW:
        screen.items([one.example for one in answer.groups[:most]])
    else:
        outliers = {id(one.group): one for one in answer.outliers}
        for one in answer.groups[:most]:
            found = outliers.get(id(one))
            fields = one._asdict()
            del fields["example"]
            is_missing = found is not None and found.is_missing
            alone = [] if found is None or is_missing else found.ranks
            missing = found.ranks if found is not None and is_missing else []
            screen.object(fields | {"records": one.records, "missing": missing, "alone": alone})
    return 0


def _answer(run: Run) -> Groups:
    counter = MessageCounter()
    ranks: set[int] = set()
    for source in run.sources:
        stretches = (Records(one.items, one.keys) for one in run.stretches(source))
        counter.add(source.layout.reader(), source.rank, stretches)
    groups = sorted(map(_group, counter.said()), key=_order)
    for one in groups:
        ranks.update(one.counts)
    outliers = [found for one in groups if (found := _outlier(one, ranks)) is not None]
    return Groups(groups, outliers, sorted(ranks))


def _group(said: Said) -> Group:
    return Group(
        said.text,
        said.is_masked,
        said.level,
        level_number(said.level, said.example),
        said.counts,
        time_of(said.first),
        time_of(said.last),
        said.example,
    )


def _severity(level: int) -> int:
    return 0 if level >= _ERROR else 1 if level >= _WARNING else 2


def _order(one: Group) -> tuple[int, int, int, str]:
    return _severity(one.level_number), -len(one.counts), -one.records, one.message


def _outlier(one: Group, ranks: set[int]) -> Outlier | None:
    most = max(1, len(ranks) // _EXCEPTIONS_PER_RANK)
    missing = sorted(ranks - one.counts.keys())
    if len(ranks) < _LEAST_RANKS:
        return None
    if 0 < len(missing) <= most:
        return Outlier(one, missing, is_missing=True)
    if len(one.counts) <= most and one.level_number >= _WARNING:
        return Outlier(one, sorted(one.counts), is_missing=False)
    return None


def _print(answer: Groups, most: int | None, screen: Screen) -> None:
    titles = ("errors", "warnings", "others")
    styles = ("red", "yellow", "")
    severity = -1
    if not answer.groups:
        screen.line("no records")
    for one in answer.groups[:most]:
        if _severity(one.level_number) != severity:
            if severity >= 0:
                screen.line()
            severity = _severity(one.level_number)
            screen.line(f"{titles[severity]}:", "bold")
        who = named_ranks(list(one.counts))
        message = _on_one_line(one.message)
        screen.line(f"[{who} ×{one.records}] {one.level} {message}", styles[severity])
    if most is not None and len(answer.groups) > most:
        screen.line(f"and {len(answer.groups) - most} more (--all shows them)")
    if answer.outliers:
        screen.line()
        screen.line("outliers:", "bold")
    for outlier in answer.outliers[:most]:
        others = len(answer.ranks) - len(outlier.ranks)
        who = named_ranks(outlier.ranks)
        message = shortened(_on_one_line(outlier.group.message), _MOST_CHARACTERS)
        if outlier.is_missing:
            screen.line(f"{others} ranks said: {message}; {who} did not", "yellow")
        else:
            screen.line(f"{who} alone said: {message}", "yellow")


def _on_one_line(message: str) -> str:
    """The first and the last line of a message: the last has the reason of an exception."""
    first, newline, rest = message.partition("\n")
    return f"{first} … {rest.rpartition(chr(10))[2]}" if newline else first
