"""Works out a process's place in its job from the environment. Pure: no state, no side effects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from logging_helpers.identity.launchers import LAUNCHERS, Launcher, node_rank_variables

_NUMBER = re.compile(r"[0-9]{1,9}")
_UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_JOB_ID = 128


class RankInfo(NamedTuple):
    """The place of a process in its job.

    Attributes:
        rank: Unique per process of the job; ``None`` where nothing distributed is known.
        world_size: Number of processes in the job.
        local_rank: Rank of the process on its node.
        local_world_size: Number of the job's processes on this node.
        node_rank: Rank of the node.
        restart: How often the launcher restarted the job, from 0.
        job_id: Id of the job, the same on all its ranks, safe as a directory name.
        source: Name of the launcher the rank comes from; ``"skypilot/torchrun"`` where one
            runs inside the other and both were needed; ``"argument"`` for an explicit rank.
        conflicts: What disagreed and what was used, in words.
    """

    rank: int | None = None
    world_size: int | None = None
    local_rank: int | None = None
    local_world_size: int | None = None
    node_rank: int | None = None
    restart: int | None = None
    job_id: str | None = None
    source: str | None = None
    conflicts: tuple[str, ...] = ()

    @property
    def is_master(self) -> bool:
        """Whether this is rank 0, or the only process there is."""
        return not self.rank


class Detection(NamedTuple):
    """What the environment says, and what in it is wrong.

    Attributes:
        info: The identity, malformed variables taken as not set.
        problems: A sentence for each malformed value or contradiction within one launcher.
    """

    info: RankInfo
    problems: tuple[str, ...]


class _Reading(NamedTuple):
    """What one launcher's variables say."""

    launcher: Launcher
    rank: int | None
    world_size: int | None
    local_rank: int | None
    local_world_size: int | None
    node_rank: int | None
    node_count: int | None
    restart: int | None
    job_id: str | None
    is_certain: bool

    @property
    def spans_one_node(self) -> bool:
        if self.node_count is not None:
            return self.node_count == 1
        return self.world_size is not None and self.world_size == self.local_world_size


def detect(environ: Mapping[str, str], *, rank: int | None = None) -> Detection:
    """The identity that `environ` gives a process.

    Args:
        environ: The environment.
        rank: An explicit rank, which beats every variable.

    Returns:
        The identity and the problems; callers decide whether problems are errors.
    """
    problems: list[str] = []
    readings = _readings(environ, problems)
    info = _combine(readings)
    if rank is not None:
        fits = info.world_size is None or rank < info.world_size
        info = info._replace(
            rank=rank, world_size=info.world_size if fits else None, source="argument"
        )
    # Both rows that read RANK report the same malformed value.
    return Detection(info, tuple(dict.fromkeys(problems)))


def find_node_rank(environ: Mapping[str, str]) -> tuple[str | None, tuple[str, ...]]:
    """The guide's node rank: the first well-formed variable of a fixed order, and problems."""
    problems: list[str] = []
    for variable in node_rank_variables():
        if _number(environ, variable, problems) is not None:
            return environ[variable], tuple(problems)
    return None, tuple(problems)


def _readings(environ: Mapping[str, str], problems: list[str]) -> list[_Reading]:
    readings = []
    for launcher in LAUNCHERS:
        if launcher.marker is not None and not environ.get(launcher.marker):
            continue
        reading = _read(launcher, environ, problems)
        if reading.rank is None and (launcher.rank is not None or reading.node_rank is None):
            continue
        readings.append(reading)
    return readings


def _read(launcher: Launcher, environ: Mapping[str, str], problems: list[str]) -> _Reading:
    def number(variable: str | None) -> int | None:
        return None if variable is None else _number(environ, variable, problems)

    def size(variable: str | None, of: str | None, below: int | None) -> int | None:
        # Where a rank is not below its size, the size is dropped: the rank is what keeps
        # two processes apart.
        value = number(variable)
        if value is None or (value > 0 and (below is None or below < value)):
            return value
        if below is None:
            problems.append(f"{variable}={value} is not a size; a size is 1 or more")
        else:
            problems.append(f"{of}={below} is not below {variable}={value}")
        return None

    rank, local_rank, node_rank = (
        number(launcher.rank),
        number(launcher.local_rank),
        number(launcher.node_rank),
    )
    job_id = environ.get(launcher.job_id) if launcher.job_id else None
    return _Reading(
        launcher=launcher,
        rank=rank,
        world_size=size(launcher.world_size, launcher.rank, rank),
        local_rank=local_rank,
        local_world_size=size(launcher.local_world_size, launcher.local_rank, local_rank),
        node_rank=node_rank,
        node_count=size(launcher.node_count, launcher.node_rank, node_rank),
        restart=number(launcher.restart),
        job_id=None if job_id in launcher.no_job_id else safe_job_id(job_id),
        is_certain=not launcher.companions
        or any(environ.get(variable) for variable in launcher.companions),
    )


