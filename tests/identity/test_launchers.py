"""The table of launchers: one case or more for every row, alone and nested."""

import pytest

from logging_helpers import RankInfo
from logging_helpers.identity.detect import detect
from logging_helpers.identity.launchers import (
    GUIDE_ORDER,
    LAUNCHERS,
    VARIABLES,
    Launcher,
)
from logging_helpers.identity.readings import find_node_rank

TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "job7",
    "TORCHELASTIC_RESTART_COUNT": "2",
    "RANK": "5",
    "WORLD_SIZE": "8",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "4",
    "GROUP_RANK": "1",
    "GROUP_WORLD_SIZE": "2",
}
TORCHRUN_ON_ONE_NODE = {
    "TORCHELASTIC_RUN_ID": "none",
    "TORCHELASTIC_RESTART_COUNT": "0",
    "RANK": "1",
    "WORLD_SIZE": "2",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "GROUP_RANK": "0",
    "GROUP_WORLD_SIZE": "1",
}
ENV = {
    "RANK": "5",
    "WORLD_SIZE": "8",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "4",
    "NODE_RANK": "1",
}
OPENMPI = {
    "OMPI_COMM_WORLD_RANK": "3",
    "OMPI_COMM_WORLD_SIZE": "4",
    "OMPI_COMM_WORLD_LOCAL_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
    "PMIX_NAMESPACE": "prterun-host-77@1",
}
SKYPILOT = {
    "SKYPILOT_NODE_RANK": "1",
    "SKYPILOT_NUM_NODES": "2",
    "SKYPILOT_TASK_ID": "sky-2026-10-05_task-1",
}
SLURM = {
    "SLURM_PROCID": "3",
    "SLURM_NTASKS": "4",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1",
    "SLURM_JOB_NUM_NODES": "2",
    "SLURM_STEP_ID": "0",
    "SLURM_JOB_ID": "4711",
    "SLURM_RESTART_COUNT": "1",
    "SLURM_JOB_NAME": "train",
}

