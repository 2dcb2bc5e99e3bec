"""Which signal has a process write the stacks of its threads."""

import signal

_ACCEPTED = "accepted are signals such as signal.SIGUSR1, or None"
# Names, because not every platform has them all. The first two cannot be caught; the third
# ends a job and is reported anyway; Ctrl-C must go on to interrupt; the others are reported
# when they happen, and whoever returns from them is at the same instruction again.
_TAKEN = ("SIGKILL", "SIGSTOP", "SIGTERM", "SIGINT")
_FATAL = ("SIGSEGV", "SIGFPE", "SIGABRT", "SIGBUS", "SIGILL")


def checked_dump_signal(value: int | signal.Signals | None) -> int | None:
    """The number of the signal that `init_logging` was given.

    Raises:
        ValueError: It is no signal of this platform, or one that has a meaning already.
        TypeError: It is no number.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"argument dump_signal={value!r} is not a signal; {_ACCEPTED}")
    if value not in signal.valid_signals():
        raise ValueError(f"argument dump_signal={value!r} is not a signal here; {_ACCEPTED}")
    if value in {getattr(signal, name, None) for name in (*_TAKEN, *_FATAL)}:
        raise ValueError(
            f"argument dump_signal={value!r} is a signal with a meaning of its own; {_ACCEPTED}"
        )
    return int(value)
