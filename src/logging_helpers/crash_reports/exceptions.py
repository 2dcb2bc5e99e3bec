"""Puts exceptions that nobody caught into the rank's file; Python prints them as before."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from logging_helpers.outputs.file_output import FileOutput
from logging_helpers.outputs.plain_record import safe_text
from logging_helpers.outputs.tracebacks import format_exception
from ranklog.line_format import safe_repr

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_MOST_CHARACTERS = 500
"""Of an exception's text in the message; the traceback below it has all."""


class UncaughtExceptions:
    """Hooks that write a traceback to the rank's file, and then call those that were there.

    Nothing is printed here: the console gets what the hooks before ours print, and the exit
    code is Python's. Side effects: making one sets `sys.excepthook`, `threading.excepthook` and
    `sys.unraisablehook`; `stop` restores those that are still ours. One that others have put
    theirs in front of cannot be taken out: it only passes on from then on. It is never put
    back, either, as hooks that call each other in a circle would end in a RecursionError.

    Args:
        current_file: Gives the file to write to, if there is one.
    """

    def __init__(self, current_file: Callable[[], FileOutput | None]) -> None:
        self._current_file = current_file
        self._is_active = True
        self._reporting: set[int] = set()
        # Bound once: a method is another object each time it is looked up.
        self._ours = (self._uncaught, self._uncaught_in_thread, self._unraisable)
        self._before = _hooks()
        sys.excepthook, threading.excepthook, sys.unraisablehook = self._ours

    def is_first(self) -> bool:
        """Whether nobody has set other hooks since."""
        return all(now is ours for now, ours in zip(_hooks(), self._ours, strict=True))

    def stop(self) -> None:
        """Restore the hooks that were there."""
        self._is_active = False
        if sys.excepthook is self._ours[0]:
            sys.excepthook = self._before[0]
        if threading.excepthook is self._ours[1]:
            threading.excepthook = self._before[1]
        if sys.unraisablehook is self._ours[2]:
            sys.unraisablehook = self._before[2]

    def _uncaught(
        self, kind: type[BaseException], value: BaseException, frames: TracebackType | None
    ) -> None:
        self._report(lambda: "uncaught", kind, value, frames)
        self._before[0](kind, value, frames)

    def _uncaught_in_thread(self, caught: threading.ExceptHookArgs) -> None:
        def start() -> str:
            name = "?" if caught.thread is None else safe_text(caught.thread.name)
            return f"uncaught in thread {name}:"

        self._report(start, caught.exc_type, caught.exc_value, caught.exc_traceback)
        self._before[1](caught)

    def _unraisable(self, ignored: UnraisableHookArgs) -> None:
        def start() -> str:
            where = ignored.err_msg or "Exception ignored in"  # Python's own words
            return (
                f"{where}:" if ignored.object is None else f"{where} {safe_repr(ignored.object)}:"
            )

        self._report(start, ignored.exc_type, ignored.exc_value, ignored.exc_traceback)
        self._before[2](ignored)

    def _report(
        self,
        start: Callable[[], str],
        kind: type[BaseException] | None,
        value: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        """Write one record to the file. Never raises."""
        if not self._is_active or kind is None:
            return
        # Whatever is raised here must not hide what Python is about to print, also not where
        # it is about to end and has taken our modules apart. A ``__repr__`` that leaves an
        # unraisable exception behind would otherwise go on without end.
        try:
            thread = threading.get_ident()
            if thread in self._reporting:
                return
            self._reporting.add(thread)
            try:
                file = self._current_file()
                if file is not None:
                    self._write(file, start, kind, value, frames)
            finally:
                self._reporting.discard(thread)
        except Exception:
            return

    def _write(
        self,
        file: FileOutput,
        start: Callable[[], str],
        kind: type[BaseException],
        value: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        if issubclass(kind, SystemExit):
            return
        place = _place(frames)
        if issubclass(kind, KeyboardInterrupt):
            # Somebody wanted this. Where the rank was is worth a line, no traceback.
            file.write_now("WARNING", place, "interrupted by KeyboardInterrupt", None)
            return
        trace = format_exception(kind, value, frames)
        text = safe_text(value).partition("\n")[0][:_MOST_CHARACTERS]
        message = f"{start()} {kind.__qualname__}" + (f": {text}" if text else "")
        file.write_now("CRITICAL", place, message, trace)


def _hooks() -> tuple[Callable[..., Any], ...]:
    return (sys.excepthook, threading.excepthook, sys.unraisablehook)


def _place(frames: TracebackType | None) -> tuple[str | None, str, int]:
    """The module, function and line where an exception was raised."""
    if frames is None:
        return "", "", 0
    while frames.tb_next is not None:
        frames = frames.tb_next
    code = frames.tb_frame.f_code
    return frames.tb_frame.f_globals.get("__name__"), code.co_name, frames.tb_lineno
