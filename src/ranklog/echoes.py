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
        r"collective operation timeout|Watchdog caught|watchdog thread terminated"
        r"|Timed out waiting \d+ ?ms for (?:recv|send|connect)|[Ss]ocket [Tt]imeout"
        r"|wait timeout after \d+ ?ms|Timed out (?:initializing process group|after \d+ seconds)"
        r"|HeartbeatMonitor|Some NCCL operations have failed or timed out|barrier.{0,40}time[d ]*out",
    ),
    (
        "peer gone",
        r"Connection (?:reset|closed|aborted)(?: by (?:peer|remote))?|closed by peer"
        r"|ConnectionResetError|ConnectionAbortedError|Application timeout caused pair closure"
        r"|ncclRemoteError|ncclSystemError|remote process (?:has )?(?:exited|terminated)"
        r"|NCCL communicator was aborted|connection to .{1,80} (?:lost|was lost)"
        r"|[Bb]roken pipe|BrokenPipeError|EPIPE|failed to recv, got 0 bytes|RendezvousClosedError"
        r"|DistNetworkError|DistBackendError.{0,200}(?:peer|remote)|Peer .{0,40}(?:died|is gone)"
        r"|PMIX_ERR_LOST_CONNECTION|MPI_ERR_PROC_FAILED|ActorDiedError|WorkerCrashedError",
    ),
    (
        "ended by the launcher",
        r"SIGTERM|got signal: 15|[Ss]ignal 15\b|SignalException|^Terminated$"
        r"|ChildFailedError|Sending process \d+ closing signal|CANCELLED .{0,40}DUE TO",
    ),
)
"""Name of a kind of echo, and the pattern it is known by; a new kind is a new row."""

_FATAL = r"Fatal Python error|^Fatal "


def find_echo(text: str) -> str | None:
    """The kind of echo that an error is, ``None`` where it may be a cause.

    Args:
        text: Message and exception.
    """
    for name, pattern in ECHOES:
        if re.search(pattern, text, re.MULTILINE):
            return name
    return None


def is_crash(stacks: str) -> bool:
    """Whether stacks were left by a fault of the process itself, not by a signal from outside."""
    return re.search(_FATAL, stacks, re.MULTILINE) is not None
