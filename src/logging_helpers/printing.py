"""One thread of ours prints at a time, and nobody forks while it does.

A buffered stream has a lock of its own that Python does not renew in a forked child: a child
forked in the middle of another thread's line would wait for it, with its first line, for ever.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TextIO

WAIT_SECONDS = 2.0
"""How long to wait for another thread's line before printing into it, or forking within it."""

depth = 0
"""How many lines are in the middle of being printed, one within the other."""
dead_stream: TextIO | None = None
"""Locked by a thread of the parent, which does not exist here: not to be touched."""

# A signal handler may log while its own thread prints, hence not a plain Lock.
lock = threading.RLock()
"""Held while a line is printed; `begin` takes it."""
stream: TextIO | None = None
"""What the last who came prints on."""
# Of threads that are forking: the lock, or None where it was waited for in vain.
_forking: dict[int, threading.RLock | None] = {}


def begin(on: TextIO) -> threading.RLock | None:
    """Wait until no other thread prints, but not for ever.

    Returns:
        The lock, to be released after printing; ``None`` where it could not be had.
    """
    global stream
    # Streams that programs put in place of stderr need not be safe for threads. One that logs
    # under a lock of its own, and waits here for us while we wait for its lock, would wait
    # for ever.
    held = lock
    is_alone = held.acquire(False) or held.acquire(timeout=WAIT_SECONDS)
    stream = on
    return held if is_alone else None


def _before_fork() -> None:
    held = lock
    _forking[threading.get_ident()] = held if held.acquire(timeout=WAIT_SECONDS) else None


def _after_fork_in_parent() -> None:
    held = _forking.pop(threading.get_ident(), None)
    if held is not None:
        held.release()


def _after_fork_in_child() -> None:
    global lock, dead_stream, depth
    is_alone = _forking.get(threading.get_ident()) is not None
    _forking.clear()
    lock = threading.RLock()
    depth = 0  # other threads do not exist here
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
