"""An open log file that keeps its descriptor while the file under its name changes."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable

from logging_helpers.outputs.open_log import open_log
from logging_helpers.outputs.rotation import identity, is_same_file, remove_if_size


class FollowedFile:
    """Knows whether its descriptor is still its own, and puts the right file under it.

    Args:
        path: Absolute path of the file; its directories are made if they are missing.
        cut_mark: What ends a record that was cut short.

    Raises:
        OSError: The file cannot be opened.
    """

    def __init__(self, path: str, cut_mark: bytes) -> None:
        self._descriptor = -1
        self.path = path
        self._cut_mark = cut_mark
        # Told of another number; it stays the same as long as nobody else closes it.
        self.on_new_descriptor: Callable[[int], None] | None = None
        self._descriptor, self._identity, self._unmarked = open_log(path, cut_mark)
        # The file that is just being put under the descriptor.
        self._next_identity = self._identity

    @property
    def descriptor(self) -> int:
        """The open file, also after rotations; see `on_new_descriptor`."""
        return self._descriptor

    def _follow_path(self) -> bool:
        """Have the file that is at the path under the descriptor; True if it is another now.

        Raises:
            OSError: It cannot be opened.
        """
        if not self._owns_descriptor():
            self._descriptor, self._identity, self._unmarked = open_log(self.path, self._cut_mark)
            if self.on_new_descriptor is not None:
                self.on_new_descriptor(self._descriptor)
            return True
        if is_same_file(self._descriptor, self.path):
            return False
        self._reopen()
        return True

    def _reopen(self) -> None:
        """Put the file that is at the path now under the descriptor, which keeps its number.

        Raises:
            OSError: It cannot be opened, or its last record was cut and cannot be marked.
        """
        new, self._next_identity, unmarked = open_log(self.path, self._cut_mark)
        try:
            if unmarked is not None:
                raise unmarked
            os.dup2(new, self._descriptor, inheritable=False)
            self._identity, self._unmarked = self._next_identity, None
        finally:
            os.close(new)

    def _owns_descriptor(self) -> bool:
        """False where others closed it (daemons do); its number may be somebody else's by now."""
        try:
            status = os.fstat(self._descriptor)
        except OSError as error:  # gone with its network file system, it is ours still
            return error.errno != errno.EBADF
        # A child may have been forked, or a signal have come, while the two were exchanged.
        return (status.st_dev, status.st_ino) in (self._identity, self._next_identity)

    def remove_if_size(self, size: int) -> bool:
        """Remove the file, if it has `size` bytes and nobody else has it open; see `rotation`."""
        return self._owns_descriptor() and remove_if_size(self._descriptor, self.path, size)

    def close(self) -> None:
        """Close the file; the last reference to it does so by itself."""
        descriptor, self._descriptor = self._descriptor, -1
        # Others may have closed it and have its number now.
        if descriptor >= 0 and identity(descriptor) in (self._identity, self._next_identity):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    # A thread may still be writing its last record into a file that `init_logging` has just
    # replaced. Its reference keeps the descriptor open until it is done.
    __del__ = close
