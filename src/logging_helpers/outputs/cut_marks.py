"""Marks records that were cut short, so that no reader believes them."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable

_WAIT_SECONDS = 0.05
"""How long a record that is still being written may stand still."""


def ends_in_newline(descriptor: int) -> bool:
    """Whether a file is empty or ends in a newline."""
    return _ends_in_newline(descriptor, os.fstat(descriptor).st_size)


def is_cut(descriptor: int, size: int, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Whether the last record of a file was cut short.

    The size of a file grows page by page while a record is written. To mark that as cut
    would cost a whole record, so what is still growing is left alone. One look before the
    wait and one after: at the start of a job each of them is asked of the shared directory.

    Args:
        descriptor: A readable log file.
        size: Its size in bytes, a moment ago.
        sleep: Called once, and only where the file does not end in a newline.
    """
    if _ends_in_newline(descriptor, size):
        return False
    sleep(_WAIT_SECONDS)
    # Its writer may meanwhile have marked it within the bytes that it wrote.
    return size == os.fstat(descriptor).st_size and not _ends_in_newline(descriptor, size)


def close_in_place(descriptor: int, path: str, data: bytes, written: int, cut_mark: bytes) -> bool:
    """End a record that was written in part, within the bytes that were written.

    Appending the mark needs space that a full disk does not have, and another process may
    append its record to the torn one meanwhile. Overwriting our own last bytes needs no
    space and touches nobody else's.

    Args:
        descriptor: The log file, just after the write.
        path: Its path. A second descriptor is needed: one opened to append only appends.
        data: The record.
        written: How many of its bytes were written, at least one.
        cut_mark: What ends a record that was cut.

    Returns:
        False where that is not possible and the mark is still owed.
    """
    # The start of a header is believed of nobody; a mark without a torn line before it
    # would count for the record above.
    mark = cut_mark if written > len(cut_mark) else b"\n"
    return _overwrite_end(descriptor, path, data[:written], mark)


def append_mark(descriptor: int, path: str, cut_mark: bytes) -> None:
    """Append a mark to a line that is torn.

    Args:
        descriptor: The log file.
        path: Its path.
        cut_mark: The mark.

    Raises:
        OSError: There is no space for it, or another error. What was written of it does not
            end the line then: a newline alone would make the torn record a whole one.
    """
    written = os.write(descriptor, cut_mark)
    if written != len(cut_mark):
        _overwrite_end(descriptor, path, cut_mark[:written], b"~" * written)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)


def _overwrite_end(descriptor: int, path: str, written: bytes, new: bytes) -> bool:
    """Overwrite the end of what was just written by this process."""
    try:
        # A thread or a fork that shares the descriptor may have moved it: look first.
        start = os.lseek(descriptor, 0, os.SEEK_CUR) - len(written)
        if start < 0 or os.pread(descriptor, len(written), start) != written:
            return False
        flags = os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        writable = os.open(path, flags)
        try:
            if not os.path.sameopenfile(writable, descriptor):
                return False
            return os.pwrite(writable, new, start + len(written) - len(new)) == len(new)
        finally:
            os.close(writable)
    except (OSError, AttributeError):  # AttributeError: no pread on this platform
        return False


def _ends_in_newline(descriptor: int, size: int) -> bool:
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
