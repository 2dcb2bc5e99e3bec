"""What the stacks tell that `faulthandler` left below a rank's last record."""

from __future__ import annotations

import re

_FATAL = re.compile(r"^Fatal .*", re.MULTILINE)
_FRAME = re.compile(r"^  (File .*)", re.MULTILINE)
_CURRENT = "Current thread "


def fatal_error(stacks: str) -> str | None:
    """The fault of the process itself, such as ``"Fatal Python error: Segmentation fault"``.

    ``None`` where it was a signal from outside.
    """
    match = _FATAL.search(stacks)
    return None if match is None else match[0]


def was_at(stacks: str) -> str | None:
    """The innermost frame of the thread that got the signal, else of the first thread."""
    match = _FRAME.search(stacks, max(stacks.find(_CURRENT), 0))
    return None if match is None else match[1]


def is_watchdogs(stacks: str) -> bool:
    """Whether a thread that knows nothing of Python ended the process, as NCCL's watchdog does.

    `faulthandler` then names no current thread. Source: CPython's Modules/faulthandler.c, and
    torch's ProcessGroupNCCL.cpp, which calls ``abort`` after a collective has timed out.
    """
    return (fatal_error(stacks) or "").endswith("Aborted") and _CURRENT not in stacks
