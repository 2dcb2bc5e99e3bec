"""One file that is still written to, whatever name it has by now."""

from __future__ import annotations

import gzip
import os
import zlib

from ranklog.files.record_blocks import Cutter
from ranklog.line_format import Layout

FINGERPRINT_BYTES = 128
_READ_BYTES = 1 << 20
_FIRST_BYTES = tuple(bytes([byte]) for byte in b"0123456789{")
_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)


def read_fingerprint(path: str, *, is_gzip: bool) -> bytes:
    """The first bytes of a file, by which it is known under every name it gets.

    They hold the time of its first record in microseconds. An inode would not do: the number of
    a piece that was compressed is given to the next file that is made.

    Returns:
        At most `FINGERPRINT_BYTES` bytes; empty where nothing is there yet.
    """
    try:
        return _read(path, 0, FINGERPRINT_BYTES, is_gzip=is_gzip)
    except (OSError, EOFError, zlib.error):  # removed since, or not whole yet
        return b""


def _read(path: str, offset: int, size: int, *, is_gzip: bool) -> bytes:
    if is_gzip:
        with gzip.open(path) as file:
            file.seek(offset)
            return file.read(size)
    descriptor = os.open(path, _FLAGS)
    try:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, size)
    finally:
        os.close(descriptor)


class GrowingFile:
    """Reads what comes, as whole records.

    Args:
        layout: How records are laid out.
        path: Its name now; set anew when it is found under another.
        is_gzip: Whether that is compressed.
        fingerprint: What `read_fingerprint` gives for it.
        now: The time, in seconds of any clock.
        offset: Where to begin, at the start of a record.
    """

    def __init__(
        self,
        layout: Layout,
        path: str,
        fingerprint: bytes,
        now: float,
        offset: int = 0,
        *,
        is_gzip: bool,
    ) -> None:
        self._layout = layout
        self.path = path
        self.is_gzip = is_gzip
        self.fingerprint = fingerprint
        self._offset = offset
        self._cutter = Cutter(layout.reader().START)
        self._held = 0  # bytes that were read and not given out
        self.is_behind = True
        """Whether there was more to read than was read."""
        self.moved_at: float | None = None
        """Since when another file has its name, or none, by the clock of the caller."""
        self.changed_at = now
        """When something came last, by the clock of the caller."""
        self.last_key = b""
        """Stamp of the record that was read last."""
        self.floor = b""
        """The same of the block before: disorder does not go further back."""
        self.open_item = b""
        """The record itself, where lines may still come below it."""
        self.pid: int | None = None
        """Process id of the banner above it."""

    @property
    def given_offset(self) -> int:
        """How many bytes of the file were given out."""
        return self._offset - self._held

    def is_same(self, fingerprint: bytes) -> bool:
        """Whether a fingerprint is of this file, which may have been shorter."""
        length = min(len(fingerprint), len(self.fingerprint))
        return length > 0 and fingerprint[:length] == self.fingerprint[:length]

    def read(self, now: float) -> bytes:
        """Whole records that came since, or nothing.

        Args:
            now: The time, in seconds of any clock.

        Raises:
            OSError: It cannot be read.
        """
        data = self._new_bytes(now)
        self.is_behind = len(data) == _READ_BYTES
        if not data:
            return b""
        self.changed_at = now
        self._offset += len(data)
        whole = self._cutter.feed(data)
        self._held += len(data) - len(whole)
        return whole

    def flush(self) -> bytes:
        """The last whole record, which nothing has followed yet; nothing where there is none.

        A line without its newline is left for later, and with it the record above, unless the
        line begins another one: both layouts begin with a character that no further line has.
        """
        rest = self._cutter.rest()
        end = rest.rfind(b"\n") + 1
        if end < len(rest) and rest[end : end + 1] not in _FIRST_BYTES:
            end = 0
        given = rest[:end] + self._cutter.feed(rest[end:])
        self._held = len(rest) - len(given)
        return given

    def end(self) -> bytes:
        """What is left where no more will come, a torn record marked as cut."""
        self._held = 0
        self._cutter.end_line(self._layout.cut_mark)
        return self._cutter.rest()

    def _new_bytes(self, now: float) -> bytes:
        try:
            if self.is_gzip:
                return _read(self.path, self._offset, _READ_BYTES, is_gzip=True)
            descriptor = os.open(self.path, _FLAGS)
        except FileNotFoundError:
            self.moved_at = self.moved_at or now
            return b""
        except (EOFError, zlib.error) as error:
            raise OSError(str(error)) from error
        try:
            if os.fstat(descriptor).st_size == self._offset:
                return b""
            begin = os.read(descriptor, FINGERPRINT_BYTES)
            if not self.is_same(begin):
                self.moved_at = self.moved_at or now
                return b""
            self.fingerprint = begin
            os.lseek(descriptor, self._offset, os.SEEK_SET)
            return os.read(descriptor, _READ_BYTES)
        finally:
            os.close(descriptor)