# One row of the table each, by itself, and what a launcher may leave out.
ALONE = {
    "nothing": ({}, RankInfo()),
    "empty": ({"RANK": "", "SKYPILOT_NODE_RANK": ""}, RankInfo()),
    "torchrun": (TORCHRUN, RankInfo(5, 8, 1, 4, 1, 2, "job7", "torchrun")),
    "torchrun without id": (
        TORCHRUN | {"TORCHELASTIC_RUN_ID": "none"},
        RankInfo(5, 8, 1, 4, 1, 2, None, "torchrun"),
    ),
    "an id without a rank": ({"TORCHELASTIC_RUN_ID": "job7"}, RankInfo(job_id="job7")),
    "env": (ENV, RankInfo(5, 8, 1, 4, 1, source="env")),
    "env with a world size": (
        {"RANK": "0", "WORLD_SIZE": "4"},
        RankInfo(0, 4, source="env"),
    ),
    "bare RANK": (
        {"RANK": "2"},
        RankInfo(2, source="env", conflicts=("RANK=2 has no WORLD_SIZE or LOCAL_RANK beside it",)),
    ),
    "a world size alone": ({"WORLD_SIZE": "4"}, RankInfo()),
    "a local rank alone": ({"LOCAL_RANK": "1"}, RankInfo()),
    "openmpi": (OPENMPI, RankInfo(3, 4, 1, 2, job_id="prterun-host-77_1", source="openmpi")),
    "openmpi's rank within the node is no node's rank": (
        {
            "OMPI_COMM_WORLD_RANK": "3",
            "OMPI_COMM_WORLD_SIZE": "4",
            "OMPI_COMM_WORLD_NODE_RANK": "1",
        },
        RankInfo(3, 4, source="openmpi"),
    ),
    "half of openmpi's set": (
        {"OMPI_COMM_WORLD_RANK": "3"},
        RankInfo(
            3,
            source="openmpi",
            conflicts=("OMPI_COMM_WORLD_RANK=3 has no OMPI_COMM_WORLD_SIZE beside it",),
        ),
    ),
    "RANK and a local rank without a world size": (
        {"RANK": "1", "LOCAL_RANK": "1"},
        RankInfo(
            1,
            local_rank=1,
            source="env",
            conflicts=("RANK=1 has no WORLD_SIZE beside it",),
        ),
    ),
    "skypilot": (
        SKYPILOT,
        RankInfo(1, 2, node_rank=1, job_id="sky-2026-10-05_task-1", source="skypilot"),
    ),
    "skypilot's rank only": (
        {"SKYPILOT_NODE_RANK": "3"},
        RankInfo(3, node_rank=3, source="skypilot"),
    ),
    "skypilot's id without a rank": ({"SKYPILOT_TASK_ID": "sky-1"}, RankInfo(job_id="sky-1")),
    "deepspeed": (
        {
            "RANK": "5",
            "WORLD_SIZE": "8",
            "LOCAL_RANK": "1",
            "LOCAL_SIZE": "4",
            "CROSS_RANK": "1",
            "CROSS_SIZE": "2",
        },
        RankInfo(5, 8, 1, 4, 1, source="deepspeed"),
    ),
    "lightning's child on one node": (
        {"LOCAL_RANK": "1", "WORLD_SIZE": "2", "NODE_RANK": "0"},
        RankInfo(1, 2, 1, None, 0, source="lightning"),
    ),
    "lightning's child after fit(), without WORLD_SIZE": (
        {"LOCAL_RANK": "1", "NODE_RANK": "0"},
        RankInfo(1, None, 1, None, 0, source="lightning"),
    ),
    "lightning's child on another node, without any size": (
        {"LOCAL_RANK": "1", "NODE_RANK": "2"},
        RankInfo(
            2049,
            None,
            1,
            None,
            2,
            source="lightning",
            conflicts=(
                "nothing tells how many processes a node has;"
                " NODE_RANK=2 * MOST_PER_NODE=1024 + LOCAL_RANK=1 = 2049 used as rank",
            ),
        ),
    ),
    "lightning's child with a local world size": (
        {"LOCAL_RANK": "1", "WORLD_SIZE": "8", "NODE_RANK": "1", "LOCAL_WORLD_SIZE": "4"},
        RankInfo(5, 8, 1, 4, 1, source="lightning"),
    ),
    "lightning's child where nothing tells the local world size": (
        {"LOCAL_RANK": "1", "WORLD_SIZE": "8", "NODE_RANK": "2"},
        RankInfo(
            17,
            None,
            1,
            None,
            2,
            source="lightning",
            conflicts=(
                "nothing tells how many processes a node has;"
                " NODE_RANK=2 * WORLD_SIZE=8 + LOCAL_RANK=1 = 17 used as rank",
            ),
        ),
    ),
    "horovod": (
        {
            "HOROVOD_RANK": "3",
            "HOROVOD_SIZE": "4",
            "HOROVOD_LOCAL_RANK": "1",
            "HOROVOD_LOCAL_SIZE": "2",
            "HOROVOD_CROSS_RANK": "1",
            "HOROVOD_CROSS_SIZE": "2",
        },
        RankInfo(3, 4, 1, 2, 1, source="horovod"),
    ),
    "mvapich": (
        {
            "MV2_COMM_WORLD_RANK": "3",
            "MV2_COMM_WORLD_SIZE": "4",
            "MV2_COMM_WORLD_LOCAL_RANK": "1",
            "MV2_COMM_WORLD_LOCAL_SIZE": "2",
        },
        RankInfo(3, 4, 1, 2, source="mvapich"),
    ),
    "mpich's Hydra": (
        {"PMI_RANK": "3", "PMI_SIZE": "4", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "2"},
        RankInfo(3, 4, 1, 2, source="mpich"),
    ),
    "PMI": (
        {
            "PMI_RANK": "3",
            "PMI_SIZE": "4",
            "PMI_LOCAL_RANK": "1",
            "PMI_LOCAL_SIZE": "2",
            "PMI_JOBID": "77",
        },
        RankInfo(3, 4, 1, 2, job_id="77", source="mpich"),
    ),
    "pmix": (
        {"PMIX_RANK": "3", "PMIX_NAMESPACE": "ns@1"},
        RankInfo(3, job_id="ns_1", source="pmix"),
    ),
    "jsrun": (
        {
            "JSM_NAMESPACE_RANK": "3",
            "JSM_NAMESPACE_SIZE": "4",
            "JSM_NAMESPACE_LOCAL_RANK": "1",
            "LSB_JOBID": "88",
        },
        RankInfo(3, 4, 1, job_id="88", source="jsrun"),
    ),
    "flux": (
        {
            "FLUX_TASK_RANK": "3",
            "FLUX_JOB_SIZE": "4",
            "FLUX_TASK_LOCAL_ID": "1",
            "FLUX_JOB_ID": "f2Q",
        },
        RankInfo(3, 4, 1, job_id="f2Q", source="flux"),
    ),
    "pals": (
        {"PALS_RANKID": "3", "PALS_LOCAL_RANKID": "1", "PALS_NODEID": "1", "PALS_APID": "99"},
        RankInfo(3, None, 1, None, 1, job_id="99", source="pals"),
    ),
    "slurm": (SLURM, RankInfo(3, 4, 1, None, 1, 1, "4711", "slurm")),
    "slurm without a step": (
        {name: value for name, value in SLURM.items() if name != "SLURM_STEP_ID"},
        RankInfo(restart=1, job_id="4711"),
    ),
    "slurm's interactive step": (
        SLURM | {"SLURM_STEP_ID": "4294967290"},
        RankInfo(restart=1, job_id="4711"),
    ),
    "a shell under srun": (
        SLURM | {"SLURM_JOB_NAME": "bash", "SLURM_STEP_NUM_TASKS": "1"},
        RankInfo(restart=1, job_id="4711"),
    ),
    "srun in a salloc, which is named as its shell": (
        SLURM | {"SLURM_JOB_NAME": "interactive", "SLURM_STEP_NUM_TASKS": "4"},
        RankInfo(3, 4, 1, None, 1, 1, "4711", "slurm"),
    ),
    "kubeflow": (
        {"PET_NODE_RANK": "1", "PET_NNODES": "2"},
        RankInfo(1, 2, node_rank=1, source="kubeflow"),
    ),
    "kubeflow with a range of nodes": (
        {"PET_NODE_RANK": "1", "PET_NNODES": "1:4"},
        RankInfo(1, node_rank=1, source="kubeflow"),
    ),
    "aws-batch": (
        {
            "AWS_BATCH_JOB_NODE_INDEX": "1",
            "AWS_BATCH_JOB_NUM_NODES": "2",
            "AWS_BATCH_JOB_ATTEMPT": "3",
            "AWS_BATCH_JOB_ID": "b-1",
        },
        RankInfo(1, 2, node_rank=1, restart=2, job_id="b-1", source="aws-batch"),
    ),
    "kubernetes": (
        {"JOB_COMPLETION_INDEX": "3"},
        RankInfo(3, node_rank=3, source="kubernetes"),
    ),
    "tpu": ({"TPU_WORKER_ID": "3"}, RankInfo(3, node_rank=3, source="tpu")),
}


