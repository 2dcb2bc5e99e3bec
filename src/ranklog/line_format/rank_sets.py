"""Sets of ranks, as a person writes them: which print to a console, which are read."""

import re
from typing import NamedTuple

_PART = r"(-\d{1,9})|(\d{1,9})(?:-(\d{1,9}))?"


class RankSet(NamedTuple):
    """A set of ranks.

    Attributes:
        ranges: First and last rank of each range, negative ones counted from the end of
            the job; ``None`` for all ranks.
    """

    ranges: tuple[tuple[int, int], ...] | None = None

    def includes(self, rank: int | None, world_size: int | None) -> bool:
        """Whether a process prints everything. One without a rank always does."""
        if self.ranges is None or rank is None:
            return True
        # Without a world size, "-1" names no rank: nobody can tell who is the last.
        # A rank beyond it is left from a time when the job was larger, and counts from no end.
        from_end = rank if world_size is None or rank >= world_size else rank - world_size
        return any(
            first <= rank <= last or first <= from_end <= last for first, last in self.ranges
        )


def parse_ranks(text: str | int, where: str) -> RankSet:
    """Take ``"all"`` or ``"0,3-5,-1"`` apart.

    Args:
        text: Ranks, ranges and negative ranks, which count from the end of the job; or one rank
            as a number.
        where: What the text came from, for the error.

    Raises:
        ValueError: Malformed.
        TypeError: Neither text nor a number.
    """
    accepted = 'accepted are "all", or ranks and ranges such as "0,3-5,-1"'
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str):
        raise TypeError(f"{where}={text!r} is not a set of ranks; {accepted}")
    if text.strip().lower() == "all":
        return RankSet()
    ranges = []
    for part in text.split(","):
        match = re.fullmatch(_PART, part.strip())
        if match is None:
            raise ValueError(f"{where}={text!r} is malformed at {part.strip()!r}; {accepted}")
        first = int(match[1] or match[2])
        last = int(match[3] or first)
        if last < first:
            raise ValueError(f"{where}={text!r} has a range that runs backwards; {accepted}")
        ranges.append((first, last))
    return RankSet(tuple(ranges))
