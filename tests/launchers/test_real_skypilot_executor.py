import pytest
from launchers.engines.hosts import NAMES, two_hosts
from launchers.engines.probing import (
    PROBE,
    assert_probed,
    hosts_of_nodes,
    said_by_us,
    seen_by_all,
)
from launchers.engines.sky import TASK_ID, run_on_nodes
from launchers.engines.slurm import slurm_on
from launchers.launching import python_of, torchrun

pytestmark = pytest.mark.launchers

TIMEOUT_SECONDS = 90


@pytest.fixture(scope="module")
def slurm():
    with two_hosts() as hosts, slurm_on(hosts) as slurm:
        yield slurm


def run_task(slurm, directory, command):
    """Run it on two nodes and return what the executor took of each node's output."""
    finished, logs = run_on_nodes(slurm, directory, command, timeout_seconds=TIMEOUT_SECONDS)
    assert finished.code == 0, finished
    assert list(logs) == ["0-head.log", "1-worker1.log"]
    # The executor removes what Slurm says of the process, and leaves the job's id.
    assert seen_by_all(directory / "run", "SLURM_JOB_ID").isdigit()
    return "".join(logs.values())


def worker_identity(rank, **fields):
    return {
        "world_size": 4,
        "local_rank": rank % 2,
        "local_world_size": 2,
        "node_rank": rank // 2,
        "restart": 0,
        "job_id": TASK_ID,
        **fields,
    }


def test_a_process_of_each_node_has_its_nodes_rank(slurm, tmp_path):
    command = [python_of("RANKLOG_TORCH_PYTHON"), PROBE, "run"]
    text = run_task(slurm, tmp_path, command)

    identities = [
        {
            "host": host,
            "world_size": 2,
            "local_rank": None,
            "local_world_size": None,
            "node_rank": node_rank,
            "launcher": "skypilot",
            "restart": None,
            "job_id": TASK_ID,
        }
        for node_rank, host in enumerate(NAMES)
    ]
    assert assert_probed(tmp_path / "run", text, identities) == []


def test_a_torchrun_of_its_own_on_each_node_composes_with_the_nodes_rank(slurm, tmp_path):
    command = torchrun("--standalone", "--nproc-per-node=2", PROBE, "run")
    text = run_task(slurm, tmp_path, command)

    identities = [
        worker_identity(rank, host=NAMES[rank // 2], launcher="skypilot/torchrun")
        for rank in range(4)
    ]
    assert assert_probed(tmp_path / "run", text, identities) == []


def test_one_torchrun_over_both_nodes_numbers_the_processes_itself(slurm, tmp_path):
    rendezvous = ("--rdzv-backend=c10d", "--rdzv-endpoint=host0:29400", "--rdzv-id=other-id")
    command = torchrun("--nnodes=2", "--nproc-per-node=2", *rendezvous, PROBE, "run")
    text = run_task(slurm, tmp_path, command)

    # Torchrun need not number the nodes as SkyPilot does.
    hosts = hosts_of_nodes(tmp_path / "run")
    identities = [
        worker_identity(rank, host=hosts[rank // 2], launcher="torchrun") for rank in range(4)
    ]
    assert said_by_us(assert_probed(tmp_path / "run", text, identities)) == []
