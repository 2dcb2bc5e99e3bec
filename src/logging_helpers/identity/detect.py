"""Works out a process's place in its job from the environment. Pure: no state, no side effects."""

from collections.abc import Iterable
from typing import NamedTuple

from logging_helpers.identity.launchers import Environ
from logging_helpers.identity.rank_info import RankInfo
from logging_helpers.identity.readings import (
    Reading,
    Value,
    read_job_id,
    read_launchers,
    read_restarts,
)

_MOST_PER_NODE = 1024


class Choice(NamedTuple):
    """The identity but for restarts and job id, with what each number was made of."""

    source: str
    rank: Value
    world_size: Value | None = None
    local_rank: Value | None = None
    local_world_size: Value | None = None
    node_rank: Value | None = None
    doubt: str | None = None


class Detection(NamedTuple):
    """What the environment says, where from, and what in it is wrong.

    Attributes:
        info: The identity, malformed variables taken as not set.
        problems: A sentence for each malformed value or contradiction within one launcher.
        choice: What was chosen and what it was made of, ``None`` where nothing is known.
        restarts: Restarts by each launcher that counts them.
        job_id_variable: The variable that the job id comes from.
    """

    info: RankInfo
    problems: tuple[str, ...] = ()
    choice: Choice | None = None
    restarts: tuple[Value, ...] = ()
    job_id_variable: str | None = None

    def origins(self) -> dict[str, str]:
        """For each field of `info` that is known, the variables or formula it comes from."""
        values = {} if self.choice is None else self.choice._asdict()
        origins = {name: str(value) for name, value in values.items() if isinstance(value, Value)}
        if self.info.source == "argument":
            origins["rank"] = "argument rank"
        if self.restarts:
            origins["restart"] = " + ".join(map(str, self.restarts))
        if self.job_id_variable is not None:
            origins["job_id"] = self.job_id_variable
        return origins


def detect(environ: Environ, *, rank: int | None = None) -> Detection:
    """The identity that `environ` gives a process.

    Args:
        environ: The environment.
        rank: An explicit rank, which beats every variable; problems are only conflicts then.

    Returns:
        The identity and the problems; callers decide whether problems are errors.
    """
    problems: list[str] = []
    readings = read_launchers(environ, problems)
    restarts = read_restarts(environ, problems)
    job_id, job_id_variable = read_job_id(environ) or (None, None)
    restart = sum(value.number for value in restarts) if restarts else None
    if readings:
        choice, conflicts = _choose(readings)
        info = RankInfo(
            rank=choice.rank.number,
            world_size=_number(choice.world_size),
            local_rank=_number(choice.local_rank),
            local_world_size=_number(choice.local_world_size),
            node_rank=_number(choice.node_rank),
            restart=restart,
            job_id=job_id,
            source=choice.source,
            conflicts=tuple(conflicts),
        )
    else:
        choice, info = None, RankInfo(restart=restart, job_id=job_id)
    if rank is not None:
        fits = info.world_size is None or rank < info.world_size
        info = info._replace(
            rank=rank,
            world_size=info.world_size if fits else None,
            source="argument",
            # What is wrong with the environment does not matter for a rank that is given.
            conflicts=(*info.conflicts, *dict.fromkeys(problems)),
        )
        problems = []
        choice = None if choice is None else choice._replace(doubt=None)
    return Detection(
        info,
        # Several rows that read RANK report the same malformed value.
        tuple(dict.fromkeys(problems)),
        choice,
        tuple(restarts),
        job_id_variable,
    )


def _number(value: Value | None) -> int | None:
    return None if value is None else value.number


def _choose(readings: list[Reading]) -> tuple[Choice, list[str]]:
    """Chooses among launchers: certain process ranks, then node ranks, then a bare RANK."""
    processes = [reading for reading in readings if not reading.launcher.is_of_nodes]
    nodes = [reading for reading in readings if reading.launcher.is_of_nodes]
    certain = [reading for reading in processes if reading.is_certain]
    chosen = (certain or nodes or processes)[0]
    outer = _outer_of(chosen, certain, nodes)
    if outer is not None:
        choice = _nested(chosen, outer)
    elif chosen.launcher.derives_rank:
        choice = _derived(chosen, nodes)
    elif chosen.launcher.is_of_nodes:
        choice = _alone_on_node(chosen)
    else:
        choice = _as_it_says(chosen, processes, nodes)
    return choice, _conflicts(chosen, outer, processes, choice)


def _outer_of(chosen: Reading, certain: list[Reading], nodes: list[Reading]) -> Reading | None:
    """The launcher that started `chosen` once per node, or per daemon, of several."""
    if chosen.launcher.is_of_nodes or not (chosen.spans_one_node or chosen.launcher.derives_rank):
        return None
    local_rank, local_world_size = _local(chosen)
    if local_rank is None or local_world_size is None:
        return None
    for outer in certain:
        if outer.launcher.rank == chosen.launcher.rank or outer.launcher.derives_rank:
            continue
        if chosen.launcher.has_agent:
            # An outer launcher of several processes started as many agents.
            if outer.world_size is not None and outer.world_size.number > 1:
                return outer
        elif outer.spans_several_nodes:
            return outer
    for outer in nodes:
        if outer.node_count is None or outer.node_count.number > 1:
            return outer
    return None


