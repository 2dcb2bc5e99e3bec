"""Has `faulthandler` write the stacks of all threads into the rank's file.

No handler of Python's: a rank that hangs in C code (in a collective, say) never gets to
run one. `faulthandler` writes from within the signal, needs no lock, and passes the signal on.
"""

from __future__ import annotations

import contextlib
import faulthandler
import signal
import threading
import weakref
from typing import Any


class _Target:
    """The file as `faulthandler` takes it.

    `faulthandler` keeps a reference for as long as it uses it and cannot be asked what it
    uses: a weak reference of ours tells whether somebody else has set another since.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def flush(self) -> None:
        """Asked for by `faulthandler`."""


def _no_target() -> _Target | None:
    return None


class FatalSignals:
    """Stacks at a segmentation fault and its like, unless the program has its own way already."""

    def __init__(self) -> None:
        self._target: Any = _no_target

    def hold(self, descriptor: int) -> None:
        """Write to `descriptor` from now on.

        Where `faulthandler` is enabled by others (``PYTHONFAULTHANDLER``, pytest, torch's
        ``@record``), the console has its stacks, and they stay there.
        """
        if faulthandler.is_enabled() and self._target() is None:
            return
        target = _Target(descriptor)
        faulthandler.enable(file=target)
        self._target = weakref.ref(target)

    def release(self) -> None:
        """Write no more, if it is still us who does."""
        if self._target() is not None:
            faulthandler.disable()


class StackSignal:
    """Stacks at one signal, which then does what it did before.

    Args:
        number: The signal.
        is_ending: Whether it ends a process that does nothing about it, as it should. A
            signal sent only to ask for stacks goes on to a handler of the program, if it
            has one, and ends nothing.
    """

    def __init__(self, number: int, *, is_ending: bool) -> None:
        self.number = number
        self._is_ending = is_ending
        self._target: Any = _no_target
        self._before: Any = None

    def hold(self, descriptor: int) -> None:
        """Write to `descriptor` from now on, and be the first to get the signal."""
        now = signal.getsignal(self.number)
        # Registering again would change the descriptor only, and not come before a handler
        # that was set meanwhile. Only the main thread can put such a handler back.
        if threading.current_thread() is threading.main_thread():
            # typeshed says None where the documentation has a bool.
            was_registered = faulthandler.unregister(self.number)  # type: ignore[func-returns-value]
            if was_registered and callable(now):
                with contextlib.suppress(ValueError):  # in a subinterpreter
                    signal.signal(self.number, now)
        target = _Target(descriptor)
        chain = self._is_ending or callable(now)
        faulthandler.register(self.number, file=target, all_threads=True, chain=chain)
        self._target = weakref.ref(target)
        self._before = now

    def ensure(self, descriptor: int) -> None:
        """Be the first again, after the program has set a handler."""
        if signal.getsignal(self.number) is not self._before:
            self.hold(descriptor)

    def release(self) -> None:
        """Write no more, and leave to the signal what it did before."""
        # Unregistering puts back what was there when we came. Where the program has set a
        # handler since, that is out of date; and nothing of ours is installed any more.
        if self._target() is None or signal.getsignal(self.number) is not self._before:
            return
        faulthandler.unregister(self.number)
