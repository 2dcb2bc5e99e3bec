"""Rotates a rank's file, and compresses or deletes that rank's own pieces."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from logging_helpers.outputs.open_log import lock_exclusive, open_log
from logging_helpers.settings.resolve import Rotation
from ranklog.line_format import Layout, live_name, lock_name, parse_name, piece_name

# Descriptors of locks held right now. A child forked meanwhile would keep them locked.
_held: set[int] = set()


def _close_held() -> None:
    while _held:
        with contextlib.suppress(OSError):
            os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_held)


def rotate(
    descriptor: int, directory: str, rank: int | None, layout: Layout, max_bytes: int
) -> bool:
    """Rename the live file to a piece and go on in a new one, under the same descriptor.

    Several processes and threads may do this at once: whoever gets the lock renames, the
    others find another file under the name and go on in that.

    Args:
        descriptor: The open log file; afterwards it is the new one.
        directory: Where the files are.
        rank: Whose file.
        layout: Its layout.
        max_bytes: A file of less is left alone.

    Returns:
        Whether this call made a piece.

    Raises:
        OSError: The file could not be renamed or the new one not opened; `descriptor` is
            as it was.
    """
    path = os.path.join(directory, live_name(rank, layout.suffix))
    with _rotation_lock(os.path.join(directory, lock_name(rank, layout.suffix))) as is_held:
        if not is_held:
            return False  # somebody is at it; the next record asks again
        is_live = is_same_file(descriptor, path)
        if is_live:
            if os.fstat(descriptor).st_size < max_bytes:
                return False
            os.rename(path, _unused_piece(directory, rank, layout.suffix))
        reopen(descriptor, path, layout.cut_mark)
        return is_live


def reopen(descriptor: int, path: str, cut_mark: bytes) -> None:
    """Put the file that is at `path` now under `descriptor`, which keeps its number."""
    new = open_log(path, cut_mark)
    try:
        os.dup2(new, descriptor, inheritable=False)
    finally:
        os.close(new)


def is_same_file(descriptor: int, path: str) -> bool:
    """Whether `path` is still the file that is open."""
    try:
        there = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    here = os.fstat(descriptor)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


@contextlib.contextmanager
def _rotation_lock(path: str) -> Iterator[bool]:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    lock = os.open(path, flags, 0o666)
    _held.add(lock)
    try:
        yield lock_exclusive(lock)
    finally:
        if lock in _held:  # not in a child forked meanwhile, which has closed it
            _held.discard(lock)
            os.close(lock)


def _unused_piece(directory: str, rank: int | None, suffix: str) -> str:
    now = datetime.now(timezone.utc)
    while True:
        path = os.path.join(directory, piece_name(rank, now, suffix))
        if not (os.path.lexists(path) or os.path.lexists(path + ".gz")):
            return path
        now += timedelta(microseconds=1)


def start_tidying(directory: str, rank: int | None, suffix: str, rotation: Rotation) -> None:
    """Compress and delete pieces as `rotation` says, in a thread of their own.

    The thread holds no records; the program's exit waits for it. Pieces it does not get to
    are left for the next rotation.
    """
    if not rotation.gzip and rotation.keep_pieces is None and rotation.keep_bytes is None:
        return
    thread = threading.Thread(
        target=tidy, args=(directory, rank, suffix, rotation), name="ranklog-tidy"
    )
    # At the end of the interpreter no threads can be started.
    with contextlib.suppress(RuntimeError):
        thread.start()


def tidy(directory: str, rank: int | None, suffix: str, rotation: Rotation) -> None:
    """Compress and delete a rank's pieces; those somebody still writes to are left alone."""
    with contextlib.suppress(OSError):
        if rotation.gzip:
            for path in _pieces(directory, rank, suffix):
                if not path.endswith(".gz"):
                    _compress(path)
        pieces = _pieces(directory, rank, suffix)
        surplus = 0 if rotation.keep_pieces is None else len(pieces) - rotation.keep_pieces
        total = sum(os.path.getsize(path) for path in pieces)
        for path in pieces:  # the oldest first
            is_too_much = rotation.keep_bytes is not None and total > rotation.keep_bytes
            if surplus <= 0 and not is_too_much:
                return
            size = os.path.getsize(path)
            if _delete(path):
                surplus -= 1
                total -= size


def _pieces(directory: str, rank: int | None, suffix: str) -> list[str]:
    """The rotated pieces of one rank, oldest first; never another rank's, never the live file."""
    found = []
    for entry in os.listdir(directory):
        name = parse_name(entry)
        if name and name.rotated and name.rank == (rank or 0) and name.suffix == suffix:
            found.append((name.rotated, os.path.join(directory, entry)))
    return [path for _, path in sorted(found)]


def _compress(path: str) -> None:
    temporary = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.{os.getpid()}.tmp")
    with contextlib.suppress(OSError), open(path, "rb") as source:
        if not lock_exclusive(source.fileno()):
            return
        try:
            with gzip.open(temporary, "wb", compresslevel=6) as target:
                shutil.copyfileobj(source, target, 1 << 20)
            os.rename(temporary, path + ".gz")
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        os.unlink(path)


def _delete(path: str) -> bool:
    with contextlib.suppress(OSError), open(path, "rb") as piece:
        if lock_exclusive(piece.fileno()):
            os.unlink(path)
            return True
    return False
