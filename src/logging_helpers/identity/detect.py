"""Works out a process's place in its job from the environment. Pure: no state, no side effects."""

from typing import NamedTuple

from logging_helpers.identity.conflicts import (
    agrees,
    compare_nodes,
    compare_processes,
    compare_with_node,
    note_half_a_set,
)
from logging_helpers.identity.launchers import Environ
from logging_helpers.identity.rank_info import RankInfo
from logging_helpers.identity.readings import (
    Choice,
    Reading,
    Value,
    read_job_id,
    read_launchers,
    read_restarts,
)

_MOST_PER_NODE = 1024


class Detection(NamedTuple):
    """What the environment says, where from, and what in it is wrong.

    Attributes:
        info: The identity, malformed variables taken as not set.
        problems: A sentence for each malformed value or contradiction within one launcher.
        choice: What was chosen and what it was made of, ``None`` where nothing is known.
        restarts: Restarts by each launcher that counts them.
        job_id_variable: The variable that the job id comes from.
        doubts: Those of the conflicts that may give two processes one rank, or no process
            rank 0; a person should see them.
    """

    info: RankInfo
    problems: tuple[str, ...] = ()
    choice: Choice | None = None
    restarts: tuple[Value, ...] = ()
    job_id_variable: str | None = None
    doubts: tuple[str, ...] = ()

    def origins(self) -> dict[str, str]:
        """For each field of `info` that is known, the variables or formula it comes from."""
        values = {} if self.choice is None else self.choice._asdict()
        origins = {name: str(value) for name, value in values.items() if isinstance(value, Value)}
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
    restart = sum([value.number for value in restarts]) if restarts else None
    choice: Choice | None = None
    doubts: list[str] = []
    if readings:
        notes: list[str] = []
        choice = _choose(readings, environ, notes, doubts)
        info = RankInfo(
            choice.rank.number,
            _number(choice.world_size),
            _number(choice.local_rank),
            _number(choice.local_world_size),
            _number(choice.node_rank),
            restart,
            job_id,
            choice.source,
            (*notes, *doubts),
        )
    else:
        info = RankInfo(restart=restart, job_id=job_id)
    if rank is not None:
        fits = info.world_size is None or rank < info.world_size
        info = info._replace(
            rank=rank,
            world_size=info.world_size if fits else None,
            source="argument",
            # What is wrong with the environment does not matter for a rank that is given.
            conflicts=(*info.conflicts, *dict.fromkeys(problems)),
        )
        problems, doubts = [], []
    return Detection(
        info,
        # Several rows that read RANK report the same malformed value.
        tuple(dict.fromkeys(problems)) if problems else (),
        choice,
        tuple(restarts),
        job_id_variable,
        tuple(doubts),
    )


def _number(value: Value | None) -> int | None:
    return None if value is None else value.number


def _choose(
    readings: list[Reading], environ: Environ, notes: list[str], doubts: list[str]
) -> Choice:
    """Chooses among launchers: certain process ranks, then node ranks, then a bare RANK."""
    processes: list[Reading] = []
    nodes: list[Reading] = []
    for reading in readings:
        (nodes if reading.launcher.is_of_nodes else processes).append(reading)
    certain = [reading for reading in processes if reading.is_certain]
    chosen = (certain or nodes or processes)[0]
    if chosen.launcher.derives_rank:
        # A script may export these for processes that another launcher numbers.
        chosen = next((other for other in certain if _is_of_same_job(chosen, other)), chosen)
    is_alone = len(readings) == 1
    outer = None if is_alone else _outer_of(chosen, certain, nodes)
    if outer is not None:
        choice = _nested(chosen, outer)
    elif chosen.launcher.derives_rank:
        choice = _derived(chosen, nodes, doubts)
    elif chosen.launcher.is_of_nodes:
        choice = _alone_on_node(chosen)
    else:
        choice = _as_it_says(chosen, processes, nodes)
        if nodes:
            compare_with_node(chosen, choice, nodes[0], doubts)
        if choice.world_size is None:
            note_half_a_set(chosen, environ, notes)
    if not is_alone:
        compare_processes(chosen, outer, processes, choice, notes, doubts)
        compare_nodes(nodes, choice, doubts)
    return choice


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
        elif outer.spans_several_nodes or _is_smaller(chosen, outer):
            return outer
    for outer in nodes:
        if outer.node_count is None or outer.node_count.number > 1:
            return outer
    return None


def _is_of_same_job(derived: Reading, other: Reading) -> bool:
    return (
        other.rank is not None
        and derived.world_size is not None
        and other.world_size is not None
        and derived.world_size.number == other.world_size.number > 1
    )


def _is_smaller(inner: Reading, outer: Reading) -> bool:
    return (
        inner.world_size is not None
        and outer.world_size is not None
        and inner.world_size.number < outer.world_size.number
    )


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
    rank = index.number * local_world_size.number + local_rank.number
    choice = Choice(
        f"{outer.launcher.name}/{process.launcher.name}",
        Value(rank, f"{index} * {local_world_size} + {local_rank}"),
        None
        if count is None
        else Value(count.number * local_world_size.number, f"{count} * {local_world_size}"),
        local_rank,
        local_world_size,
        outer.node_rank,
    )
    if local_world_size.number == 1 and outer.local_rank is not None:
        # The same process, which its outer launcher knows the place of.
        return choice._replace(local_rank=outer.local_rank, local_world_size=outer.local_world_size)
    return choice


def _derived(process: Reading, nodes: list[Reading], doubts: list[str]) -> Choice:
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
    doubts.append(f"nothing tells how many processes a node has; {formula} = {number} used as rank")
    return choice._replace(rank=Value(number, formula), world_size=None)


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
    choice = Choice(
        process.launcher.name,
        process.rank,
        process.world_size,
        process.local_rank,
        process.local_world_size,
        process.node_rank,
    )
    # What it leaves out, a launcher may tell that numbers the same processes in the same way
    # (PMI under srun, a script that exports RANK for torch).
    for other in processes:
        if other is not process and agrees(process, other):
            choice = choice._replace(
                world_size=choice.world_size or other.world_size,
                local_rank=choice.local_rank or other.local_rank,
                local_world_size=choice.local_world_size or other.local_world_size,
                node_rank=choice.node_rank or other.node_rank,
            )
    if choice.node_rank is None and nodes:
        choice = choice._replace(node_rank=nodes[0].node_rank)
    return choice
