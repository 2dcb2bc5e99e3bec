"""Ranks, times and texts in the words of an answer for a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime


def named_ranks(ranks: Sequence[int]) -> str:
    """``rank 3``, or ``ranks 0-3,7``."""
    return f"rank {ranks[0]}" if len(ranks) == 1 else f"ranks {shown_ranks(ranks)}"


def shown_ranks(ranks: Iterable[int]) -> str:
    """``0-3,7,9``."""
    parts: list[list[int]] = []
    for rank in sorted(set(ranks)):
        if parts and rank == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], rank]
        else:
            parts.append([rank])
    return ",".join("-".join(map(str, part)) for part in parts)


def shortened(text: str, width: int) -> str:
    """The first line of a text, and of that what fits into `width` columns."""
    first, newline, _ = text.partition("\n")
    if len(first) > width:
        return f"{first[: width - 1]}…"
    return f"{first}…" if newline else first


def shown_times(times: Sequence[datetime | None]) -> list[str]:
    """Times of one column: without their day, where it is the same."""
    shown = [shown_time(time) for time in times]
    is_one_day = len({text[:10] for text in shown if text != "-"}) == 1
    return [text[11:] or text for text in shown] if is_one_day else shown


def shown_time(time: datetime | None) -> str:
    """``2026-10-05 23:50:00.123``, UTC."""
    return "-" if time is None else time.replace(tzinfo=None).isoformat(" ", "milliseconds")


def shown_seconds(seconds: float | None) -> str:
    """``0.123s``, ``2m05s``, ``3h12m``, ``4d03h``; what is negative with a minus."""
    if seconds is None:
        return "-"
    if seconds < 0:
        return f"-{shown_seconds(-seconds)}"
    if seconds < 60:
        return f"{seconds:.3f}s"
    whole = round(seconds)
    for above, unit, below, part in ((3600, 60, 1, "ms"), (172_800, 3600, 60, "hm")):
        if whole < above:
            return f"{whole // unit}{part[0]}{whole % unit // below:02}{part[1]}"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02}h"
