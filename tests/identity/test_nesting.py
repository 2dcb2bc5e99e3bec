"""Whole jobs: launchers in each other, all processes of all nodes; every one has its own rank."""

import itertools

import pytest

from logging_helpers.identity.detect import detect

NODES, TASKS = 2, 2  # tasks of an outer launcher on each node


def no_outer():
    yield {}


def skypilot():
    for node in range(NODES):
        yield {"SKYPILOT_NODE_RANK": f"{node}", "SKYPILOT_NUM_NODES": f"{NODES}"}


def skypilot_without_count():
    for node in range(NODES):
        yield {"SKYPILOT_NODE_RANK": f"{node}"}


def _srun(tasks):
    for node, task in itertools.product(range(NODES), range(tasks)):
        yield {
            "SLURM_PROCID": f"{node * tasks + task}",
            "SLURM_NTASKS": f"{NODES * tasks}",
            "SLURM_LOCALID": f"{task}",
            "SLURM_NODEID": f"{node}",
            "SLURM_JOB_NUM_NODES": f"{NODES}",
            "SLURM_STEP_ID": "0",
        }


def srun():
    return _srun(TASKS)


def srun_once_per_node():
    return _srun(1)


def _mpirun(nodes):
    for node, task in itertools.product(range(nodes), range(TASKS)):
        yield {
            "OMPI_COMM_WORLD_RANK": f"{node * TASKS + task}",
            "OMPI_COMM_WORLD_SIZE": f"{nodes * TASKS}",
            "OMPI_COMM_WORLD_LOCAL_RANK": f"{task}",
            "OMPI_COMM_WORLD_LOCAL_SIZE": f"{TASKS}",
        }


def mpirun():
    return _mpirun(NODES)


def mpirun_on_one_node():
    return _mpirun(1)


def nothing(outer):
    yield outer


def torchrun(outer, size=2):
    for rank in range(size):
        yield outer | {
            "TORCHELASTIC_RUN_ID": "none",
            "RANK": f"{rank}",
            "WORLD_SIZE": f"{size}",
            "LOCAL_RANK": f"{rank}",
            "LOCAL_WORLD_SIZE": f"{size}",
            "GROUP_RANK": "0",
            "GROUP_WORLD_SIZE": "1",
        }


def torchrun_of_one(outer):
    return torchrun(outer, size=1)


def container(outer):
    """As some images set it for whoever runs them."""
    yield outer | {"RANK": "0", "WORLD_SIZE": "1"}


def mpiexec(outer):
    for rank in range(2):
        yield outer | {
            "PMI_RANK": f"{rank}",
            "PMI_SIZE": "2",
            "MPI_LOCALRANKID": f"{rank}",
            "MPI_LOCALNRANKS": "2",
        }


OUTER = (
    *(no_outer, skypilot, skypilot_without_count, srun, srun_once_per_node),
    *(mpirun, mpirun_on_one_node),
)
INNER = (nothing, torchrun, torchrun_of_one, container, mpiexec)
# Two MPIs in each other: nothing tells which started which.
UNDECIDED = [(mpirun, mpiexec), (mpirun_on_one_node, mpiexec)]
DECIDED = [pair for pair in itertools.product(OUTER, INNER) if pair not in UNDECIDED]


def name(launcher):
    return launcher.__name__


def processes(outer, inner):
    return [detect(process) for task in outer() for process in inner(task)]


@pytest.mark.parametrize(("outer", "inner"), DECIDED, ids=name)
def test_every_process_has_a_rank_of_its_own_and_one_is_the_master(outer, inner):
    found = processes(outer, inner)
    assert [()] * len(found) == [(*each.problems, *each.doubts) for each in found]
    if len(found) > 1 or found[0].info.rank is not None:
        assert [*range(len(found))] == sorted(each.info.rank for each in found)
    assert {each.info.world_size for each in found} <= {len(found), None}
    assert 1 == sum(each.info.is_master for each in found)


@pytest.mark.parametrize(("outer", "inner"), UNDECIDED, ids=name)
def test_two_masters_are_never_silent(outer, inner):
    found = processes(outer, inner)
    assert 1 < sum(each.info.is_master for each in found)
    assert any(each.doubts for each in found if each.info.is_master)
