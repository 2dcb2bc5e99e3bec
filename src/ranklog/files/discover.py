"""Finds the files of a run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import NamedTuple

from ranklog.line_format import LAYOUTS, LOGS_DIRECTORY, Layout, parse_name

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
_STILL_WRITTEN = datetime.max.replace(tzinfo=timezone.utc)
_LAYOUT_OF_SUFFIX = {layout.suffix: layout() for layout in LAYOUTS.values()}


class Segment(NamedTuple):
    """One file of one rank: the live one or a rotated piece.

    Attributes:
        path: As it was given, or found in a directory that was given.
        rotated: UTC time of its rotation; ``None`` for one that is still written to.
        is_gzip: Whether it is compressed.
    """

    path: str
    rotated: datetime | None
    is_gzip: bool


class Source(NamedTuple):
    """All that one rank wrote in one format into one directory.

    Attributes:
        rank: Rank that the names say; ``None`` for a file of any other name.
        layout: How its records are laid out.
        segments: At least one; the oldest first.
    """

    rank: int | None
    layout: Layout
    segments: tuple[Segment, ...]

    @property
    def path(self) -> str:
        """Path of the newest file, by which a person knows the source."""
        return self.segments[-1].path


def paths_of(path: Paths) -> list[str]:
    """One path or several as a list.

    Raises:
        TypeError: They are something else.
    """
    several = [path] if isinstance(path, str | os.PathLike) else path
    try:
        return [os.fsdecode(one) for one in several]
    except TypeError:
        raise TypeError(f"path={path!r} is neither a path nor several of them") from None


def discover(*paths: str | os.PathLike[str]) -> list[Source]:
    """What is under `paths`, by rank, format and directory.

    Args:
        paths: Run directories, their ``logs`` directories, files of any name, or patterns
            such as ``runs/*/logs``.

    Raises:
        FileNotFoundError: There is nothing at a path.
        OSError: A directory cannot be read.
    """
    found: dict[tuple[int, str, str, str], list[Segment]] = {}
    seen: set[str] = set()
    for path in paths:
        for directory, name in _files(os.fspath(path)):
            whole = os.path.join(directory, name)
            absolute = os.path.abspath(whole)
            if absolute not in seen:
                seen.add(absolute)
                key, segment = _classify(directory, name, whole)
                found.setdefault(key, []).append(segment)
    return [
        Source(
            None if stranger else rank,
            _LAYOUT_OF_SUFFIX[suffix],
            tuple(sorted(_once(segments), key=_order)),
        )
        for (rank, suffix, _, stranger), segments in sorted(found.items())
    ]


def _files(path: str) -> Iterator[tuple[str, str]]:
    """Directory and name of each file that a path or a pattern names."""
    if os.path.lexists(path):
        matches = [path]
    else:
        import glob  # few need it

        matches = sorted(glob.glob(path))
    if not matches:
        raise FileNotFoundError(f"no run directory or log file at {path!r}")
    for match in matches:
        if not os.path.isdir(match):
            yield os.path.split(match)
            continue
        logs = os.path.join(match, LOGS_DIRECTORY)
        directory = logs if os.path.isdir(logs) else match
        with os.scandir(directory) as entries:
            for entry in entries:
                if parse_name(entry.name) is not None and _may_be_file(entry):
                    yield directory, entry.name


def _may_be_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link to itself, say: whoever reads it tells
        return True


def _classify(directory: str, name: str, path: str) -> tuple[tuple[int, str, str, str], Segment]:
    """What files of one source have in common, and the segment."""
    parsed = parse_name(name)
    if parsed is not None:
        key = (parsed.rank, parsed.suffix, directory, "")
        return key, Segment(path, parsed.rotated, parsed.is_gzip)
    is_gzip = name.endswith(".gz")
    is_json = ".jsonl" in name or (not is_gzip and _begins_with_brace(path))
    return (0, ".jsonl" if is_json else ".log", directory, name), Segment(path, None, is_gzip)


def _begins_with_brace(path: str) -> bool:
    if not os.path.isfile(path):  # a pipe would wait for its writer
        return False
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(1) == b"{"
    except OSError:  # told of when it is read
        return False


def _once(segments: list[Segment]) -> Iterable[Segment]:
    # A writer may die, or be, between compressing a piece and removing the original.
    plain = {segment.path for segment in segments}
    for segment in segments:
        is_copy = segment.is_gzip and segment.rotated and segment.path[: -len(".gz")] in plain
        if not is_copy:
            yield segment


def _order(segment: Segment) -> tuple[datetime, bool]:
    # Somebody may have compressed the live file by hand: what follows it is newer.
    return segment.rotated or _STILL_WRITTEN, not segment.is_gzip
