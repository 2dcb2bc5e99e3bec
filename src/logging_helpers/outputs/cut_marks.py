"""Marks records that were cut short, so that no reader believes them."""

from __future__ import annotations

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
    try:
        # A thread or a fork that shares the descriptor may have moved it: look first.
        start = os.lseek(descriptor, 0, os.SEEK_CUR) - written
        if start < 0 or os.pread(descriptor, written, start) != data[:written]:
            return False
        # The start of a header is believed of nobody; a mark without a torn line before it
        # would count for the record above.
        mark = cut_mark if written > len(cut_mark) else b"\n"
        flags = os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        writable = os.open(path, flags)
        try:
            if not os.path.sameopenfile(writable, descriptor):
                return False
            return os.pwrite(writable, mark, start + written - len(mark)) == len(mark)
        finally:
            os.close(writable)
    except (OSError, AttributeError):  # AttributeError: no pread on this platform
        return False


def _ends_in_newline(descriptor: int, size: int) -> bool:
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
