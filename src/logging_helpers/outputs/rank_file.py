"""The file of one rank: one ``write(2)`` per record, whatever happens to the storage."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
import time
from collections.abc import Callable

from logging_helpers.outputs.cut_marks import close_in_place, ends_in_newline
from logging_helpers.outputs.episode import Episode, now
from logging_helpers.outputs.open_log import open_log
from logging_helpers.outputs.rotation import (
    identity,
    is_linked,
    is_same_file,
    remove_if_size,
    reopen,
    rotate,
)
from logging_helpers.outputs.tidying import start_tidying
from logging_helpers.say import say
from logging_helpers.settings.resolve import Rotation
from ranklog.line_format import Layout, live_name

_CHECK_SECONDS = 1.0
"""How often to look whether the file was taken away."""
_RETRY_SECONDS = 10.0
"""How long to wait after a rotation that failed."""
_WAIT_SECONDS = 0.1
"""How long to wait, in an episode, for another thread that ends it."""

# Held while descriptors are exchanged, never around a record's write. Not a reason to wait:
# who finds it taken comes back with its next record. Hence safe in signal handlers.
_exchange = threading.Lock()


def _renew_exchange() -> None:
    global _exchange
    _exchange = threading.Lock()


if hasattr(os, "register_at_fork"):  # another thread of the parent may have held it
    os.register_at_fork(after_in_child=_renew_exchange)


class RankFile:
    """Appends records; `write` never raises, and takes no lock while all is well.

    Args:
        directory: Absolute path of the ``logs`` directory; made if it is missing.
        rank: Whose file.
        layout: How records are laid out.
        rotation: When to rotate, and what becomes of the pieces.
        compose_notice: Lays out a record about the file itself, for the file.

    Raises:
        OSError: The file cannot be opened.
    """

    def __init__(
        self,
        directory: str,
        rank: int | None,
        layout: Layout,
        rotation: Rotation,
        compose_notice: Callable[[str], bytes],
    ) -> None:
        self._descriptor = -1
        self.directory = directory
        self.rank = rank
        self.layout = layout
        self.path = os.path.join(directory, live_name(rank, layout.suffix))
        self._compose_notice = compose_notice
        # Told of another number; it stays the same as long as nobody else closes it.
        self.on_new_descriptor: Callable[[int], None] | None = None
        self._descriptor, self._identity = open_log(self.path, layout.cut_mark)
        self._episode: Episode | None = None
        self._owes_mark = False
        self._unchecked = 0  # records since the file was last seen in its place
        self._mark_checked()
        self._next_rotation = 0.0
        self._said_no_rotation = False
        self.set_rotation(rotation)

    @property
    def descriptor(self) -> int:
        """The open file, also after rotations; see `on_new_descriptor`."""
        return self._descriptor

    def set_rotation(self, rotation: Rotation) -> None:
        """Change when the file is rotated, from the next record on."""
        self._rotation = rotation
        self._max_bytes = sys.maxsize if rotation.max_bytes is None else rotation.max_bytes

    def write(self, data: bytes, *, is_banner: bool = False) -> None:
        """Append whole records with one ``write(2)``. Never raises.

        A record that cannot be written is lost and counted; stderr is told once per
        episode, and the file, when it can be written to again, how many were lost.
        """
        try:
            if self._episode is not None:
                self._recover()
            written = os.write(self._descriptor, data)
            if written != len(data):
                self._write_again(data, written)
            # Opened to append, the position after a write is the end of the file: this
            # tells its size, other writers' records included, without asking the path.
            # After the banner, at the start of a thousand ranks, it can wait for a record.
            end = 0 if is_banner else os.lseek(self._descriptor, 0, os.SEEK_CUR)
        except OSError as error:
            self._lose(data, error)
            return
        self._unchecked += 1
        if end >= self._max_bytes:
            self._rotate()
        if time.monotonic() >= self._next_check:
            self._check()

    def _append(self, data: bytes) -> None:
        """Write a record, or mark what was written of it as cut.

        Raises:
            OSError: It is not in the file as a whole.
        """
        # Somebody else's record may have ended the torn line meanwhile.
        if self._owes_mark and not ends_in_newline(self._descriptor):
            data = self.layout.cut_mark + data
        written = os.write(self._descriptor, data)
        self._owes_mark = False
        if written != len(data):
            self._mark_cut(data, written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)

    def _write_again(self, data: bytes, written: int) -> None:
        """Mark a record that was written in part as cut, and write it whole after that."""
        self._mark_cut(data, written)
        self._append(data)

    def _mark_cut(self, data: bytes, written: int) -> None:
        self._owes_mark = written > 0 and not close_in_place(
            self._descriptor, self.path, data, written, self.layout.cut_mark
        )

    def _lose(self, data: bytes, error: OSError) -> None:
        if self._episode is None:
            # If only the file was taken away, or its descriptor closed, another is opened.
            with contextlib.suppress(OSError):
                if self._check():
                    self._append(data)
                    return
        reason = error.strerror or type(error).__name__
        exchange = _exchange
        is_alone = exchange.acquire(timeout=_WAIT_SECONDS)
        try:
            episode = self._episode
            if episode is None:
                self._episode = Episode(reason, now(), 1)
            else:
                episode.add()
        finally:
            if is_alone:
                exchange.release()
        if episode is None:
            self._say_loss(reason)

    def _say_loss(self, reason: str) -> None:
        say(
            f"cannot write to {self.path}: {reason}; records are lost to the file"
            " until this is over, the console goes on"
        )

    def _recover(self) -> None:
        """End the episode by saying what was lost in it; raises `OSError` while it lasts."""
        exchange = _exchange
        if not exchange.acquire(timeout=_WAIT_SECONDS):
            return
        try:
            episode = self._episode
            if episode is None:  # another thread was faster
                return
            self._follow_path()
            self._append(self._compose_notice(episode.notice()))
            self._episode = None
            self._mark_checked()
        finally:
            exchange.release()
        say(f"{self.path} can be written to again; {episode.count_text()}: {episode.reason}")

    def _rotate(self) -> None:
        exchange = _exchange
        problem: str | None = None
        if time.monotonic() < self._next_rotation or not exchange.acquire(blocking=False):
            return
        try:
            if not (self._owns_descriptor() and is_linked(self._descriptor)):
                self._next_check = 0.0  # closed or removed by others: look at once
                return
            has_rotated = rotate(
                self._descriptor, self.directory, self.rank, self.layout, self._max_bytes
            )
            self._identity = identity(self._descriptor) or self._identity
        except FileNotFoundError:
            self._next_check = 0.0  # the directory was removed: look at once
            return
        except OSError as error:
            self._next_rotation = time.monotonic() + _RETRY_SECONDS
            problem = error.strerror or type(error).__name__
        finally:
            exchange.release()
        if problem is not None:
            if not self._said_no_rotation:
                self._said_no_rotation = True
                say(f"cannot rotate {self.path}: {problem}; it grows on")
        elif has_rotated:
            self._said_no_rotation = False
            self._unchecked = 0
            start_tidying(self.directory, self.rank, self.layout.suffix, self._rotation)

    def _check(self) -> bool:
        """Go on under the file's name if somebody removed or replaced the file.

        Returns:
            Whether the file is another one now.
        """
        self._next_check = time.monotonic() + _CHECK_SECONDS
        exchange = _exchange
        if self._episode is not None or not exchange.acquire(blocking=False):
            return False
        try:
            # A piece that another process rotated is still there, and so are its records.
            if self._unchecked and self._owns_descriptor() and not is_linked(self._descriptor):
                reason = "the file was removed or replaced"
                self._episode = Episode(reason, self._last_check, self._unchecked)
            else:
                try:
                    has_moved = self._follow_path()
                except OSError:
                    return False  # records go on into the piece; asked again in a second
                self._mark_checked()
                return has_moved
        finally:
            exchange.release()
        try:
            self._recover()
        except OSError as error:
            self._say_loss(error.strerror or type(error).__name__)
            return False
        return True

    def _follow_path(self) -> bool:
        """Have the file that is at the path under the descriptor; True if it is another now.

        Raises:
            OSError: It cannot be opened.
        """
        if not self._owns_descriptor():
            self._descriptor, self._identity = open_log(self.path, self.layout.cut_mark)
            if self.on_new_descriptor is not None:
                self.on_new_descriptor(self._descriptor)
            return True
        if is_same_file(self._descriptor, self.path):
            return False
        reopen(self._descriptor, self.path, self.layout.cut_mark)
        self._identity = identity(self._descriptor) or self._identity
        return True

    def _owns_descriptor(self) -> bool:
        """False where others closed it (daemons do); its number may be somebody else's by now."""
        try:
            status = os.fstat(self._descriptor)
        except OSError as error:  # gone with its network file system, it is ours still
            return error.errno != errno.EBADF
        return (status.st_dev, status.st_ino) == self._identity

    def _mark_checked(self) -> None:
        self._unchecked = 0
        self._last_check = now()
        self._next_check = time.monotonic() + _CHECK_SECONDS

    def remove_if_size(self, size: int) -> bool:
        """Remove the file, if it has `size` bytes and nobody else has it open; see `rotation`."""
        return self._owns_descriptor() and remove_if_size(self._descriptor, self.path, size)

    def close(self) -> None:
        """Close the file; the last reference to it does so by itself."""
        descriptor, self._descriptor = self._descriptor, -1
        # Others may have closed it and have its number now.
        if descriptor >= 0 and identity(descriptor) == self._identity:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    # A thread may still be writing its last record into a file that `init_logging` has just
    # replaced. Its reference keeps the descriptor open until it is done.
    __del__ = close
