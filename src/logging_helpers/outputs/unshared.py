"""Opens files that a child forked meanwhile does not keep: their locks, and their space."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator

from logging_helpers.outputs.open_log import open_regular

# Objects and not numbers: they know whether they are closed, and a number is soon reused.
_files: set[io.FileIO] = set()


@contextlib.contextmanager
def unshared(path: str, flags: int) -> Iterator[io.FileIO]:
    """Open a regular file, and close it in each child forked until it is closed here.

    A lock on it that a child has inherited is the same lock: it is to be given up before.

    Args:
        path: Absolute path.
        flags: Of `os.open`.

    Raises:
        OSError: It cannot be opened, or is no regular file.
    """
    mode = "w" if flags & (os.O_WRONLY | os.O_RDWR) else "r"
    file = io.FileIO(path, mode, opener=lambda path, _: open_regular(path, flags))
    try:
        _files.add(file)
        yield file
    finally:
        file.close()
        _files.discard(file)


def _close_in_child() -> None:
    while _files:
        with contextlib.suppress(OSError):
            _files.pop().close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
