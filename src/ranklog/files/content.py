"""The bytes of one file, read in pieces, whatever becomes of its name meanwhile."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ranklog.files.discover import Segment
from ranklog.line_format import Damage

if TYPE_CHECKING:
    from gzip import GzipFile

_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)


class PlainFile(io.RawIOBase):
    """A file that is opened for each read: a run may have more ranks than there are descriptors.

    If the file is renamed between two reads, as a rotation does, it is looked for by its inode
    under the names beside it.

    Args:
        path: Its path.
        offset: Where to begin, in bytes.

    Raises:
        OSError: From `read`: it cannot be opened or read, or is gone.
    """

    def __init__(self, path: str, offset: int = 0) -> None:
        self.path = path
        """Its path by now."""
        self.offset = offset
        """Where to read on."""
        self._inode: tuple[int, int] | None = None

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: object) -> int:
        """Read on."""
        view = memoryview(buffer)  # type: ignore[arg-type] # a buffer; typeshed names it so since 3.12
        data = self.read_at(self.offset, len(view))
        self.offset += len(data)
        view[: len(data)] = data
        return len(data)

    def read(self, size: int = -1) -> bytes:
        """Read on, at most `size` bytes; empty at the end."""
        if size < 0:
            return self.readall()
        data = self.read_at(self.offset, size)
        self.offset += len(data)
        return data

    def read_at(self, offset: int, size: int) -> bytes:
        """Read `size` bytes from `offset`; fewer at the end of the file."""
        descriptor = self._open()
        try:
            return _read(descriptor, size, offset)
        finally:
            os.close(descriptor)

    def size(self) -> int:
        """Bytes in the file now."""
        descriptor = self._open()
        try:
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        try:
            descriptor = os.open(self.path, _FLAGS)
        except FileNotFoundError:
            if self._inode is None:
                raise
        else:
            status = os.fstat(descriptor)
            inode = (status.st_dev, status.st_ino)
            if self._inode is None:
                self._inode = inode
            if inode == self._inode:
                return descriptor
            os.close(descriptor)
        return self._open_renamed()

    def _open_renamed(self) -> int:
        directory = os.path.dirname(self.path) or "."
        with os.scandir(directory) as entries:
            names = [one.name for one in entries if self._inode and one.inode() == self._inode[1]]
        for name in names:
            path = os.path.join(directory, name)
            descriptor = os.open(path, _FLAGS)
            status = os.fstat(descriptor)
            if (status.st_dev, status.st_ino) == self._inode:
                self.path = path
                return descriptor
            os.close(descriptor)
        raise FileNotFoundError(f"{self.path} was removed while it was read")


def _read(descriptor: int, size: int, offset: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(descriptor, size, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)  # Windows
    return os.read(descriptor, size)


def blocks(segment: Segment, size: int, damage: Damage, offset: int = 0) -> Iterator[bytes]:
    """The content of a segment, decompressed, from `offset`, in blocks of about `size` bytes.

    What cannot be read is told to `damage`, and ends the segment.
    """
    try:
        if segment.is_gzip:
            yield from _unzipped(segment.path, size, offset)
        else:
            yield from _plain(segment.path, size, offset)
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        damage.unreadable_file(segment.path, reason)


def _plain(path: str, size: int, offset: int) -> Iterator[bytes]:
    file = PlainFile(path, offset)
    try:
        while block := file.read(size):
            yield block
    except FileNotFoundError:
        compressed = f"{file.path}.gz"  # as a rotation leaves it, perhaps just now
        if not os.path.exists(compressed):
            raise
        yield from _unzipped(compressed, size, file.offset)


def opened_gzip(path: str) -> GzipFile:
    """A compressed file that holds no descriptor between two reads."""
    import gzip  # only few need it

    return gzip.GzipFile(fileobj=io.BufferedReader(PlainFile(path)))


def _unzipped(path: str, size: int, offset: int) -> Iterator[bytes]:
    import zlib

    with opened_gzip(path) as file:
        try:
            while offset > 0:
                skipped = len(file.read(min(offset, size)))
                if not skipped:
                    return
                offset -= skipped
            while block := file.read1(size):
                yield block
        except zlib.error as error:
            raise OSError(str(error)) from error
