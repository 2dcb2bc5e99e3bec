"""One thread of ours prints at a time, and nobody forks while it does.

A buffered stream has a lock of its own that Python does not renew in a forked child: a child
forked in the middle of another thread's line would wait for it, with its first line, for ever.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from collections import deque
from typing import TextIO

WAIT_SECONDS = 2.0
"""How long to wait for another thread's line before printing into it, or forking within it."""
_MOST_OWED = 100
"""How many lines that came while one was printed are printed after it."""

dead_stream: TextIO | None = None
"""Locked by a thread of the parent, which does not exist here: not to be touched."""

# Re-entrant not for printing, but for its `release`, which refuses what this thread has not
# taken, and for a signal handler that forks while its own thread prints.
lock = threading.RLock()
"""Held while a line is printed."""
stream: TextIO | None = None
"""What the last who came prints on."""
_printing: set[int] = set()  # threads
_owed: deque[tuple[TextIO, str, bool]] = deque()
# Of threads that are forking: the lock, or None where it was waited for in vain.
_forking: dict[int, threading.RLock | None] = {}


def print_line(on: TextIO, line: str, flush: bool) -> None:
    """Print a line, one write, when no other thread prints. Never raises on account of a stream.

    Args:
        on: Where to.
        line: The line with its newline; nothing is written of an empty one.
        flush: Whether to flush the stream after it.
    """
    global stream
    thread = threading.get_ident()
    if thread in _printing:
        # A signal handler that logs while its own thread prints. Streams refuse to be written
        # to in the middle of a write; the line is printed after it.
        if len(_owed) < _MOST_OWED:
            _owed.append((on, line, flush))
        return
    held = lock
    # All within one `try`: an exception that a signal handler raises, as at Ctrl-C, can come
    # after any call, and must not leave the lock taken.
    try:
        _printing.add(thread)
        # Streams that programs put in place of stderr need not be safe for threads. One that
        # logs under a lock of its own, and waits here for us while we wait for its lock,
        # would wait for ever.
        if not held.acquire(False):
            held.acquire(timeout=WAIT_SECONDS)
        stream = on
        _print(on, line, flush)
        if _owed:
            _print_owed(on)
    finally:
        try:
            held.release()
        except RuntimeError:  # waited in vain: it is not ours
            pass
        finally:
            _printing.discard(thread)
    if _owed:
        # From a signal handler that logged after the last look: it may be the last line of all.
        print_line(on, "", False)


def _print_owed(on: TextIO) -> None:
    """Print the lines that came while this thread printed another."""
    # Python's own stream logs nothing: what comes meanwhile is of signal handlers, too. Any
    # other may log whenever it is written to, and would go on without end.
    may_log = type(on) is not io.TextIOWrapper
    for _ in range(len(_owed) if may_log else _MOST_OWED):
        if _owed:
            _print(*_owed.popleft())
    if may_log:
        _owed.clear()


def _print(on: TextIO, line: str, flush: bool) -> None:
    try:
        if line:
            try:
                on.write(line)
            except UnicodeEncodeError:
                on.write(_encodable(line, on))
        if flush:
            on.flush()
    except Exception:
        pass  # closed, full or broken: the file has the record


def _encodable(line: str, on: TextIO) -> str:
    encoding = getattr(on, "encoding", None) or "ascii"
    return line.encode(encoding, "backslashreplace").decode(encoding)


def _before_fork() -> None:
    held = lock
    _forking[threading.get_ident()] = held if held.acquire(timeout=WAIT_SECONDS) else None


def _after_fork_in_parent() -> None:
    held = _forking.pop(threading.get_ident(), None)
    if held is not None:
        held.release()


def _after_fork_in_child() -> None:
    global lock, dead_stream
    is_alone = _forking.get(threading.get_ident()) is not None
    _forking.clear()
    lock = threading.RLock()
    _printing.clear()  # other threads do not exist here
    _owed.clear()
    if not is_alone:
        dead_stream = stream
        if stream is not None and stream is sys.stderr:
            with contextlib.suppress(Exception):
                sys.stderr = _opened_anew(stream)


def _opened_anew(dead: TextIO) -> TextIO:
    # Not only for us: multiprocessing flushes stderr at the end of each child.
    return open(dead.fileno(), "w", 1, dead.encoding, dead.errors, closefd=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
