"""What in the environment disagrees or is missing, in words. Pure.

`notes` get what has an explanation. `doubts` get what has none: two processes may have one
rank then, or none may be rank 0, and a person should know.
"""

from logging_helpers.identity.launchers import Environ
from logging_helpers.identity.readings import Choice, Reading


def agrees(process: Reading, other: Reading) -> bool:
    """Whether two launchers number the same processes in the same way."""
    if process.launcher.has_agent or process.rank is None or other.rank is None:
        return False
    sizes = {v.number for v in (process.world_size, other.world_size) if v is not None}
    return process.rank.number == other.rank.number and len(sizes) < 2


def note_half_a_set(process: Reading, environ: Environ, notes: list[str]) -> None:
    """The guide's manual RANK=2 works; the size of the job is what nobody can know."""
    launcher = process.launcher
    missing = launcher.world_size if process.is_certain else launcher.companions
    if missing and not any(environ.get(variable) for variable in launcher.world_size):
        notes.append(f"{process.rank} has no {' or '.join(missing)} beside it")


def compare_processes(
    chosen: Reading,
    outer: Reading | None,
    processes: list[Reading],
    choice: Choice,
    notes: list[str],
    doubts: list[str],
) -> None:
    """Compare the rank that was chosen with those of other launchers of processes.

    Args:
        chosen: The launcher whose rank is used.
        outer: The launcher it runs in, where both were needed.
        processes: All launchers of processes.
        choice: What is used.
        notes: See above.
        doubts: See above.
    """
    for other in processes:
        if other is chosen or other is outer or other.rank is None:
            continue
        # A number that agrees contradicts nobody, whoever tells it.
        if other.launcher.rank == chosen.launcher.rank or other.rank.number == choice.rank.number:
            continue
        if not other.is_certain:
            companions = " or ".join(other.launcher.companions)
            notes.append(f"{other.rank} has no {companions} beside it, {choice.rank} used")
        elif chosen.launcher.has_agent or (
            other.launcher.name in ("slurm", "pmix") and not _may_be_exported(chosen, other)
        ):
            notes.append(f"{other.rank} describes the launcher daemon, {choice.rank} used")
        else:
            doubts.append(f"{other.rank} disagrees, {choice.rank} used")


def _may_be_exported(process: Reading, other: Reading) -> bool:
    """Whether a script may have set RANK for the very processes that `other` numbers.

    A daemon is none of a job that has no more processes than there are daemons.
    """
    sizes = process.world_size, other.world_size
    return (
        bool(process.launcher.companions)
        and sizes[0] is not None
        and sizes[1] is not None
        and sizes[0].number <= sizes[1].number
    )


def compare_with_node(process: Reading, choice: Choice, node: Reading, doubts: list[str]) -> None:
    """A rank that leaves no room for those of lower nodes: ranks of each node's own, perhaps."""
    if process.local_world_size is not None or process.node_count is not None:
        return  # how many nodes the ranks are spread over is known
    node_rank, local_rank = node.node_rank, process.local_rank
    assert node_rank is not None  # the reading is telling
    least = node_rank.number + (0 if local_rank is None else local_rank.number)
    if node_rank.number > 0 and choice.rank.number < least:
        ranks = f"{choice.rank}" if local_rank is None else f"{choice.rank} {local_rank}"
        doubts.append(f"{node_rank} does not fit {ranks}, {choice.rank} used")


def compare_nodes(nodes: list[Reading], choice: Choice, doubts: list[str]) -> None:
    """Compare the node ranks that launchers of nodes give, where the first of them is used."""
    for other in nodes[1:]:
        used, number = nodes[0].node_rank, other.node_rank
        assert used is not None  # the readings are telling
        assert number is not None
        if choice.node_rank is used and number.number != used.number:
            doubts.append(f"{number} disagrees, {used} used")
