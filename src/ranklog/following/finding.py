"""Finds the files of a run that is followed: those that were named, and what becomes of them."""

from __future__ import annotations

import contextlib
import os

from ranklog.files.discover import Source, discover
from ranklog.line_format import parse_name


def found_at(paths: list[str]) -> list[Source]:
    """What is at the paths, and the pieces that files become which were named themselves."""
    directories = {os.path.dirname(path) for path in paths if _is_live(os.path.basename(path))}
    found = discover(*paths)
    if not directories:
        return found
    asked = {key_of(source) for source in found}
    return [source for source in discover(*paths, *directories) if key_of(source) in asked]


def with_directory(path: str) -> str:
    """A path as it is listed beside its pieces."""
    return os.path.join(os.curdir, path) if _is_live(path) else path


def _is_live(name: str) -> bool:
    parsed = parse_name(name)
    return parsed is not None and parsed.rotated is None


def has_content(source: Source) -> bool:
    """Whether there is more than files that were just made, which say nothing of the job."""
    for segment in source.segments:
        with contextlib.suppress(OSError):
            if os.path.getsize(segment.path):
                return True
    return False


def key_of(source: Source) -> tuple[object, ...]:
    """What a source is known by, whatever files it has by now."""
    name = source.path if source.rank is None else os.path.dirname(source.path)
    return source.rank, source.layout.suffix, name
