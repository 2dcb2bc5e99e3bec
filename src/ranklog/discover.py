"""Finds the files of a run."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from ranklog.line_format import LOGS_DIRECTORY, FileName, parse_name

_STILL_WRITTEN = datetime.max.replace(tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of one rank: the live one or a rotated piece."""

    path: Path
    name: FileName


def discover(path: str | os.PathLike[str]) -> list[Segment]:
    """The segments under `path`, by rank, format and time of rotation.

    Args:
        path: A run directory, its ``logs`` directory, or one file.

    Raises:
        FileNotFoundError: There is nothing at `path`.
        ValueError: `path` is a file whose name is none of ours.
    """
    place = Path(path)
    if not place.is_dir():
        if not place.exists():
            raise FileNotFoundError(f"no run directory or log file at {str(place)!r}")
        name = parse_name(place.name)
        if name is None:
            raise ValueError(
                f"{str(place)!r} is not named like a rank's log file"
                " (script.log, script_1.log, script_1.<time>.log.gz, script.jsonl ...)"
            )
        return [Segment(place, name)]
    logs = place / LOGS_DIRECTORY
    return sorted(_segments(logs if logs.is_dir() else place), key=_order)


def _segments(directory: Path) -> Iterable[Segment]:
    entries = set(os.listdir(directory))
    for entry in entries:
        name = parse_name(entry)
        if name is None or not (directory / entry).is_file():
            continue
        # A writer may die, or be, between compressing a piece and removing the original.
        if name.rotated and name.is_gzip and entry.removesuffix(".gz") in entries:
            continue
        yield Segment(directory / entry, name)


def _order(segment: Segment) -> tuple[int, str, datetime, bool]:
    name = segment.name
    # Somebody may have compressed the live file by hand: what follows it is newer.
    return name.rank, name.suffix, name.rotated or _STILL_WRITTEN, not name.is_gzip
