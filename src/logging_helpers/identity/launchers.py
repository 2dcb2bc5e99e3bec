"""The table of launchers: which environment variables tell a process its place in a job.

Adding a launcher is adding a row here and a case to `tests/identity/test_launchers.py`.
Rows stand in order of precedence: launchers of processes first, the innermost before
the outer ones, then launchers that number nodes only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Launcher(NamedTuple):
    """The variables of one launcher. ``None`` where it has no such variable.

    Attributes:
        name: The launcher's name, as banners show it.
        marker: Variable without which the row does not count, for names that several
            launchers share.
        rank: Rank of the process in the job.
        companions: Variables of which one must be set for `rank` to be certain to number
            processes; empty where the name alone is proof.
        world_size: Number of processes in the job.
        local_rank: Rank of the process on its node.
        local_world_size: Number of the job's processes on this node.
        node_rank: Rank of the node. A row with `node_rank` and no `rank` numbers nodes.
        node_count: Number of nodes.
        restart: How often the job was restarted, from 0.
        job_id: Id of the job, the same on all its ranks.
        no_job_id: Values of `job_id` that are none.
    """

    name: str
    marker: str | None = None
    rank: str | None = None
    companions: tuple[str, ...] = ()
    world_size: str | None = None
    local_rank: str | None = None
    local_world_size: str | None = None
    node_rank: str | None = None
    node_count: str | None = None
    restart: str | None = None
    job_id: str | None = None
    no_job_id: tuple[str, ...] = ()

    def variables(self) -> Iterator[str]:
        """Every variable the row names."""
        for variable in (
            self.marker,
            self.rank,
            *self.companions,
            self.world_size,
            self.local_rank,
            self.local_world_size,
            self.node_rank,
            self.node_count,
            self.restart,
            self.job_id,
        ):
            if variable is not None:
                yield variable


LAUNCHERS: tuple[Launcher, ...] = (
    # Source: torch.distributed.run, "Environment Variables"; GROUP_RANK is the node's rank,
    # plain torchrun without --rdzv-id calls its run "none".
    Launcher(
        name="torchrun",
        marker="TORCHELASTIC_RUN_ID",
        rank="RANK",
        world_size="WORLD_SIZE",
        local_rank="LOCAL_RANK",
        local_world_size="LOCAL_WORLD_SIZE",
        node_rank="GROUP_RANK",
        node_count="GROUP_WORLD_SIZE",
        restart="TORCHELASTIC_RESTART_COUNT",
        job_id="TORCHELASTIC_RUN_ID",
        no_job_id=("none",),
    ),
    # Source: torch.distributed's "env://" initialization, which accelerate, Composer and
    # Ray Train set too. Kubeflow's PyTorchJob v1 sets a bare RANK per pod, hence companions.
    Launcher(
        name="env",
        rank="RANK",
        companions=("WORLD_SIZE", "LOCAL_RANK"),
        world_size="WORLD_SIZE",
        local_rank="LOCAL_RANK",
        local_world_size="LOCAL_WORLD_SIZE",
        node_rank="NODE_RANK",
    ),
    # Source: Open MPI's manual, "Environment variables defined for MPI processes".
    # OMPI_COMM_WORLD_NODE_RANK is no node's rank but one within the node.
    Launcher(
        name="openmpi",
        rank="OMPI_COMM_WORLD_RANK",
        world_size="OMPI_COMM_WORLD_SIZE",
        local_rank="OMPI_COMM_WORLD_LOCAL_RANK",
        local_world_size="OMPI_COMM_WORLD_LOCAL_SIZE",
        job_id="PMIX_NAMESPACE",
    ),
    # Source: SkyPilot's manual, "Distributed multi-node jobs".
    Launcher(
        name="skypilot",
        node_rank="SKYPILOT_NODE_RANK",
        node_count="SKYPILOT_NUM_NODES",
        job_id="SKYPILOT_TASK_ID",
    ),
)

GUIDE_ORDER = ("SKYPILOT_NODE_RANK", "RANK", "OMPI_COMM_WORLD_RANK")
"""The variables `get_node_rank` looks at first, in the order the guide gives them."""


def node_rank_variables() -> tuple[str, ...]:
    """The variables `get_node_rank` looks at: the guide's, then those of the other launchers."""
    others = (launcher.rank or launcher.node_rank for launcher in LAUNCHERS)
    return tuple(dict.fromkeys((*GUIDE_ORDER, *(name for name in others if name is not None))))


VARIABLES = frozenset(name for launcher in LAUNCHERS for name in launcher.variables())
"""Every variable that can change the identity of a process."""
