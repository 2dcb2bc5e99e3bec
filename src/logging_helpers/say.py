"""Says things on stderr that cannot go through logging, each once per process."""

from __future__ import annotations

import contextlib
import sys

_said: set[str] = set()


def say(text: str) -> None:
    """Print one line on stderr. Never raises."""
    with contextlib.suppress(Exception):
        if sys.stderr is not None:
            sys.stderr.write(f"ranklog: {text}\n")
            sys.stderr.flush()


def say_once(text: str) -> None:
    """Print one line on stderr unless it was printed before."""
    if text not in _said and len(_said) < 1000:
        _said.add(text)
        say(text)


def forget_said() -> None:
    """Let everything be said again, for a fresh start."""
    _said.clear()
