"""The file of one rank: one ``write(2)`` per record, whatever happens to the storage."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from collections.abc import Callable

from logging_helpers.outputs.cut_marks import append_mark, close_in_place, ends_in_newline
from logging_helpers.outputs.episode import Episode, now
from logging_helpers.outputs.exchange import exchange_lock, is_free
from logging_helpers.outputs.followed_file import FollowedFile
from logging_helpers.outputs.rotation import is_linked, rotate
from logging_helpers.outputs.tidying import start_tidying
from logging_helpers.say import say, say_once
from logging_helpers.settings.resolve import Rotation
from ranklog.line_format import Layout, live_name

_CHECK_SECONDS = 1.0
"""How often to look whether the file was taken away."""
_RETRY_SECONDS = 10.0
"""How long to wait after a rotation that failed."""
_WAIT_SECONDS = 0.1
"""How long to wait, in an episode, for another thread that ends it."""


class RankFile(FollowedFile):
    """Appends records; whatever the storage does, `write` raises nothing and waits for no lock.

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
        super().__init__(os.path.join(directory, live_name(rank, layout.suffix)), layout.cut_mark)
        self.directory = directory
        self.rank = rank
        self.layout = layout
        self._compose_notice = compose_notice
        self._episode: Episode | None = None
        if self._unmarked is not None:  # nothing may be glued to what was cut
            self._episode = Episode(_reason(self._unmarked), now(), 0)
        self._unchecked = 0  # records since the file was last seen in its place
        self._mark_checked()
        self._next_rotation = 0.0
        self._said_no_rotation = False
        self.set_rotation(rotation)

    def set_rotation(self, rotation: Rotation) -> None:
        """Change when the file is rotated, from the next record on."""
        self._rotation = rotation
        self._max_bytes = sys.maxsize if rotation.max_bytes is None else rotation.max_bytes

    def write(self, data: bytes, *, is_banner: bool = False) -> None:
        """Append whole records with one ``write(2)``.

        A record that cannot be written is lost and counted; stderr is told once per
        episode, and the file, when it can be written to again, how many were lost.

        Raises:
            Exception: There is no memory or no stack left; nothing is written then.
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
        # The record is written: no memory or stack left from here on must not have it
        # written again. The next record does what was not done.
        try:
            if end >= self._max_bytes:
                self._rotate()
            if time.monotonic() >= self._next_check:
                self._check(data)
        except Exception as error:
            with contextlib.suppress(Exception):
                say_once(f"{self.path} could not be looked after: {type(error).__name__}: {error}")

    def count_lost(self, reason: str) -> bool:
        """Count a record that was not written; the file is told when it can be written to.

        Args:
            reason: Why, for a person.

        Returns:
            Whether nobody has been told of the episode yet.
        """
        lock = exchange_lock()
        with lock if is_free(lock, _WAIT_SECONDS) else contextlib.nullcontext():
            episode = self._episode
            if episode is None:
                episode = self._episode = Episode(reason, now(), 0)
            episode.add()
            was_said, episode.is_said = episode.is_said, True
        return not was_said

    def after_fork_in_child(self) -> None:
        """Leave it to the parent to tell what it has lost."""
        self._unchecked = 0
        if self._unmarked is None:
            self._episode = None

    def _append(self, data: bytes) -> None:
        """Write a record, or mark what was written of it as cut.

        Raises:
            OSError: It is not in the file as a whole.
        """
        # Somebody else's record may have ended the torn line meanwhile.
        if self._unmarked is not None and not ends_in_newline(self._descriptor):
            append_mark(self._descriptor, self.path, self._cut_mark)
        self._unmarked = None
        written = os.write(self._descriptor, data)
        if written != len(data):
            self._mark_cut(data, written)
            raise self._no_space()

    def _write_again(self, data: bytes, written: int) -> None:
        """Mark a record that was written in part as cut, and write it whole after that."""
        self._mark_cut(data, written)
        self._append(data)

    def _mark_cut(self, data: bytes, written: int) -> None:
        is_marked = written == 0 or close_in_place(
            self._descriptor, self.path, data, written, self._cut_mark
        )
        self._unmarked = None if is_marked else self._no_space()

    def _no_space(self) -> OSError:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)

    def _lose(self, data: bytes, error: OSError) -> None:
        if self._episode is None:
            # If only the file was taken away, or its descriptor closed, another is opened.
            with contextlib.suppress(OSError):
                if self._check():
                    self._append(data)
                    return
        self._count_and_say(error)

    def _count_and_say(self, error: OSError) -> None:
        reason = _reason(error)
        if self.count_lost(reason):
            say(
                f"cannot write to {self.path}: {reason}; records are lost to the file"
                " until this is over, the console goes on"
            )

    def _recover(self) -> None:
        """End the episode by saying what was lost in it; raises `OSError` while it lasts."""
        lock = exchange_lock()
        if not is_free(lock, _WAIT_SECONDS):
            return
        with lock:
            episode = self._episode
            if episode is None:  # another thread was faster
                return
            self._follow_path()
            self._append(self._compose_notice(episode.notice()) if episode.count else b"")
            self._episode = None
            self._mark_checked()
        if episode.count:
            say(f"{self.path} can be written to again; {episode.count_text()}: {episode.reason}")

    def _rotate(self) -> None:
        lock = exchange_lock()
        problem: str | None = None
        if time.monotonic() < self._next_rotation or not is_free(lock):
            return
        try:
            with lock:
                if not (self._owns_descriptor() and is_linked(self._descriptor)):
                    self._next_check = 0.0  # closed or removed by others: look at once
                    return
                has_rotated = rotate(
                    self._descriptor,
                    self.directory,
                    self.rank,
                    self.layout,
                    self._max_bytes,
                    self._reopen,
                )
        except FileNotFoundError:
            self._next_check = 0.0  # the directory was removed: look at once
            return
        except OSError as error:
            self._next_rotation = time.monotonic() + _RETRY_SECONDS
            problem = _reason(error)
        if problem is not None:
            if not self._said_no_rotation:
                self._said_no_rotation = True
                say(f"cannot rotate {self.path}: {problem}; it grows on")
        elif has_rotated:
            self._said_no_rotation = False
            self._unchecked = 0
            start_tidying(self.directory, self.rank, self.layout.suffix, self._rotation)

    def _check(self, data: bytes | None = None) -> bool:
        """Go on under the file's name if somebody removed or replaced the file.

        Args:
            data: The record that was just written, if one was. It is written again where it
                went with a file that is gone.

        Returns:
            Whether the file is another one now.
        """
        self._next_check = time.monotonic() + _CHECK_SECONDS
        lock = exchange_lock()
        if self._episode is not None or not is_free(lock):
            return False
        with lock:
            is_ours = self._owns_descriptor()
            # A piece that another process rotated is still there, and so are its records.
            if is_ours and is_linked(self._descriptor):
                try:
                    has_moved = self._follow_path()
                except OSError:
                    return False  # records go on into the piece; asked again in a second
                self._mark_checked()
                return has_moved
            self._episode = self._gone(is_ours, data is not None)
        try:
            self._recover()
        except OSError as error:
            if data is not None:
                self._count_and_say(error)
            return False
        if data is not None:
            try:
                self._append(data)
            except OSError as error:
                self._lose(data, error)
        return True

    def _gone(self, is_ours: bool, is_written_again: bool) -> Episode:
        """What went with a file that is gone, or with a descriptor that is somebody else's."""
        if is_ours:
            reason = "the file was removed or replaced"
            return Episode(reason, self._last_check, self._unchecked - is_written_again)
        # A descriptor that is just closed took nothing. One that others have reused took what
        # was written since they have it, and nobody knows since when.
        reason = "the program closed the file's descriptor, and used its number for another file"
        count = self._unchecked - 1 if is_written_again else 0
        return Episode(reason, self._last_check, count, is_sure=False)

    def _mark_checked(self) -> None:
        self._unchecked = 0
        self._last_check = now()
        self._next_check = time.monotonic() + _CHECK_SECONDS


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
