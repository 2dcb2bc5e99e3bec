"""All that a process reports when it fails, for as long as it has a file."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal

from logging_helpers.crash_reports.exceptions import UncaughtExceptions
from logging_helpers.crash_reports.signals import FatalSignals, StackSignal
from logging_helpers.outputs.assembly import Setup
from logging_helpers.outputs.file_output import FileOutput

_CAN_REGISTER = hasattr(faulthandler, "register")  # not on Windows


class CrashReports:
    """Starts, moves and ends the reports of a process; without a file there are none."""

    def __init__(self) -> None:
        self._file: FileOutput | None = None
        self._exceptions: UncaughtExceptions | None = None
        self._fatal = FatalSignals()
        self._ending: StackSignal | None = None
        self._on_demand: StackSignal | None = None

    def follow(self, setup: Setup, file: FileOutput | None) -> None:
        """Report as `setup` says, into `file`.

        To be called before the file that was there until now is closed: `faulthandler`
        would go on to write to whatever gets its descriptor's number.
        """
        if file is None or not setup.settings.crash_reports:
            self.stop()
            return
        if self._file is not None and self._file is not file:
            self._file.file.on_new_descriptor = None
        self._file = file
        self._ensure_hooks()
        file.file.on_new_descriptor = self._hold
        if _CAN_REGISTER:
            self._choose_signals(setup)
        self._hold(file.file.descriptor)

    def ensure(self) -> None:
        """Come before the handlers and hooks that the program has set since."""
        if self._file is not None:
            self._ensure_hooks()
            for stack_signal in self._stack_signals():
                stack_signal.ensure(self._file.file.descriptor)

    def after_fork_in_child(self) -> None:
        """Be silent when the parent ends this child; a fault in it is still reported.

        The signal that asks for stacks stays as well: without us it would end the child.
        """
        if self._ending is not None:
            self._ending.release()
            self._ending = None

    def stop(self) -> None:
        """Report nothing any more."""
        if self._file is None:
            return
        self._file.file.on_new_descriptor = None
        self._file = None
        if self._exceptions is not None:
            self._exceptions.stop()
            self._exceptions = None
        self._fatal.release()
        for stack_signal in self._stack_signals():
            stack_signal.release()
        self._ending = self._on_demand = None

    def _ensure_hooks(self) -> None:
        if self._exceptions is not None:
            if self._exceptions.is_first():
                return
            self._exceptions.stop()
        self._exceptions = UncaughtExceptions(lambda: self._file)

    def _choose_signals(self, setup: Setup) -> None:
        # Workers are ended by their parents in healthy jobs: that is nothing to report.
        if self._ending is None and setup.owner_pid == os.getpid():
            self._ending = StackSignal(signal.SIGTERM, is_ending=True)
        wanted = setup.settings.dump_signal
        if self._on_demand is not None and self._on_demand.number != wanted:
            self._on_demand.release()
            self._on_demand = None
        if self._on_demand is None and wanted is not None:
            self._on_demand = StackSignal(wanted, is_ending=False)

    def _hold(self, descriptor: int) -> None:
        holders: list[FatalSignals | StackSignal] = [self._fatal, *self._stack_signals()]
        for one in holders:
            # Also called in the middle of writing a record, which no report may cost.
            with contextlib.suppress(Exception):
                one.hold(descriptor)

    def _stack_signals(self) -> list[StackSignal]:
        return [one for one in (self._ending, self._on_demand) if one is not None]
