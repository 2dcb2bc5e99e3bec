"""Every way to disturb writers of one file, each with its full and its short size."""

from dataclasses import dataclass, field
from typing import Any

from disturbed import run_disturbed
from rank_files import NOTHING, Count, run_processes

ROTATION_BYTES = 256 * 1024
BROKEN = ("loguru", "unlocked")
"""Sinks in which losses must show: loguru's own rotating file, and ours without its lock."""

_BROKEN_TRIES = 20
"""By chance a run of a broken sink may lose nothing."""


@dataclass(frozen=True)
class Scenario:
    """One way to write to a file.

    Attributes:
        name: What it is called.
        disturbance: ``"kills"``, ``"stops"``, ``"forks"``, or ``""`` for none.
        fixed: Arguments of `run_disturbed` or `run_processes`.
        short: Those of the short form.
    """

    name: str
    disturbance: str = ""
    fixed: dict[str, Any] = field(default_factory=dict)
    short: dict[str, Any] = field(default_factory=dict)

    def run(self, directory: Any, **changed: Any) -> Count:
        """Run it, and count what was lost, doubled, torn and misplaced."""
        arguments = self.fixed | changed
        if self.disturbance:
            return run_disturbed(self.disturbance, directory, **arguments)
        return run_processes(directory, **arguments)

    def losses(self, directory: Any, kind: str) -> Count:
        """What a broken sink loses in it, in the first run in which it loses something."""
        # Small pieces: the more rotations, the more chances.
        size = {"max_bytes": 300 if kind == "loguru" else 8192}
        if not self.disturbance:
            size = {"per_writer": 500, "threads": 2, "processes": 4, "max_bytes": 1000}
        elif self.disturbance == "kills":
            size = {"max_bytes": 2048}
        elif self.disturbance == "stops":
            size["times"] = 1
        for number in range(_BROKEN_TRIES):
            found = self.run(directory / f"{kind}-{number}", kind=kind, **(self.short | size))
            if found.lost:
                return found
        return NOTHING


_KEPT = {
    "plain": {},
    "gzip": {"gzip": 1},
    "gzip and retention": {"gzip": 1, "keep": 3},
    "retention": {"keep": 3},
}
_METHODS = {"fork": 8, "spawn": 8, "forkserver": 4, "alone": 4}

SHARED = tuple(
    Scenario(
        f"{method} x {processes}, {kept}",
        fixed={
            "method": method,
            "processes": processes,
            "threads": 8,
            "max_bytes": ROTATION_BYTES,
            **rotation,
        },
        short={"processes": 3, "threads": 2, "per_writer": 200, "max_bytes": 4096},
    )
    for method, processes in _METHODS.items()
    for kept, rotation in _KEPT.items()
)
"""Processes of every kind with eight threads each, on one file."""

SHORT_SHARED = tuple(one for one in SHARED if one.name.endswith(("plain", "gzip and retention")))

DISTURBED = (
    Scenario(
        "killed writers",
        "kills",
        fixed={"times": 500, "writers": 4, "max_bytes": 16_384, "gzip": 1},
        short={"times": 20, "max_bytes": 2048},
    ),
    Scenario(
        "stopped writers",
        "stops",
        fixed={"times": 100, "writers": 4, "max_bytes": 65_536, "gzip": 1, "keep": 3},
        short={"times": 5, "max_bytes": 8192},
    ),
    Scenario(
        "forks while threads log",
        "forks",
        fixed={"times": 1000, "writers": 4, "max_bytes": 65_536, "gzip": 1},
        short={"times": 25, "writers": 2, "max_bytes": 4096},
    ),
)
