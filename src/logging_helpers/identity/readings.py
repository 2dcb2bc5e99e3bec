"""What each launcher's variables say, taken by itself. Pure."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from logging_helpers.identity.launchers import (
    GUIDE_ORDER,
    LAUNCHERS,
    LAUNCHERS_BY_VARIABLE,
    RANGES,
    Environ,
    Launcher,
)

_MOST_DIGITS = 9
_UNSAFE_IN_NAME = r"[^A-Za-z0-9._-]+"
_LONGEST_JOB_ID = 128

_RESTARTS = tuple(
    (variable, launcher.restart_base) for launcher in LAUNCHERS for variable in launcher.restart
)
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
        if self.world_size is None:
            return False
        size = self.world_size.number
        local_size = self.local_world_size
        return size == 1 or (local_size is not None and size == local_size.number)

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


class Choice(NamedTuple):
    """The identity but for restarts and job id, with what each number was made of."""

    source: str
    rank: Value
    world_size: Value | None = None
    local_rank: Value | None = None
    local_world_size: Value | None = None
    node_rank: Value | None = None


def read_launchers(environ: Environ, problems: list[str]) -> list[Reading]:
    """A reading of every launcher that numbers this process or its node.

    Args:
        environ: The environment.
        problems: Gets a sentence for each malformed value and each contradiction within
            one launcher; a malformed value is taken as not set.
    """
    readings = []
    read: set[tuple[str, ...]] = set()
    by_variable = LAUNCHERS_BY_VARIABLE
    telling = {
        index for variable in environ if variable in by_variable for index in by_variable[variable]
    }
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
    for variable, base in _RESTARTS:
        value = read_number(environ, variable, problems)
        if value is not None:
            restarts.append(value._replace(number=max(value.number - base, 0)) if base else value)
    return restarts


def read_number(environ: Environ, variable: str, problems: list[str]) -> Value | None:
    """A rank or size, ``None`` where the variable is not set, empty or malformed."""
    text = environ.get(variable)
    if not text:
        return None
    if text.isdigit() and text.isascii() and len(text) <= _MOST_DIGITS:
        return Value(int(text), variable)
    if not (variable in RANGES and ":" in text):  # a range, which tells no number
        problems.append(
            f"environment variable {variable}={text!r} is malformed;"
            " expected a whole number of 0 or more"
        )
    return None


def find_node_rank(environ: Environ) -> tuple[str | None, tuple[str, ...]]:
    """The guide's node rank: the first well-formed variable of a fixed order, and problems."""
    problems: list[str] = []
    for variable in _node_rank_variables(environ):
        if read_number(environ, variable, problems) is not None:
            return environ[variable], tuple(problems)
    return None, tuple(problems)


def _node_rank_variables(environ: Environ) -> Iterator[str]:
    yield from GUIDE_ORDER
    seen = set(GUIDE_ORDER)
    for launcher in LAUNCHERS:
        for variable in launcher.rank or launcher.node_rank:
            if variable in environ and variable not in seen and launcher.counts(environ):
                seen.add(variable)
                yield variable


def safe_job_id(job_id: str) -> str:
    """A job id as a directory name: other characters than letters, digits, ``._-`` become ``_``."""
    # Most need no pattern, which `re` would have to compile at the start of a job.
    is_short = len(job_id) <= _LONGEST_JOB_ID
    if is_short and job_id.isascii() and job_id.replace("-", "").replace("_", "").isalnum():
        return job_id
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
    rank = _first(environ, launcher.rank, problems)
    world_size = _first(environ, launcher.world_size, problems)
    local_rank = _first(environ, launcher.local_rank, problems)
    local_world_size = _first(environ, launcher.local_world_size, problems)
    node_rank = _first(environ, launcher.node_rank, problems)
    node_count = _first(environ, launcher.node_count, problems)
    companions = launcher.companions
    # A size that does not fit is dropped: the rank is what keeps two processes apart.
    world_size = _size(world_size, local_rank if launcher.derives_rank else rank, problems)
    local_world_size = _size(local_world_size, local_rank, problems)
    if world_size and local_world_size and local_world_size.number > world_size.number:
        problems.append(f"{local_world_size} is more than {world_size}")
        local_world_size = None
    return Reading(
        launcher,
        rank,
        world_size,
        local_rank,
        local_world_size,
        node_rank,
        _size(node_count, node_rank, problems),
        not companions or any(environ.get(variable) for variable in companions),
    )


def _size(size: Value | None, rank: Value | None, problems: list[str]) -> Value | None:
    """A size, ``None`` where it is none, or `rank` is not below it."""
    if size is None or (size.number > 0 and (rank is None or rank.number < size.number)):
        return size
    if rank is None:
        problems.append(f"{size} is not a size; a size is 1 or more")
    else:
        problems.append(f"{rank} is not below {size}")
    return None
