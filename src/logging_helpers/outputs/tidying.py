"""Compresses and deletes the rotated pieces of one rank.

Nothing that runs in the thread may import: a child forked at that moment inherits the module
half made, and locked by a thread that it does not have. Hence `zlib`, which loguru has imported
long before, and not `gzip`, for whose import nobody who does not compress should pay.
"""

import contextlib
import io
import os
import stat
import threading
import time
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from logging_helpers.outputs.open_log import has_locks, lock_exclusive, unlock
from logging_helpers.outputs.unshared import unshared
from logging_helpers.settings.resolve import Rotation
from ranklog.line_format import parse_name

_SAFE_AGE_SECONDS = 3600
"""How long a piece must not have been written to where no lock tells that nobody will.

A writer leaves a rotated piece with its next record. One that has written nothing for so
long, and has not ended, is hung or stopped.
"""
_COMPRESSION_LEVEL = 6
_GZIP_FORMAT = 16 + zlib.MAX_WBITS
_CHUNK_BYTES = 1 << 20


_Files = tuple[str, "int | None", str]
"""Directory, rank and suffix of pieces."""
_wanted: dict[_Files, Rotation] = {}
_busy: set[_Files] = set()


def _forget() -> None:  # the threads of the parent do not exist in a child
    _wanted.clear()
    _busy.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


class _Piece(NamedTuple):
    path: str
    size_bytes: int


def start_tidying(directory: str, rank: int | None, suffix: str, rotation: Rotation) -> None:
    """Compress and delete pieces as `rotation` says, in a thread of their own.

    The thread holds no records; the program's exit waits for it. While it is at it, those who
    want more only leave word: rotations may come faster than pieces can be compressed. Pieces
    it does not get to are left for the next rotation.
    """
    if not rotation.gzip and rotation.keep_pieces is None and rotation.keep_bytes is None:
        return
    files = (directory, rank, suffix)
    _wanted[files] = rotation
    if files in _busy:
        return
    _busy.add(files)
    thread = threading.Thread(target=_tidy_while_wanted, args=files, name="ranklog-tidy")
    try:
        thread.start()
    except BaseException as error:
        _busy.discard(files)
        # At the end of the interpreter no threads can be started.
        if not isinstance(error, RuntimeError):
            raise


def _tidy_while_wanted(directory: str, rank: int | None, suffix: str) -> None:
    files = (directory, rank, suffix)
    # No lock, which a signal handler that logs could wait for: should two do this at once,
    # they do each other no harm, as two processes do not.
    while (rotation := _wanted.pop(files, None)) is not None:
        _busy.add(files)
        try:
            tidy(directory, rank, suffix, rotation)
        finally:
            _busy.discard(files)


def tidy(directory: str, rank: int | None, suffix: str, rotation: Rotation) -> None:
    """Compress and delete a rank's pieces; those somebody still writes to are left alone."""
    with contextlib.suppress(OSError):
        if rotation.gzip:
            for piece in _pieces(directory, rank, suffix):
                if not piece.path.endswith(".gz"):
                    _compress(piece.path)
        pieces = _pieces(directory, rank, suffix)
        # One that is still open stays, but no younger one goes in its place.
        for piece in pieces[: _surplus(pieces, rotation)]:
            _delete(piece.path)


def _surplus(pieces: list[_Piece], rotation: Rotation) -> int:
    """How many of the oldest pieces are too many."""
    surplus = 0
    if rotation.keep_pieces is not None:
        surplus = max(0, len(pieces) - rotation.keep_pieces)
    if rotation.keep_bytes is not None:
        total = sum(piece.size_bytes for piece in pieces[surplus:])
        while total > rotation.keep_bytes:
            total -= pieces[surplus].size_bytes
            surplus += 1
    return surplus


def _pieces(directory: str, rank: int | None, suffix: str) -> list[_Piece]:
    """The rotated pieces of one rank, oldest first; never another rank's, never the live file."""
    found = []
    for entry in os.listdir(directory):
        name = parse_name(entry)
        if name and name.rotated and name.rank == (rank or 0) and name.suffix == suffix:
            path = os.path.join(directory, entry)
            with contextlib.suppress(FileNotFoundError):  # another process tidies as well
                status = os.lstat(path)
                if stat.S_ISREG(status.st_mode):
                    found.append((name.rotated, path, status.st_size))
    return [_Piece(path, size) for _, path, size in sorted(found)]


@contextlib.contextmanager
def _exclusively(path: str) -> Iterator[int | None]:
    """A descriptor of a piece that nobody else has open to write, else ``None``."""
    with unshared(path, os.O_RDONLY) as piece:
        descriptor = piece.fileno()
        is_ours = lock_exclusive(descriptor) and (
            path.endswith(".gz")  # nobody writes to it
            or has_locks(descriptor)
            or time.time() - os.fstat(descriptor).st_mtime > _SAFE_AGE_SECONDS
        )
        try:
            # Another process may have compressed it meanwhile.
            yield descriptor if is_ours and os.fstat(descriptor).st_nlink else None
        finally:
            # A child forked at the very moment has the same lock: closing is not enough.
            unlock(descriptor)


def _delete(path: str) -> None:
    with contextlib.suppress(OSError), _exclusively(path) as descriptor:
        if descriptor is not None:
            os.unlink(path)


def _compress(path: str) -> None:
    with contextlib.suppress(OSError), _exclusively(path) as descriptor:
        if descriptor is not None:
            _remove_leftovers(path)
            temporary = _temporary_start(path) + f"{os.getpid()}.tmp"
            try:
                _pack(descriptor, temporary)
                os.rename(temporary, path + ".gz")
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
            os.unlink(path)


def _temporary_start(path: str) -> str:
    directory, name = os.path.split(path)
    return os.path.join(directory, f".{name}.")


def _remove_leftovers(path: str) -> None:
    """Remove what a compressor left that was killed: whoever holds the piece is the only one."""
    directory, start = os.path.split(_temporary_start(path))
    for entry in os.listdir(directory):
        if entry.startswith(start) and entry.endswith(".tmp"):
            os.unlink(os.path.join(directory, entry))


def _pack(descriptor: int, target_path: str) -> None:
    packer = zlib.compressobj(_COMPRESSION_LEVEL, zlib.DEFLATED, _GZIP_FORMAT)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with unshared(target_path, flags) as target, open(descriptor, "rb", closefd=False) as source:
        packed = io.BufferedWriter(target)
        while chunk := source.read(_CHUNK_BYTES):
            packed.write(packer.compress(chunk))
        packed.write(packer.flush())
        packed.flush()
        # The original goes: what replaces it must survive a power failure.
        os.fsync(target.fileno())