def _number(environ: Mapping[str, str], variable: str, problems: list[str]) -> int | None:
    text = environ.get(variable)
    if not text:
        return None
    if _NUMBER.fullmatch(text) is None:
        problems.append(
            f"environment variable {variable}={text!r} is malformed;"
            " expected a whole number of 0 or more"
        )
        return None
    return int(text)


def _combine(readings: list[_Reading]) -> RankInfo:
    """Chooses among launchers: certain process ranks, then node ranks, then a bare RANK."""
    processes = [reading for reading in readings if reading.rank is not None]
    nodes = [reading for reading in readings if reading.launcher.rank is None]
    certain = [reading for reading in processes if reading.is_certain]
    candidates = certain or nodes or processes
    if not candidates:
        return RankInfo()
    chosen = candidates[0]
    node = nodes[0] if nodes else None
    if chosen is node:
        info = RankInfo(
            rank=node.node_rank,
            world_size=node.node_count,
            node_rank=node.node_rank,
            source=node.launcher.name,
        )
    elif node is not None and chosen.spans_one_node and node.node_count != 1:
        info = _nested(chosen, node)
    else:
        info = RankInfo(
            rank=chosen.rank,
            world_size=chosen.world_size,
            local_rank=chosen.local_rank,
            local_world_size=chosen.local_world_size,
            node_rank=chosen.node_rank
            if chosen.node_rank is not None or not node
            else node.node_rank,
            source=chosen.launcher.name,
        )
    used = f"{chosen.launcher.rank or chosen.launcher.node_rank}={chosen.rank if chosen.rank is not None else chosen.node_rank}"
    return info._replace(
        restart=next((r.restart for r in readings if r.restart is not None), None),
        # The outermost launcher's: what is inside may be started once per node.
        job_id=next((r.job_id for r in reversed(readings) if r.job_id is not None), None),
        conflicts=tuple(_conflicts(chosen, processes, used)),
    )


def _nested(process: _Reading, node: _Reading) -> RankInfo:
    """A launcher of one node's processes, started once on each of several nodes."""
    assert node.node_rank is not None  # a node-level reading has one
    local_rank = process.local_rank if process.local_rank is not None else process.rank
    local_world_size = process.local_world_size or process.world_size
    if local_rank is None or local_world_size is None:
        raise AssertionError("a launcher known to span one node has ranks and a size")
    return RankInfo(
        rank=node.node_rank * local_world_size + local_rank,
        world_size=node.node_count * local_world_size if node.node_count else None,
        local_rank=local_rank,
        local_world_size=local_world_size,
        node_rank=node.node_rank,
        source=f"{node.launcher.name}/{process.launcher.name}",
    )


def _conflicts(chosen: _Reading, processes: list[_Reading], used: str) -> list[str]:
    conflicts = []
    for other in processes:
        if other.launcher.rank == chosen.launcher.rank:
            continue
        if not other.is_certain:
            companions = " or ".join(other.launcher.companions)
            conflicts.append(
                f"{other.launcher.rank}={other.rank} has no {companions} beside it, {used} used"
            )
        elif other.rank != chosen.rank:
            conflicts.append(f"{other.launcher.rank}={other.rank} disagrees, {used} used")
    return conflicts


def safe_job_id(job_id: str | None) -> str | None:
    """A job id as a directory name: other characters than letters, digits, ``._-`` become ``_``."""
    if not job_id:
        return None
    safe = _UNSAFE_IN_NAME.sub("_", job_id)[:_LONGEST_JOB_ID]
    # Neither "..", nor a hidden directory.
    return re.sub(r"\A\.+", "_", safe)
