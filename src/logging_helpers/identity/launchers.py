"""The table of launchers: which environment variables tell a process its place in a job.

Adding a launcher is adding a row here and a case to `tests/identity/test_launchers.py`.
Rows stand in order of precedence: launchers of processes first, the innermost before the
outer ones, then launchers that number nodes only. Read backwards, the order is that of
the outermost: whose job id counts.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

Environ = Mapping[str, str]


def _always(_environ: Environ) -> bool:
    return True


class Launcher(NamedTuple):
    """The variables of one launcher, of each the names in order of preference.

    Attributes:
        name: The launcher's name, as banners show it.
        counts: Whether the row's ranks mean anything in an environment.
        counts_where: When they do, in words.
        rank: Rank of the process in the job.
        companions: Variables of which one must be set for `rank` to be certain to number
            processes; empty where the name alone is proof.
        world_size: Number of processes in the job.
        local_rank: Rank of the process on its node.
        local_world_size: Number of the job's processes on this node.
        node_rank: Rank of the node. A row with `node_rank` and no `rank` numbers nodes,
            unless `derives_rank`.
        node_count: Number of nodes.
        restart: How often the job was restarted.
        restart_base: Value of `restart` in the first attempt.
        job_id: Id of the job, the same on all its ranks.
        no_job_id: Values of `job_id` that are none.
        has_agent: Whether an agent starts the processes, so that an outer launcher's rank is
            the agent's.
        derives_rank: Whether the rank is node rank * local world size + local rank.
    """

    name: str
    counts: Callable[[Environ], bool] = _always
    counts_where: str = ""
    rank: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()
    world_size: tuple[str, ...] = ()
    local_rank: tuple[str, ...] = ()
    local_world_size: tuple[str, ...] = ()
    node_rank: tuple[str, ...] = ()
    node_count: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()
    restart_base: int = 0
    job_id: tuple[str, ...] = ()
    no_job_id: tuple[str, ...] = ()
    has_agent: bool = False
    derives_rank: bool = False

    @property
    def is_of_nodes(self) -> bool:
        """Whether the row numbers nodes, not processes."""
        return not self.rank and not self.derives_rank

    @property
    def numbering(self) -> tuple[str, ...]:
        """The variables without which the row says nothing."""
        return self.rank or (self.local_rank if self.derives_rank else self.node_rank)

    def variables(self) -> Iterator[str]:
        """Every variable the row names, but for those that only `counts` looks at."""
        for names in (
            self.rank,
            self.companions,
            self.world_size,
            self.local_rank,
            self.local_world_size,
            self.node_rank,
            self.node_count,
            self.restart,
            self.job_id,
        ):
            yield from names


def _has(variable: str) -> Callable[[Environ], bool]:
    return lambda environ: bool(environ.get(variable))


def _is_lightning_child(environ: Environ) -> bool:
    # After fit() Lightning takes WORLD_SIZE away again.
    has_companion = environ.get("WORLD_SIZE") or environ.get("NODE_RANK")
    return bool(environ.get("LOCAL_RANK") and has_companion and not environ.get("RANK"))


# Source: slurm.h, SLURM_INTERACTIVE_STEP, SLURM_BATCH_SCRIPT, SLURM_EXTERN_CONT and the like.
_FIRST_SPECIAL_STEP = 0xFFFFFFF0


def _is_in_srun_step(environ: Environ) -> bool:
    """Whether SLURM_PROCID is this process's rank.

    In a plain ``python`` under sbatch it is 0 in every process; in a shell that somebody
    works in (``srun --pty bash``, ``salloc``) it is the shell's, which is alone in its step.
    """
    step = environ.get("SLURM_STEP_ID", "")
    if not (step.isascii() and step.isdigit() and int(step) < _FIRST_SPECIAL_STEP):
        return False
    is_shell = environ.get("SLURM_JOB_NAME") in ("bash", "interactive")
    return not (is_shell and environ.get("SLURM_STEP_NUM_TASKS", "1") == "1")


LAUNCHERS: tuple[Launcher, ...] = (
    # Source: torch.distributed.run, "Environment Variables"; GROUP_RANK is the node's rank,
    # plain torchrun without --rdzv-id calls its run "none".
    Launcher(
        "torchrun",
        counts=_has("TORCHELASTIC_RUN_ID"),
        rank=("RANK",),
        world_size=("WORLD_SIZE",),
        local_rank=("LOCAL_RANK",),
        local_world_size=("LOCAL_WORLD_SIZE",),
        node_rank=("GROUP_RANK",),
        node_count=("GROUP_WORLD_SIZE",),
        restart=("TORCHELASTIC_RESTART_COUNT",),
        job_id=("TORCHELASTIC_RUN_ID",),
        no_job_id=("none",),
        has_agent=True,
    ),
    # Source: deepspeed.launcher.launch, which sets CROSS_RANK and CROSS_SIZE beside RANK.
    Launcher(
        "deepspeed",
        counts=_has("CROSS_SIZE"),
        rank=("RANK",),
        world_size=("WORLD_SIZE",),
        local_rank=("LOCAL_RANK",),
        local_world_size=("LOCAL_SIZE",),
        node_rank=("CROSS_RANK",),
        node_count=("CROSS_SIZE",),
    ),
    # Source: torch.distributed's "env://" initialization, which accelerate, Composer and
    # Ray Train set too. Kubeflow's PyTorchJob v1 sets a bare RANK per pod, hence companions.
    Launcher(
        "env",
        rank=("RANK",),
        companions=("WORLD_SIZE", "LOCAL_RANK"),
        world_size=("WORLD_SIZE",),
        local_rank=("LOCAL_RANK",),
        local_world_size=("LOCAL_WORLD_SIZE",),
        node_rank=("NODE_RANK",),
    ),
    # Source: lightning.fabric.strategies.launchers.subprocess_script; it never sets RANK.
    Launcher(
        "lightning",
        counts=_is_lightning_child,
        counts_where="with WORLD_SIZE or NODE_RANK, and without RANK",
        derives_rank=True,
        world_size=("WORLD_SIZE",),
        local_rank=("LOCAL_RANK",),
        local_world_size=("LOCAL_WORLD_SIZE",),
        node_rank=("NODE_RANK",),
    ),
    # Source: horovod.runner, gloo_run.create_slot_env_vars.
    Launcher(
        "horovod",
        rank=("HOROVOD_RANK",),
        world_size=("HOROVOD_SIZE",),
        local_rank=("HOROVOD_LOCAL_RANK",),
        local_world_size=("HOROVOD_LOCAL_SIZE",),
        node_rank=("HOROVOD_CROSS_RANK",),
        node_count=("HOROVOD_CROSS_SIZE",),
    ),
    # Source: Open MPI's manual, "Environment variables defined for MPI processes".
    # OMPI_COMM_WORLD_NODE_RANK is no node's rank but one within the node.
    Launcher(
        "openmpi",
        rank=("OMPI_COMM_WORLD_RANK",),
        world_size=("OMPI_COMM_WORLD_SIZE",),
        local_rank=("OMPI_COMM_WORLD_LOCAL_RANK",),
        local_world_size=("OMPI_COMM_WORLD_LOCAL_SIZE",),
        job_id=("PMIX_NAMESPACE",),
    ),
    # Source: MVAPICH2's user guide, mpirun_rsh.
    Launcher(
        "mvapich",
        rank=("MV2_COMM_WORLD_RANK",),
        world_size=("MV2_COMM_WORLD_SIZE",),
        local_rank=("MV2_COMM_WORLD_LOCAL_RANK",),
        local_world_size=("MV2_COMM_WORLD_LOCAL_SIZE",),
    ),
    # Source: MPICH's Hydra and PMI-1; MPI_LOCALRANKID and MPI_LOCALNRANKS are Hydra's.
    Launcher(
        "mpich",
        rank=("PMI_RANK",),
        world_size=("PMI_SIZE",),
        local_rank=("PMI_LOCAL_RANK", "MPI_LOCALRANKID"),
        local_world_size=("PMI_LOCAL_SIZE", "MPI_LOCALNRANKS"),
        job_id=("PMI_JOBID",),
    ),
    # Source: IBM Spectrum LSF, Job Step Manager.
    Launcher(
        "jsrun",
        rank=("JSM_NAMESPACE_RANK",),
        world_size=("JSM_NAMESPACE_SIZE",),
        local_rank=("JSM_NAMESPACE_LOCAL_RANK",),
        job_id=("LSB_JOBID",),
    ),
    # Source: flux-environment(7).
    Launcher(
        "flux",
        rank=("FLUX_TASK_RANK",),
        world_size=("FLUX_JOB_SIZE",),
        local_rank=("FLUX_TASK_LOCAL_ID",),
        job_id=("FLUX_JOB_ID",),
    ),
    # Source: Cray PALS, mpiexec(1).
    Launcher(
        "pals",
        rank=("PALS_RANKID",),
        local_rank=("PALS_LOCAL_RANKID",),
        node_rank=("PALS_NODEID",),
        job_id=("PALS_APID",),
    ),
    # Source: PMIx standard; tells no size.
    Launcher("pmix", rank=("PMIX_RANK",), job_id=("PMIX_NAMESPACE",)),
    # Source: srun(1), "OUTPUT ENVIRONMENT VARIABLES".
    Launcher(
        "slurm",
        counts=_is_in_srun_step,
        counts_where="inside a real srun step",
        rank=("SLURM_PROCID",),
        world_size=("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"),
        local_rank=("SLURM_LOCALID",),
        node_rank=("SLURM_NODEID",),
        node_count=("SLURM_STEP_NUM_NODES", "SLURM_JOB_NUM_NODES"),
        restart=("SLURM_RESTART_COUNT",),
        job_id=("SLURM_JOB_ID",),
    ),
    # From here on launchers of nodes.
    # Source: SkyPilot's manual, "Distributed multi-node jobs".
    Launcher(
        "skypilot",
        node_rank=("SKYPILOT_NODE_RANK",),
        node_count=("SKYPILOT_NUM_NODES",),
        job_id=("SKYPILOT_TASK_ID",),
    ),
    # Source: Kubeflow's training operator: torchrun's arguments as variables. PET_NNODES may
    # be a range, "1:4", which tells no number.
    Launcher("kubeflow", node_rank=("PET_NODE_RANK",), node_count=("PET_NNODES",)),
    # Source: AWS Batch, "Job environment variables"; attempts count from 1.
    Launcher(
        "aws-batch",
        node_rank=("AWS_BATCH_JOB_NODE_INDEX",),
        node_count=("AWS_BATCH_JOB_NUM_NODES",),
        restart=("AWS_BATCH_JOB_ATTEMPT",),
        restart_base=1,
        job_id=("AWS_BATCH_JOB_ID",),
    ),
    # Source: Kubernetes, "Indexed Job".
    Launcher("kubernetes", node_rank=("JOB_COMPLETION_INDEX",)),
    # Source: Google Cloud TPU's runtime.
    Launcher("tpu", node_rank=("TPU_WORKER_ID",)),
)

RANGES = frozenset({"PET_NNODES"})
"""Variables that may hold a range, such as ``1:4``."""

GUIDE_ORDER = ("SKYPILOT_NODE_RANK", "RANK", "OMPI_COMM_WORLD_RANK")
"""The variables `get_node_rank` looks at first, in the order the guide gives them."""

_LOOKED_AT = ("TORCHELASTIC_RUN_ID", "CROSS_SIZE", "SLURM_STEP_ID", "SLURM_JOB_NAME")

VARIABLES = frozenset((*_LOOKED_AT, *(name for row in LAUNCHERS for name in row.variables())))
"""Every variable that can change the identity of a process."""

LAUNCHERS_BY_VARIABLE: Mapping[str, tuple[int, ...]] = {
    variable: tuple(index for index, row in enumerate(LAUNCHERS) if variable in row.numbering)
    for row in LAUNCHERS
    for variable in (*row.rank, *row.local_rank, *row.node_rank)
}
"""Rows that number a process or its node by a variable, as indices, so that few are looked at."""
