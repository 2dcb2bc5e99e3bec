"""One file that is still written to, whatever name it has by now."""

from __future__ import annotations

import gzip
import math
import os
import time
import zlib

from ranklog.files.content import PlainFile, opened_gzip
from ranklog.files.record_blocks import Cutter
from ranklog.line_format import Layout

FINGERPRINT_BYTES = 128
_LEAST_BYTES = 40
"""With so many the first record's time is whole, in either layout; before, files look the same."""
_CUT_SECONDS = 2.0
_FIRST_BYTES = tuple(bytes([byte]) for byte in b"0123456789{")
_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)


def read_fingerprint(path: str, *, is_gzip: bool) -> bytes:
    """The first bytes of a file, by which it is known under every name it gets.

    They hold the time of its first record in microseconds. An inode would not do: the number of
    a piece that was compressed is given to the next file that is made.

    Returns:
        At most `FINGERPRINT_BYTES` bytes; empty where too few are there yet.

    Raises:
        OSError: It cannot be read, or, compressed, is damaged or not whole yet.
    """
    try:
        file = opened_gzip(path) if is_gzip else PlainFile(path)
        fingerprint = file.read(FINGERPRINT_BYTES)
        return fingerprint if len(fingerprint) >= _LEAST_BYTES else b""
    except FileNotFoundError:  # removed since
        return b""
    except (EOFError, zlib.error) as error:
        raise OSError(str(error)) from error


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
        self._begin = self._offset = offset
        self._cutter = Cutter(layout.reader().START)
        self._flushed = offset
        self._held = 0  # bytes that were read and not given out
        self.is_behind = True
        """Whether there was more to read than was read."""
        self.is_settling = False
        """Whether the last record that was read may not be whole yet."""
        self.moved_at: float | None = None
        """Since when another file has its name, or none, by the clock of the caller."""
        self.changed_at = now
        """When what came last was written, by the clock of the caller."""
        self.last_key = b""
        """Stamp of the record that was read last."""
        self.floor = b""
        """The same of the block before: disorder does not go further back."""
        self.open_item = b""
        """The record itself, where lines may still come below it."""
        self.pid: int | None = None
        """Process id of the banner above it."""
        # What is left of a compressed file: to begin it anew for each block would take for ever.
        self._unzipped: gzip.GzipFile | None = None
        self._is_whole = False
        self._cut: tuple[int, float] | None = None
        """Size when it was found shorter than what was read, and since when."""
        self._broken_bytes = -1  # its size when it was found damaged

    @property
    def holds(self) -> bool:
        """Whether something was read and not given out."""
        return self._held > 0

    @property
    def has_only_junk(self) -> bool:
        """Whether something was read, and no record found."""
        return self._offset > self._begin and not self.last_key

    @property
    def given_offset(self) -> int:
        """How many bytes of the file were given out."""
        return self._offset - self._held

    def is_same(self, fingerprint: bytes) -> bool:
        """Whether a fingerprint is of this file, which may have been shorter."""
        length = min(len(fingerprint), len(self.fingerprint))
        return length >= _LEAST_BYTES and fingerprint[:length] == self.fingerprint[:length]

    def found_at(self, path: str, now: float, *, is_gzip: bool) -> None:
        """Go on under another name, or the same.

        Args:
            path: Its name now.
            now: The time, in seconds of any clock.
            is_gzip: Whether that is compressed.
        """
        self.moved_at = None
        if path != self.path:
            self.path, self.is_gzip = path, is_gzip
            # Whoever renamed it wrote to it, perhaps since it was looked at.
            self.changed_at = now
            self._unzipped, self._broken_bytes = None, -1

    def read(self, now: float, size: int) -> bytes:
        """Whole records that came since, or nothing.

        Args:
            now: The time, in seconds of any clock.
            size: How many bytes to read.

        Raises:
            OSError: It cannot be read.
        """
        self.is_behind = False
        data = self._new_from_gzip(now, size) if self.is_gzip else self._new_bytes(now, size)
        self.is_behind = len(data) == size
        if not data:
            return b""
        self._offset += len(data)
        whole = self._cutter.feed(data)
        self._held += len(data) - len(whole)
        return whole

    def flush(self) -> bytes:
        """The last whole record, which nothing has followed yet; nothing where there is none.

        A line without its newline is left for later, and with it the record above, unless the
        line begins another one: both layouts begin with a character that no further line has.
        """
        if self._flushed == self._offset:  # however long a torn record is, it is looked at once
            return b""
        self._flushed = self._offset
        rest = self._cutter.rest()
        end = rest.rfind(b"\n") + 1
        if end < len(rest) and rest[end : end + 1] not in _FIRST_BYTES:
            end = 0
        given = rest[:end] + self._cutter.feed(rest[end:])
        self._held = len(rest) - len(given)
        return given

    def end(self) -> bytes:
        """What is left where no more will come, a torn record marked as cut.

        It counts as not given out: whoever reads on another day may find it whole.
        """
        self._cutter.end_line(self._layout.cut_mark)
        return self._cutter.rest()

    def _new_bytes(self, now: float, size: int) -> bytes:
        try:
            descriptor = os.open(self.path, _FLAGS)
        except FileNotFoundError:
            self.moved_at = self.moved_at or now
            return b""
        try:
            status = os.fstat(descriptor)
            if status.st_size == self._offset:
                self._cut = None
                return b""
            begin = os.read(descriptor, FINGERPRINT_BYTES)
            if not self.is_same(begin):
                self.moved_at = self.moved_at or now
                return b""
            self.fingerprint = begin
            self._look_whether_cut(status.st_size, now)
            os.lseek(descriptor, self._offset, os.SEEK_SET)
            data = os.read(descriptor, size)
        finally:
            os.close(descriptor)
        if data:
            self.changed_at = now - max(time.time() - status.st_mtime, 0.0)
        return data

    def _look_whether_cut(self, size: int, now: float) -> None:
        """Go on at the end of a file that was cut off there.

        A network file system may say an old size for a while, at which all that came since would
        come again.
        """
        if size >= self._offset:
            self._cut = None
        elif self._cut is None:
            self._cut = size, now
        elif now - self._cut[1] >= _CUT_SECONDS:
            self._offset = self._flushed = self._cut[0]
            self._cut = None
            self._cutter.rest()
            self._held = 0
            self.open_item = b""

    def _new_from_gzip(self, now: float, size: int) -> bytes:
        if self._is_whole:
            return b""
        chunks: list[bytes] = []
        missing = size
        try:
            compressed_bytes = os.stat(self.path).st_size
            if compressed_bytes == self._broken_bytes:
                return b""
            if self._unzipped is None:
                self._unzipped = opened_gzip(self.path)
                self._unzipped.seek(self._offset)
            while missing:
                chunk = self._unzipped.read1(missing)
                if not chunk:  # its end, with a checksum; nobody adds to it
                    self._is_whole = True
                    break
                chunks.append(chunk)
                missing -= len(chunk)
        except FileNotFoundError:
            self.moved_at = self.moved_at or now
        except (OSError, EOFError, zlib.error) as error:
            self._unzipped = None
            if not chunks:
                if not (isinstance(error, OSError) and error.errno):  # as it will be next time
                    self._broken_bytes = compressed_bytes
                    raise OSError(str(error)) from error
                raise
        if self._is_whole:
            self.changed_at = -math.inf
        elif chunks:
            self.changed_at = now
        return b"".join(chunks)
