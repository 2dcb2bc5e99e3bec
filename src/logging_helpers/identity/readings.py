"""What each launcher's variables say, taken by itself. Pure."""

import re
from typing import NamedTuple

from logging_helpers.identity.launchers import (
    GUIDE_ORDER,
    LAUNCHERS,
    LAUNCHERS_BY_VARIABLE,
    Environ,
    Launcher,
)

_MOST_DIGITS = 9
_UNSAFE_IN_NAME = r"[^A-Za-z0-9._-]+"
_LONGEST_JOB_ID = 128

_COUNTING_RESTARTS = tuple(launcher for launcher in LAUNCHERS if launcher.restart)
_JOB_IDS = tuple(
    (variable, launcher.no_job_id)
    for launcher in reversed(LAUNCHERS)
    for variable in launcher.job_id
)


class Value(NamedTuple):
    """A number, and the variable it was read from or the formula it was worked out by."""

    number: int
    variable: str

    def __str__(self) -> str:
        # A formula has variables with their values in it already.
        return self.variable if "=" in self.variable else f"{self.variable}={self.number}"


class Reading(NamedTuple):
    """What one launcher's variables say; ``None`` where they say nothing."""

    launcher: Launcher
    rank: Value | None
    world_size: Value | None
    local_rank: Value | None
    local_world_size: Value | None
    node_rank: Value | None
    node_count: Value | None
    is_certain: bool

    @property
    def spans_one_node(self) -> bool:
        """Whether all processes of the launcher are known to be on one node."""
        if self.node_count is not None:
            return self.node_count.number == 1
        return (
            self.world_size is not None
            and self.local_world_size is not None
            and self.world_size.number == self.local_world_size.number
        )

    @property
    def spans_several_nodes(self) -> bool:
        """Whether the launcher's processes are known to be on several nodes."""
        if self.node_count is not None:
            return self.node_count.number > 1
        return (
            self.world_size is not None
            and self.local_world_size is not None
            and self.world_size.number > self.local_world_size.number
        )


def read_launchers(environ: Environ, problems: list[str]) -> list[Reading]:
    """A reading of every launcher that numbers this process or its node.

    Args:
        environ: The environment.
        problems: Gets a sentence for each malformed value and each contradiction within
            one launcher; a malformed value is taken as not set.
    """
    readings = []
    telling: set[int] = set()
    read: set[tuple[str, ...]] = set()
    for variable in environ:
        telling.update(LAUNCHERS_BY_VARIABLE.get(variable, ()))
    for index in sorted(telling):
        launcher = LAUNCHERS[index]
        if launcher.rank in read or not launcher.counts(environ):
            continue  # another row that counts has read the same RANK
        reading = _read(launcher, environ, problems)
        if launcher.derives_rank:
            is_telling = reading.local_rank is not None
        else:
            is_telling = (reading.node_rank if launcher.is_of_nodes else reading.rank) is not None
        if is_telling:
            readings.append(reading)
            if launcher.rank:
                read.add(launcher.rank)
    return readings


def read_job_id(environ: Environ) -> tuple[str, str] | None:
    """The outermost launcher's job id, safe as a directory name, and its variable.

    The outermost's, because what is inside may be started once per node. A job has its id
    outside of a step too, so a launcher need not number this process.
    """
    for variable, no_job_id in _JOB_IDS:
        text = environ.get(variable)
        if text and text not in no_job_id:
            return safe_job_id(text), variable
    return None


def read_restarts(environ: Environ, problems: list[str]) -> list[Value]:
    """Restarts by each launcher that counts them."""
    restarts = []
    for launcher in _COUNTING_RESTARTS:
        value = _first(environ, launcher.restart, problems)
        if value is not None:
            restarts.append(value._replace(number=max(value.number - launcher.restart_base, 0)))
    return restarts


def read_number(environ: Environ, variable: str, problems: list[str]) -> Value | None:
    """A rank or size, ``None`` where the variable is not set, empty or malformed."""
    text = environ.get(variable)
    if not text:
        return None
    if not (text.isdigit() and text.isascii() and len(text) <= _MOST_DIGITS):
        problems.append(
            f"environment variable {variable}={text!r} is malformed;"
            " expected a whole number of 0 or more"
        )
        return None
    return Value(int(text), variable)


def find_node_rank(environ: Environ) -> tuple[str | None, tuple[str, ...]]:
    """The guide's node rank: the first well-formed variable of a fixed order, and problems."""
    problems: list[str] = []
    variables = dict.fromkeys(GUIDE_ORDER)
    for launcher in LAUNCHERS:
        if launcher.counts(environ):
            variables.update(dict.fromkeys(launcher.rank or launcher.node_rank))
    for variable in variables:
        if read_number(environ, variable, problems) is not None:
            return environ[variable], tuple(problems)
    return None, tuple(problems)


def safe_job_id(job_id: str) -> str:
    """A job id as a directory name: other characters than letters, digits, ``._-`` become ``_``."""
    safe = re.sub(_UNSAFE_IN_NAME, "_", job_id)[:_LONGEST_JOB_ID]
    # Neither "..", nor a hidden directory.
    return re.sub(r"\A\.+", "_", safe) if safe.startswith(".") else safe


def _first(environ: Environ, variables: tuple[str, ...], problems: list[str]) -> Value | None:
    for variable in variables:
        value = read_number(environ, variable, problems)
        if value is not None:
            return value
    return None


def _read(launcher: Launcher, environ: Environ, problems: list[str]) -> Reading:
    def size(variables: tuple[str, ...], rank: Value | None) -> Value | None:
        if any(":" in environ.get(v, "") for v in variables):  # a range, which tells no number
            return None
        value = _first(environ, variables, problems)
        if value is None or (value.number > 0 and (rank is None or rank.number < value.number)):
            return value
        if rank is None:
            problems.append(f"{value} is not a size; a size is 1 or more")
        else:
            problems.append(f"{rank} is not below {value}")
        # The size is dropped: the rank is what keeps two processes apart.
        return None

    rank = _first(environ, launcher.rank, problems)
    local_rank = _first(environ, launcher.local_rank, problems)
    node_rank = _first(environ, launcher.node_rank, problems)
    return Reading(
        launcher=launcher,
        rank=rank,
        world_size=size(launcher.world_size, local_rank if launcher.derives_rank else rank),
        local_rank=local_rank,
        local_world_size=size(launcher.local_world_size, local_rank),
        node_rank=node_rank,
        node_count=size(launcher.node_count, node_rank),
        is_certain=not launcher.companions
        or any(environ.get(variable) for variable in launcher.companions),
    )
