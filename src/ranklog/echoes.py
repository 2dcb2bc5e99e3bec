"""Tells errors that are the echo of another rank's failure from those that may be its cause.

When one rank of a job fails, the others fail as well, later and with other words: their
collectives time out, their connections are closed, the launcher ends them.
"""

from __future__ import annotations

import re

# Source of each: the message that the library prints when a peer has gone. What is not here
# counts as a cause: an echo taken for a cause costs a look, a cause taken for an echo the night.
ECHOES: tuple[tuple[str, str], ...] = (
    (
        "collective timed out",
        r"collective operation timeout|Watchdog caught|watchdog (?:thread terminated|got stuck)"
        r"|Timed out waiting \d+ ?ms for (?:recv|send|connect)|Socket Timeout|monitoredBarrier"
        r"|wait timeout after \d+ ?ms|client socket has timed out"
        r"|Timed out (?:initializing process group|after \d+ seconds waiting for clients)"
        r"|HeartbeatMonitor|due to a collective timeout|Some NCCL operations have failed or timed out"
        r"|barrier.{0,40}time[d ]*out",
    ),
    (
        "peer gone",
        r"Connection (?:reset|closed|aborted)(?: by (?:peer|remote))?|closed by (?:remote )?peer"
        r"|ConnectionResetError|ConnectionAbortedError|Application timeout caused pair closure"
        r"|ncclRemoteError|remote process (?:has )?(?:exited|terminated)"
        r"|NCCL communicator was aborted|connection to .{1,80} (?:lost|has failed)"
        r"|lost (?:communication|connection) with a remote"
        r"|[Bb]roken pipe|BrokenPipeError|EPIPE|[Ff]ailed to recv, got 0 bytes|RendezvousClosedError"
        r"|Peer .{0,40}(?:died|is gone)"
        r"|PMIX_ERR_LOST_CONNECTION|MPI_ERR_PROC_FAILED|ActorDiedError|WorkerCrashedError",
    ),
    (
        "ended by the launcher",
        r"SIGTERM|got signal: 15|[Ss]ignal 15\b|SignalException|(?:^|: )Terminated\.?$"
        r"|ChildFailedError|Sending process \d+ closing signal|\*\*\* .{1,80} CANCELLED AT ",
    ),
)
"""Name of a kind of echo, and the pattern it is known by; a new kind is a new row."""


_CHAINED = re.compile(
    r"^(?:The above exception was the direct cause of the following exception"
    r"|During handling of the above exception, another exception occurred):$",
    re.MULTILINE,
)
_OWN_WORDS = re.compile(r"^(?!Traceback \(most recent call last\):$)\S.*", re.MULTILINE)


def find_echo(message: str, exception: str | None = None) -> str | None:
    """The kind of echo that an error is, ``None`` where it may be a cause.

    Args:
        message: What was logged.
        exception: The formatted traceback. What it began with is what counts: a connection that
            is closed while a `KeyError` is handled is no echo.
    """
    text = message if exception is None else _first_words(exception)
    for name, pattern in ECHOES:
        if re.search(pattern, text, re.MULTILINE):
            return name
    return None


def _first_words(exception: str) -> str:
    """Of a chain of exceptions what the first says, without the code that raised it."""
    first = _CHAINED.split(exception, 1)[0]
    return "\n".join(_OWN_WORDS.findall(first)) or exception
