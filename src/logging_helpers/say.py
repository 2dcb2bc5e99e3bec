"""Says things on stderr that cannot go through logging, each once per process."""

from __future__ import annotations

import sys
from typing import TextIO

from logging_helpers import printing

_said: set[str] = set()


def say(text: str) -> None:
    """Print one line on stderr. Never raises."""
    stream: TextIO | None = sys.stderr
    if stream is None or stream is printing.dead_stream:
        return
    printing.print_line(stream, f"ranklog: {text}\n", flush=True)


def say_once(text: str) -> None:
    """Print one line on stderr unless it was printed before."""
    if text not in _said and len(_said) < 1000:
        _said.add(text)
        say(text)


def forget_said() -> None:
    """Let everything be said again, for a fresh start."""
    _said.clear()
