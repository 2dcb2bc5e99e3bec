"""The lock held while descriptors are exchanged, never around a record's write.

Not a reason to wait: who finds it taken comes back with its next record. That makes it safe
in signal handlers, which may interrupt their own thread while it holds the lock.

Usage::

    lock = exchange_lock()
    if is_free(lock):
        with lock:
            ...

and not ``lock.acquire(blocking=False)``: an exception that a signal handler raises, as at
Ctrl-C, can come after that and before any ``try``, and the lock would be taken for ever.
Another thread may take the lock between the two lines. It has never to wait for this one.
"""

from __future__ import annotations

import os
import threading
import time

_LOOK_SECONDS = 0.001

_lock = threading.Lock()


def exchange_lock() -> threading.Lock:
    """The lock of this process; a forked child has another."""
    return _lock


def is_free(lock: threading.Lock, wait_seconds: float = 0.0) -> bool:
    """Whether nobody holds the lock.

    Args:
        lock: What `exchange_lock` gave.
        wait_seconds: How long to wait for that.
    """
    if not lock.locked():
        return True
    deadline = time.monotonic() + wait_seconds
    while time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
        if not lock.locked():
            return True
    return False


def _renew() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # another thread of the parent may have held it
    os.register_at_fork(after_in_child=_renew)
