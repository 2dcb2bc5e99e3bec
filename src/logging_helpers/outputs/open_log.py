"""Opens the file of a rank, safely on a directory that others can write to."""

from __future__ import annotations

import contextlib
import errno
import os
import stat

try:
    import fcntl
except ImportError:  # Windows: single-process use works, without locks
    fcntl = None  # type: ignore[assignment]

_FLAGS = (
    # Readable, because the last byte tells whether the last writer was cut short.
    os.O_RDWR
    | os.O_APPEND
    | os.O_CREAT
    # A link planted in a shared directory is refused, a planted FIFO blocks nobody.
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
)
_TRIES = 5


def open_log(path: str, cut_mark: bytes) -> int:
    """Open a log file for appending, making its directories if need be.

    A file that does not end in a newline was cut short; `cut_mark` is appended to it.

    Args:
        path: Absolute path of the file.
        cut_mark: What ends the record that was cut.

    Returns:
        A descriptor of 3 or more, not inherited by other programs. It holds a shared lock,
        which keeps others from compressing or deleting the file while it is written to.

    Raises:
        OSError: The file cannot be opened or is no regular file.
    """
    for _ in range(_TRIES):
        descriptor = _open(path)
        try:
            if _is_usable(descriptor, path):
                if not ends_in_newline(descriptor):
                    os.write(descriptor, cut_mark)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise OSError(errno.EBUSY, "the file was taken away while it was opened", path)


def ends_in_newline(descriptor: int) -> bool:
    """Whether a file is empty or ends in a newline."""
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


def make_directory(path: str) -> None:
    """Make a directory and its parents, without asking first which of them exist.

    A thousand ranks start at once on one shared directory; each question costs it.
    """
    try:
        os.mkdir(path)
    except FileExistsError:
        return
    except FileNotFoundError:
        parent = os.path.dirname(path)
        if parent == path:
            raise
        make_directory(parent)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path)


def lock_shared(descriptor: int) -> bool:
    """Take a shared lock; False only where another holds the exclusive one."""
    return _lock(descriptor, exclusive=False)


def lock_exclusive(descriptor: int) -> bool:
    """Take the exclusive lock; False only where another holds a lock."""
    return _lock(descriptor, exclusive=True)


def _lock(descriptor: int, *, exclusive: bool) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _open(path: str) -> int:
    try:
        descriptor = os.open(path, _FLAGS, 0o666)
    except FileNotFoundError:
        make_directory(os.path.dirname(path))
        descriptor = os.open(path, _FLAGS, 0o666)
    if descriptor > 2 or fcntl is None:
        return descriptor
    # The program was started with stdin, stdout or stderr closed; what it prints must not
    # end up in the log.
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(descriptor)


def _is_usable(descriptor: int, path: str) -> bool:
    """False where the file was rotated and compressed or deleted since it was opened."""
    is_locked = lock_shared(descriptor)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", path)
    return is_locked and status.st_nlink > 0
