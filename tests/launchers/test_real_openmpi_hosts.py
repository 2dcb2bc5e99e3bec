import re

import pytest
from launchers.engines.hosts import two_hosts
from launchers.engines.probing import assert_probed, seen_by_all
from launchers.expected import MPI_SUM, expected_of_mpi_sum
from launchers.launching import mpirun, run

pytestmark = pytest.mark.launchers

MPI_AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


@pytest.mark.parametrize(
    ("mapping", "places"),
    [
        ("slot", [("host0", 0), ("host0", 1), ("host1", 0), ("host1", 1)]),
        ("node", [("host0", 0), ("host1", 0), ("host0", 1), ("host1", 1)]),
    ],
)
def test_a_rank_within_the_node_is_not_taken_for_the_nodes(tmp_path, mapping, places):
    with two_hosts() as hosts:
        remote_shell = ("--prtemca", "plm_ssh_agent", hosts.remote_shell)
        placed = ("--host", "host0:2,host1:2", "--map-by", mapping, "--bind-to", "none")
        command = [*mpirun(*remote_shell, *placed, "-n", "4"), MPI_SUM, "run"]
        finished = run(hosts.on(0, tmp_path, *command), tmp_path, timeout_seconds=60, **MPI_AS_ROOT)
    assert finished.code == 0, finished

    namespace = seen_by_all(tmp_path / "run", "PMIX_NAMESPACE")
    identities = [
        {
            "host": host,
            "world_size": 4,
            "local_rank": local_rank,
            "local_world_size": 2,
            # OMPI_COMM_WORLD_NODE_RANK is the local rank.
            "node_rank": None,
            "launcher": "openmpi",
            "restart": None,
            "job_id": re.sub("[^A-Za-z0-9._-]", "_", namespace),
        }
        for host, local_rank in places
    ]
    others = assert_probed(
        tmp_path / "run",
        finished.err,
        identities,
        expected=lambda rank: expected_of_mpi_sum(rank, size=4),
    )
    assert others == []