@pytest.mark.parametrize(("environ", "expected"), ALONE.values(), ids=ALONE.keys())
def test_a_launcher_by_itself_gives_the_identity(environ, expected):
    assert (expected, ()) == detect(environ)[:2]


def test_every_row_of_the_table_has_a_case():
    assert {row.name for row in LAUNCHERS} <= {info.source for _, info in ALONE.values()}


def test_the_variables_of_the_table_are_those_of_its_rows_and_of_its_conditions():
    named = {name for row in LAUNCHERS for name in row.variables()}
    assert {"TORCHELASTIC_RUN_ID", "CROSS_SIZE", "SLURM_STEP_ID", "SLURM_JOB_NAME"} | named == (
        VARIABLES
    )
    row = Launcher("x", rank=("R", "Q"), companions=("C",), job_id=("J",), restart=("S",))
    assert ["R", "Q", "C", "S", "J"] == list(row.variables())


# Launchers inside each other, and those that contradict each other.
TOGETHER = {
    "torchrun of one node inside SkyPilot is composed": (
        TORCHRUN_ON_ONE_NODE | SKYPILOT,
        RankInfo(3, 4, 1, 2, 1, 0, "sky-2026-10-05_task-1", "skypilot/torchrun"),
    ),
    "without the number of nodes, the world size is not known": (
        TORCHRUN_ON_ONE_NODE | {"SKYPILOT_NODE_RANK": "1"},
        RankInfo(3, None, 1, 2, 1, 0, None, "skypilot/torchrun"),
    ),
    "on a single SkyPilot node nothing is composed": (
        TORCHRUN_ON_ONE_NODE | {"SKYPILOT_NODE_RANK": "0", "SKYPILOT_NUM_NODES": "1"},
        RankInfo(1, 2, 1, 2, 0, 0, None, "torchrun"),
    ),
    "env whose world is one node is composed": (
        {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"} | SKYPILOT,
        RankInfo(3, 4, 1, 2, 1, None, "sky-2026-10-05_task-1", "skypilot/env"),
    ),
    "torchrun of one node that gives no local ranks is composed": (
        {
            "TORCHELASTIC_RUN_ID": "none",
            "RANK": "1",
            "WORLD_SIZE": "2",
            "GROUP_WORLD_SIZE": "1",
            "SKYPILOT_NODE_RANK": "2",
        },
        RankInfo(5, None, 1, 2, 2, None, None, "skypilot/torchrun"),
    ),
    "torchrun of several nodes in SkyPilot is not composed": (
        TORCHRUN | SKYPILOT,
        RankInfo(5, 8, 1, 4, 1, 2, "sky-2026-10-05_task-1", "torchrun"),
    ),
    "env whose world is more than a node is not composed": (
        ENV | SKYPILOT,
        RankInfo(5, 8, 1, 4, 1, None, "sky-2026-10-05_task-1", "env"),
    ),
    "a process without a node's rank takes the outer launcher's": (
        {"RANK": "5", "WORLD_SIZE": "8"} | SKYPILOT,
        RankInfo(5, 8, node_rank=1, job_id="sky-2026-10-05_task-1", source="env"),
    ),
    "a bare RANK does not beat a node's rank": (
        {"RANK": "2", "SKYPILOT_NODE_RANK": "1"},
        RankInfo(
            1,
            node_rank=1,
            source="skypilot",
            conflicts=(
                "RANK=2 has no WORLD_SIZE or LOCAL_RANK beside it, SKYPILOT_NODE_RANK=1 used",
            ),
        ),
    ),
    "a bare RANK that equals the node's contradicts nobody": (
        {"RANK": "1", "SKYPILOT_NODE_RANK": "1"},
        RankInfo(1, node_rank=1, source="skypilot"),
    ),
    "a bare RANK does not beat Open MPI": (
        {"RANK": "0"} | OPENMPI,
        RankInfo(
            3,
            4,
            1,
            2,
            job_id="prterun-host-77_1",
            source="openmpi",
            conflicts=(
                "RANK=0 has no WORLD_SIZE or LOCAL_RANK beside it, OMPI_COMM_WORLD_RANK=3 used",
            ),
        ),
    ),
    "env beats Open MPI, which disagrees": (
        ENV | OPENMPI,
        RankInfo(
            5,
            8,
            1,
            4,
            1,
            job_id="prterun-host-77_1",
            source="env",
            conflicts=("OMPI_COMM_WORLD_RANK=3 disagrees, RANK=5 used",),
        ),
    ),
    "mpirun that also exports RANK as torch wants it is no conflict": (
        OPENMPI | {"RANK": "3", "WORLD_SIZE": "4"},
        RankInfo(3, 4, 1, 2, job_id="prterun-host-77_1", source="env"),
    ),
    "torchrun started once by each srun task, with a rendezvous of its own": (
        TORCHRUN_ON_ONE_NODE | SLURM,
        RankInfo(7, 8, 1, 2, 1, 1, "4711", "slurm/torchrun"),
    ),
    "torchrun over several nodes under srun: PROCID is the daemon's": (
        TORCHRUN | SLURM,
        RankInfo(
            5,
            8,
            1,
            4,
            1,
            3,
            "4711",
            "torchrun",
            ("SLURM_PROCID=3 describes the launcher daemon, RANK=5 used",),
        ),
    ),
    "mpirun inside salloc": (
        OPENMPI | SLURM | {"SLURM_PROCID": "1"},
        RankInfo(
            3,
            4,
            1,
            2,
            None,
            1,
            "4711",
            "openmpi",
            ("SLURM_PROCID=1 describes the launcher daemon, OMPI_COMM_WORLD_RANK=3 used",),
        ),
    ),
    "a script that exports Slurm's numbers as torch wants them": (
        SLURM | {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"},
        RankInfo(3, 4, 1, None, 1, 1, "4711", "env"),
    ),
    "srun --mpi=pmi2": (
        SLURM | {"PMI_RANK": "3", "PMI_SIZE": "4", "PMI_JOBID": "4711.0"},
        RankInfo(3, 4, 1, None, 1, 1, "4711", "mpich"),
    ),
    "PMIx under srun, which tells no size": (
        SLURM | {"PMIX_RANK": "3", "PMIX_NAMESPACE": "slurm.pmix.4711.0"},
        RankInfo(3, 4, 1, None, 1, 1, "4711", "pmix"),
    ),
    "mpirun whose script exports local ranks for torch": (
        OPENMPI | {"LOCAL_RANK": "1", "WORLD_SIZE": "4"},
        RankInfo(3, 4, 1, 2, job_id="prterun-host-77_1", source="openmpi"),
    ),
    "lightning's children of a single task of srun": (
        {"LOCAL_RANK": "1", "WORLD_SIZE": "2", "NODE_RANK": "0"}
        | {"SLURM_PROCID": "0", "SLURM_NTASKS": "1", "SLURM_STEP_ID": "0"},
        RankInfo(
            1,
            2,
            1,
            None,
            0,
            source="lightning",
            conflicts=("SLURM_PROCID=0 describes the launcher daemon, LOCAL_RANK=1 used",),
        ),
    ),
    "lightning's children on two SkyPilot nodes": (
        {"LOCAL_RANK": "1", "WORLD_SIZE": "4", "NODE_RANK": "1"} | SKYPILOT,
        RankInfo(3, 4, 1, 2, 1, None, "sky-2026-10-05_task-1", "lightning"),
    ),
    "env of one process in each process of mpirun": (
        OPENMPI | {"RANK": "0", "WORLD_SIZE": "1"},
        RankInfo(3, 4, 1, 2, None, None, "prterun-host-77_1", "openmpi/env"),
    ),
    "env of one process on each SkyPilot node": (
        {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"} | SKYPILOT,
        RankInfo(1, 2, 0, 1, 1, None, "sky-2026-10-05_task-1", "skypilot/env"),
    ),
    "env of one process under srun": (
        SLURM | {"RANK": "0", "WORLD_SIZE": "1"},
        RankInfo(3, 4, 1, None, 1, 1, "4711", "slurm/env"),
    ),
    "env of two processes in each process of an mpirun of four": (
        OPENMPI | {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"},
        RankInfo(7, 8, 1, 2, None, None, "prterun-host-77_1", "openmpi/env"),
    ),
    "env of a node's two processes in one mpirun process on each of two nodes": (
        {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
        | {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"}
        | {"OMPI_COMM_WORLD_LOCAL_RANK": "0", "OMPI_COMM_WORLD_LOCAL_SIZE": "1"},
        RankInfo(3, 4, 1, 2, None, None, None, "openmpi/env"),
    ),
    "env that says nothing of nodes and does not fit the node's rank": (
        {"RANK": "0", "WORLD_SIZE": "4", "LOCAL_RANK": "0"} | SKYPILOT,
        RankInfo(
            0,
            4,
            0,
            node_rank=1,
            job_id="sky-2026-10-05_task-1",
            source="env",
            conflicts=("SKYPILOT_NODE_RANK=1 does not fit RANK=0 LOCAL_RANK=0, RANK=0 used",),
        ),
    ),
    "a local rank that the ranks of lower nodes leave no room for": (
        {"RANK": "1", "WORLD_SIZE": "4", "LOCAL_RANK": "1"} | SKYPILOT,
        RankInfo(
            1,
            4,
            1,
            node_rank=1,
            job_id="sky-2026-10-05_task-1",
            source="env",
            conflicts=("SKYPILOT_NODE_RANK=1 does not fit RANK=1 LOCAL_RANK=1, RANK=1 used",),
        ),
    ),
    "launchers of nodes that disagree": (
        SKYPILOT | {"PET_NODE_RANK": "0", "JOB_COMPLETION_INDEX": "1"},
        RankInfo(
            1,
            2,
            node_rank=1,
            job_id="sky-2026-10-05_task-1",
            source="skypilot",
            conflicts=("PET_NODE_RANK=0 disagrees, SKYPILOT_NODE_RANK=1 used",),
        ),
    ),
    "one process of mpirun on each SkyPilot node": (
        {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"} | SKYPILOT,
        RankInfo(1, 2, node_rank=1, job_id="sky-2026-10-05_task-1", source="openmpi"),
    ),
}


@pytest.mark.parametrize(("environ", "expected"), TOGETHER.values(), ids=TOGETHER.keys())
def test_launchers_together_give_one_identity(environ, expected):
    assert (expected, ()) == detect(environ)[:2]


DOUBTS = {
    "nothing": ({}, ()),
    "torchrun over several nodes under srun": (TORCHRUN | SLURM, ()),
    "mpirun inside salloc": (OPENMPI | SLURM | {"SLURM_PROCID": "1"}, ()),
    "half a set": ({"RANK": "2"}, ()),
    "a bare RANK": ({"RANK": "2", "SKYPILOT_NODE_RANK": "1"}, ()),
    "processes": (ENV | OPENMPI, ("OMPI_COMM_WORLD_RANK=3 disagrees, RANK=5 used",)),
    "one RANK for all of srun's tasks": (
        SLURM | {"RANK": "0", "WORLD_SIZE": "4"},
        ("SLURM_PROCID=3 disagrees, RANK=0 used",),
    ),
    "a node's number as RANK of all its tasks": (
        SLURM | {"RANK": "1", "WORLD_SIZE": "2"},
        ("SLURM_PROCID=3 disagrees, RANK=1 used",),
    ),
    "PMIx, which tells no size": (
        OPENMPI | {"RANK": "0", "WORLD_SIZE": "4", "PMIX_RANK": "3"},
        ("OMPI_COMM_WORLD_RANK=3 disagrees, RANK=0 used",),
    ),
    "a job of more processes than tasks of srun started it": (
        SLURM | {"RANK": "0", "WORLD_SIZE": "8"},
        (),
    ),
    "nodes": (
        SKYPILOT | {"PET_NODE_RANK": "0"},
        ("PET_NODE_RANK=0 disagrees, SKYPILOT_NODE_RANK=1 used",),
    ),
    "a node and a process": (
        {"RANK": "0", "WORLD_SIZE": "4"} | SKYPILOT,
        ("SKYPILOT_NODE_RANK=1 does not fit RANK=0, RANK=0 used",),
    ),
}


@pytest.mark.parametrize(("environ", "expected"), DOUBTS.values(), ids=DOUBTS.keys())
def test_what_may_give_two_processes_one_rank_is_a_doubt(environ, expected):
    assert expected == detect(environ).doubts
    assert () == detect(environ, rank=1).doubts


def test_torchrun_on_each_of_two_skypilot_nodes_gives_four_identities():
    ranks = {}
    for node in ("0", "1"):
        for local in ("0", "1"):
            of_process = {"RANK": local, "LOCAL_RANK": local, "SKYPILOT_NODE_RANK": node}
            info = detect(TORCHRUN_ON_ONE_NODE | SKYPILOT | of_process).info
            ranks[node, local] = (info.rank, info.world_size, info.is_master)
    assert {
        ("0", "0"): (0, 4, True),
        ("0", "1"): (1, 4, False),
        ("1", "0"): (2, 4, False),
        ("1", "1"): (3, 4, False),
    } == ranks


@pytest.mark.parametrize(
    ("info", "expected"), [(RankInfo(), True), (RankInfo(0), True), (RankInfo(1), False)]
)
def test_master_is_rank_0_or_the_only_process(info, expected):
    assert expected is info.is_master


def test_the_guides_variables_come_first_for_the_node_rank():
    environ = {
        row_variable: str(number)
        for number, row_variable in enumerate((*GUIDE_ORDER, "PMI_RANK", "JOB_COMPLETION_INDEX"))
    }
    found = []
    while environ:
        node_rank, _ = find_node_rank(environ)
        found.append(next(name for name, value in environ.items() if value == node_rank))
        del environ[found[-1]]
    assert found == [
        "SKYPILOT_NODE_RANK",
        "RANK",
        "OMPI_COMM_WORLD_RANK",
        "PMI_RANK",
        "JOB_COMPLETION_INDEX",
    ]


def test_slurms_variables_are_no_node_rank_outside_of_a_step():
    outside = {name: value for name, value in SLURM.items() if name != "SLURM_STEP_ID"}
    assert ((None, ()), ("3", ())) == (find_node_rank(outside), find_node_rank(SLURM))