def _local(process: Reading) -> tuple[Value | None, Value | None]:
    """Local rank and local world size; on one node those of the job."""
    if not process.spans_one_node:
        return process.local_rank, process.local_world_size
    return process.local_rank or process.rank, process.local_world_size or process.world_size


def _nested(process: Reading, outer: Reading) -> Choice:
    """A launcher of one node's processes, started once on each of several nodes."""
    index, count = (
        (outer.node_rank, outer.node_count)
        if outer.launcher.is_of_nodes
        else (outer.rank, outer.world_size)
    )
    local_rank, local_world_size = _local(process)
    assert index is not None  # outer is telling
    assert local_rank is not None  # `_outer_of` looked
    assert local_world_size is not None
    return Choice(
        source=f"{outer.launcher.name}/{process.launcher.name}",
        rank=Value(
            index.number * local_world_size.number + local_rank.number,
            f"{index} * {local_world_size} + {local_rank}",
        ),
        world_size=None
        if count is None
        else Value(count.number * local_world_size.number, f"{count} * {local_world_size}"),
        local_rank=local_rank,
        local_world_size=local_world_size,
        node_rank=outer.node_rank,
    )


def _derived(process: Reading, nodes: list[Reading]) -> Choice:
    """A launcher that tells node and local rank only."""
    local_rank = process.local_rank
    node_rank = process.node_rank or (nodes[0].node_rank if nodes else None)
    assert local_rank is not None  # the reading is telling
    choice = Choice(
        source=process.launcher.name,
        rank=local_rank,
        world_size=process.world_size,
        local_rank=local_rank,
        local_world_size=process.local_world_size,
        node_rank=node_rank,
    )
    if node_rank is None or node_rank.number == 0:
        return choice
    size = process.local_world_size or _even_share(process.world_size, nodes)
    if size is not None:
        number = node_rank.number * size.number + local_rank.number
        return choice._replace(
            rank=Value(number, f"{node_rank} * {size} + {local_rank}"), local_world_size=size
        )
    # Nobody tells how many processes a node has. The world size is not less than they can be:
    # no two processes get the same rank, and none but node 0's first is rank 0.
    most = process.world_size or Value(_MOST_PER_NODE, "MOST_PER_NODE")
    formula = f"{node_rank} * {most} + {local_rank}"
    number = node_rank.number * most.number + local_rank.number
    return choice._replace(
        rank=Value(number, formula),
        world_size=None,
        doubt=f"nothing tells how many processes a node has; {formula} = {number} used as rank",
    )


def _even_share(world_size: Value | None, nodes: list[Reading]) -> Value | None:
    counts = [node.node_count for node in nodes if node.node_count is not None]
    if world_size is None or not counts or world_size.number % counts[0].number:
        return None
    return Value(world_size.number // counts[0].number, f"{world_size} / {counts[0]}")


def _alone_on_node(node: Reading) -> Choice:
    assert node.node_rank is not None  # the reading is telling
    return Choice(
        source=node.launcher.name,
        rank=node.node_rank,
        world_size=node.node_count,
        node_rank=node.node_rank,
    )


def _as_it_says(process: Reading, processes: list[Reading], nodes: list[Reading]) -> Choice:
    assert process.rank is not None  # the reading is telling
    # What it leaves out, a launcher may tell that numbers the same processes in the same way
    # (PMI under srun, a script that exports RANK for torch).
    telling = [process, *(other for other in processes if _agrees(process, other))]
    return Choice(
        source=process.launcher.name,
        rank=process.rank,
        world_size=_first(reading.world_size for reading in telling),
        local_rank=_first(reading.local_rank for reading in telling),
        local_world_size=_first(reading.local_world_size for reading in telling),
        node_rank=_first(reading.node_rank for reading in [*telling, *nodes]),
    )


def _agrees(process: Reading, other: Reading) -> bool:
    if process.launcher.has_agent or process.rank is None or other.rank is None:
        return False
    sizes = {v.number for v in (process.world_size, other.world_size) if v is not None}
    return process.rank.number == other.rank.number and len(sizes) < 2


def _first(values: Iterable[Value | None]) -> Value | None:
    return next((value for value in values if value is not None), None)


def _conflicts(
    chosen: Reading, outer: Reading | None, processes: list[Reading], choice: Choice
) -> list[str]:
    used = f"{choice.rank} used"
    conflicts = [choice.doubt] if choice.doubt else []
    if chosen.rank is not None and not chosen.is_certain:
        # The guide's manual RANK=2 works; the size of the job is what nobody can know.
        companions = " or ".join(chosen.launcher.companions)
        conflicts.append(f"{chosen.rank} has no {companions} beside it")
    for other in processes:
        if other in (chosen, outer) or other.rank is None:
            continue
        # A number that agrees contradicts nobody, whoever tells it.
        if other.launcher.rank == chosen.launcher.rank or other.rank.number == choice.rank.number:
            continue
        if not other.is_certain:
            companions = " or ".join(other.launcher.companions)
            conflicts.append(f"{other.rank} has no {companions} beside it, {used}")
        elif chosen.launcher.has_agent or other.launcher.name in ("slurm", "pmix"):
            conflicts.append(f"{other.rank} describes the launcher daemon, {used}")
        else:
            conflicts.append(f"{other.rank} disagrees, {used}")
    return conflicts
