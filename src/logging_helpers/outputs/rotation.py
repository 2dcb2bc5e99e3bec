"""Rotates a rank's file: renames it to a piece and goes on in a new one."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone

from logging_helpers.outputs.open_log import (
    has_locks,
    lock_exclusive,
    lock_shared,
    open_regular,
    unlock,
)
from logging_helpers.outputs.unshared import unshared
from ranklog.line_format import Layout, live_name, lock_name, piece_name

FileIdentity = tuple[int, int]
"""Device and inode."""

_last_lock: io.FileIO | None = None


def rotate(
    descriptor: int,
    directory: str,
    rank: int | None,
    layout: Layout,
    max_bytes: int,
    reopen: Callable[[], None],
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
        reopen: Puts the file that is at the path now under the descriptor.

    Returns:
        Whether this call made a piece.

    Raises:
        OSError: The file could not be renamed or the new one not opened; `descriptor` is
            as it was.
    """
    path = os.path.join(directory, live_name(rank, layout.suffix))
    with _rotation_lock(os.path.join(directory, lock_name(rank, layout.suffix))) as lock:
        if lock is None:
            return False  # somebody is at it; the next record asks again
        is_live = is_same_file(descriptor, path)
        if is_live:
            if os.fstat(descriptor).st_size < max_bytes:
                return False
            piece = _unused_piece(directory, rank, layout.suffix)
            if has_locks(lock):
                os.rename(path, piece)
            elif not _rename_unlocked(path, piece):
                return False
        reopen()
        return is_live


def identity(descriptor: int) -> FileIdentity | None:
    """Which file a descriptor is of; ``None`` where it is closed or its file is gone."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_same_file(descriptor: int, path: str) -> bool:
    """Whether `path` is still the file that is open."""
    try:
        there = os.stat(path, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # nobody can tell while its directory may not be searched
        return True
    return identity(descriptor) == (there.st_dev, there.st_ino)


def is_linked(descriptor: int) -> bool:
    """Whether an open file has a name; false where somebody removed it."""
    try:
        return os.fstat(descriptor).st_nlink > 0
    except OSError:  # gone with its network file system
        return False


def remove_if_size(descriptor: int, path: str, size: int) -> bool:
    """Remove a file that has `size` bytes, if nobody else has it open.

    Returns:
        Whether it was removed; it is not to be written to any more then.
    """
    with contextlib.suppress(OSError):
        # Whoever opens it at this moment finds it locked, and opens it again.
        if (
            lock_exclusive(descriptor)
            and os.fstat(descriptor).st_size == size
            and is_same_file(descriptor, path)
        ):
            os.unlink(path)
            return True
    # Also where it was not had: asking for it gives up the shared one.
    lock_shared(descriptor)
    return False


def _rename_unlocked(path: str, piece: str) -> bool:
    """Rename where others may do the same at this moment, and found the same name free.

    An empty file takes the name first: only one of them can make it.

    Returns:
        False where another was faster.
    """
    try:
        os.close(open_regular(piece, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    try:
        os.rename(path, piece)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(piece)
        raise
    return True


@contextlib.contextmanager
def _rotation_lock(path: str) -> Iterator[int | None]:
    """The descriptor of the lock file, ``None`` where somebody else holds its lock."""
    global _last_lock
    if _last_lock is not None:
        # Closed already, unless an exception that a signal handler raised, as at Ctrl-C,
        # came in the way: then nobody could rotate for as long as this process lives.
        _last_lock.close()
    with unshared(path, os.O_RDWR | os.O_CREAT) as lock:
        _last_lock = lock
        try:
            yield lock.fileno() if lock_exclusive(lock.fileno()) else None
        finally:
            if not lock.closed:  # as it is in a child forked meanwhile
                # Where that was forked at the very moment, closing is not enough.
                unlock(lock.fileno())


def _unused_piece(directory: str, rank: int | None, suffix: str) -> str:
    now = datetime.now(timezone.utc)
    while True:
        path = os.path.join(directory, piece_name(rank, now, suffix))
        if not (os.path.lexists(path) or os.path.lexists(path + ".gz")):
            return path
        now += timedelta(microseconds=1)
