"""The file of one rank: one ``write(2)`` per record, whatever happens to the storage."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone

from logging_helpers.outputs.open_log import ends_in_newline, open_log
from logging_helpers.outputs.rotation import is_same_file, reopen, rotate, start_tidying
from logging_helpers.say import say
from logging_helpers.settings.resolve import Rotation
from ranklog.line_format import Layout, live_name

_CHECK_SECONDS = 1.0
"""How often to look whether the file was taken away."""
_RETRY_SECONDS = 10.0
"""How long to wait after a rotation that failed."""


@dataclass(slots=True)
class _Episode:
    """A time during which records could not be written."""

    first: datetime
    last: datetime
    count: int
    error: OSError


class RankFile:
    """Appends records; `write` never raises and takes no lock.

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
        self._descriptor = open_log(self.path, layout.cut_mark)
        self._episode: _Episode | None = None
        self._next_check = time.monotonic() + _CHECK_SECONDS
        self._next_rotation = 0.0
        self.set_rotation(rotation)

    def set_rotation(self, rotation: Rotation) -> None:
        """Change when the file is rotated, from the next record on."""
        self._rotation = rotation
        self._max_bytes = sys.maxsize if rotation.max_bytes is None else rotation.max_bytes

    def write(self, data: bytes) -> None:
        """Append whole records with one ``write(2)``. Never raises.

        A record that cannot be written is lost and counted; stderr is told once per
        episode, and the file, when it can be written to again, how many were lost.
        """
        try:
            if self._episode is not None:
                self._recover()
            if os.write(self._descriptor, data) != len(data):
                self._write_again(data)
            # Opened to append, the position after a write is the end of the file: this
            # tells its size, other writers' records included, without asking the path.
            end = os.lseek(self._descriptor, 0, os.SEEK_CUR)
        except OSError as error:
            self._lose(error)
            return
        if end >= self._max_bytes:
            self._rotate()
        now = time.monotonic()
        if now >= self._next_check:
            self._next_check = now + _CHECK_SECONDS
            self._check()

    def _write_again(self, data: bytes) -> None:
        """Mark a record that was written in part as cut, and write it whole after that."""
        marked = self.layout.cut_mark + data
        if os.write(self._descriptor, marked) != len(marked):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)

    def _lose(self, error: OSError) -> None:
        now = datetime.now(timezone.utc)
        episode = self._episode
        if episode is None:
            self._episode = _Episode(now, now, 1, error)
            say(
                f"cannot write to {self.path}: {error.strerror}; records are lost to the file"
                " until this is over, the console goes on"
            )
        else:
            episode.last = now
            episode.count += 1
        # The directory may have gone and come back.
        with contextlib.suppress(OSError):
            if not is_same_file(self._descriptor, self.path):
                reopen(self._descriptor, self.path, self.layout.cut_mark)

    def _recover(self) -> None:
        """Try to write what has to be said of the episode; raises while it lasts."""
        episode = self._episode
        if episode is None:  # another thread was faster
            return
        lost = "1 record was" if episode.count == 1 else f"{episode.count} records were"
        notice = self._compose_notice(
            f"{lost} lost between {_stamp(episode.first)} and {_stamp(episode.last)}:"
            f" {episode.error.strerror}"
        )
        # Somebody else's record may have ended a torn line of ours meanwhile.
        if not ends_in_newline(self._descriptor):
            notice = self.layout.cut_mark + notice
        if os.write(self._descriptor, notice) != len(notice):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)
        self._episode = None
        say(f"{self.path} can be written to again; {lost} lost")

    def _rotate(self) -> None:
        now = time.monotonic()
        if now < self._next_rotation:
            return
        try:
            has_rotated = rotate(
                self._descriptor, self.directory, self.rank, self.layout, self._max_bytes
            )
        except OSError as error:
            self._next_rotation = now + _RETRY_SECONDS
            say(f"cannot rotate {self.path}: {error.strerror}; it grows on")
            return
        if has_rotated:
            start_tidying(self.directory, self.rank, self.layout.suffix, self._rotation)

    def _check(self) -> None:
        """Go on under the file's name if somebody removed or replaced the file."""
        try:
            if not is_same_file(self._descriptor, self.path):
                reopen(self._descriptor, self.path, self.layout.cut_mark)
        except OSError as error:
            self._lose_file(error)

    def _lose_file(self, error: OSError) -> None:
        # The next record goes into the file that was taken away: count it as lost.
        self._lose(error)

    def close(self) -> None:
        """Close the file; the last reference to it does so by itself."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    # A thread may still be writing its last record into a file that `init_logging` has just
    # replaced. Its reference keeps the descriptor open until it is done.
    __del__ = close


def _stamp(time: datetime) -> str:
    return time.isoformat(" ", "milliseconds")
