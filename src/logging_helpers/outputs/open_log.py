"""Opens the file of a rank, safely on a directory that others can write to."""

import contextlib
import errno
import os
import stat
from typing import NamedTuple

from logging_helpers.outputs.cut_marks import append_mark, is_cut

try:
    import fcntl
except ImportError:  # Windows: single-process use works, without locks
    fcntl = None  # type: ignore[assignment]

# A link planted in a shared directory is refused, a planted FIFO blocks nobody.
_SAFE_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
# Readable, because the last byte tells whether the last writer was cut short.
_LOG_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT
_NOT_REGULAR = "not a regular file"
_A_LINK = "a symbolic link, which is not followed"
# What systems say of a link that is not followed (FreeBSD: EMLINK), and of a socket.
_REASONS = {errno.ELOOP: _A_LINK, errno.EMLINK: _A_LINK, errno.ENXIO: _NOT_REGULAR}
_TRIES = 5


class OpenLog(NamedTuple):
    """An open log file.

    Attributes:
        descriptor: 3 or more, not inherited by other programs. It holds a shared lock, which
            keeps others from compressing or deleting the file while it is written to.
        identity: Device and inode.
        unmarked: Why the last record of the file, which was cut short, could not be marked as
            cut. To be marked before anything else is written.
    """

    descriptor: int
    identity: tuple[int, int]
    unmarked: OSError | None


def open_log(path: str, cut_mark: bytes) -> OpenLog:
    """Open a log file for appending, making its directories if need be.

    A file that does not end in a newline was cut short; `cut_mark` is appended to it.

    Args:
        path: Absolute path of the file.
        cut_mark: What ends the record that was cut.

    Raises:
        OSError: The file cannot be opened or is no regular file.
    """
    # A thousand ranks open at once on one shared directory: few system calls.
    for _ in range(_TRIES):
        descriptor = _open_making_directories(path)
        try:
            is_locked = lock_shared(descriptor)
            status = os.fstat(descriptor)
            _require_regular(status, path)
            # Otherwise it was rotated, and compressed or deleted, since it was opened.
            if is_locked and status.st_nlink > 0:
                unmarked = None
                if is_cut(descriptor, status.st_size):
                    unmarked = _mark(descriptor, path, cut_mark)
                return OpenLog(descriptor, (status.st_dev, status.st_ino), unmarked)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise OSError(errno.EBUSY, "the file was taken away while it was opened", path)


def _mark(descriptor: int, path: str, cut_mark: bytes) -> OSError | None:
    try:
        append_mark(descriptor, path, cut_mark)
    except OSError as error:  # a full disk, say; it may have room later
        return error
    return None


def open_regular(path: str, flags: int) -> int:
    """Open a regular file: no link is followed, no FIFO waited for.

    Returns:
        A descriptor of 3 or more, not inherited by other programs.

    Raises:
        OSError: It cannot be opened, or is no regular file.
    """
    descriptor = _open(path, flags)
    try:
        _require_regular(os.fstat(descriptor), path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def make_directory(path: str) -> None:
    """Make a directory and its parents, without asking first which of them exist.

    A thousand ranks start at once on one shared directory; each question costs it. Where
    ``logs`` is missing so is, as a rule, the run directory: that is tried first.
    """
    with contextlib.suppress(OSError):  # what is wrong with it, the next call says
        _make_directory(os.path.dirname(path))
    _make_directory(path)


def _make_directory(path: str) -> None:
    try:
        os.mkdir(path)
    except FileExistsError:
        return
    except FileNotFoundError:
        parent = os.path.dirname(path)
        if parent == path:
            raise
        _make_directory(parent)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path)


def lock_shared(descriptor: int) -> bool:
    """Take a shared lock; False only where another holds the exclusive one."""
    return _lock(descriptor, exclusive=False)


def lock_exclusive(descriptor: int) -> bool:
    """Take the exclusive lock; False only where another holds a lock."""
    return _lock(descriptor, exclusive=True)


def has_locks(descriptor: int) -> bool:
    """Whether locks on this file mean anything; its lock, if it has one, becomes exclusive.

    Lustre without the mount option ``flock`` has none (ENOSYS), nor has NFS without a lock
    daemon (ENOLCK).
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True


def unlock(descriptor: int) -> None:
    """Give a lock up, also where a child that was forked meanwhile shares it."""
    if fcntl is not None:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)


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


def _open_making_directories(path: str) -> int:
    try:
        return _open(path, _LOG_FLAGS)
    except FileNotFoundError:
        make_directory(os.path.dirname(path))
        return _open(path, _LOG_FLAGS)


def _open(path: str, flags: int) -> int:
    try:
        descriptor = os.open(path, flags | _SAFE_FLAGS, 0o666)
    except OSError as error:
        reason = _REASONS.get(error.errno or 0)
        if reason is None:
            raise
        raise OSError(error.errno, reason, path) from error
    if descriptor > 2 or fcntl is None:
        return descriptor
    # The program was started with stdin, stdout or stderr closed; what it prints must not
    # end up in the log.
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(descriptor)


def _require_regular(status: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, _NOT_REGULAR, path)
