import os

import pytest
from launchers.engines.hosts import two_hosts
from launchers.engines.mpich import mpiexec
from launchers.engines.probing import KILLED_RANK, assert_probed, assert_told_until_killed
from launchers.expected import MPI_SUM, assert_banner, expected_of_mpi_sum, facts
from launchers.launching import (
    attempts,
    console,
    file_name,
    file_names,
    read_files,
    run,
)

pytestmark = pytest.mark.launchers

TIMEOUT_SECONDS = 60


def expected_of_sum(rank):
    return expected_of_mpi_sum(rank, size=4)


def identity(**fields):
    return {
        "world_size": 4,
        "node_rank": None,
        "launcher": "mpich",
        "restart": None,
        "job_id": None,
        **fields,
    }


def test_four_processes_write_four_complete_files(tmp_path):
    command = [*mpiexec("-n", "4"), MPI_SUM, "run"]
    finished = run(command, tmp_path, timeout_seconds=TIMEOUT_SECONDS)
    assert finished.code == 0, finished

    identities = [identity(local_rank=rank, local_world_size=4) for rank in range(4)]
    others = assert_probed(tmp_path / "run", finished.err, identities, expected=expected_of_sum)
    assert others == []


def test_ranks_that_alternate_between_two_hosts_keep_their_files_apart(tmp_path):
    with two_hosts() as hosts:
        remote_shell = ("-launcher", "rsh", "-launcher-exec", hosts.remote_shell)
        placed = ("-hosts", "host0,host1", "-n", "4")
        command = hosts.on(0, tmp_path, *mpiexec(*remote_shell, *placed), MPI_SUM, "run")
        finished = run(command, tmp_path, timeout_seconds=TIMEOUT_SECONDS)
    assert finished.code == 0, finished

    identities = [
        identity(host=f"host{rank % 2}", local_rank=rank // 2, local_world_size=2)
        for rank in range(4)
    ]
    others = assert_probed(tmp_path / "run", finished.err, identities, expected=expected_of_sum)
    assert others == []


def test_sigkill_of_all_ranks_after_one_died_loses_nothing_that_was_told(tmp_path):
    command = [*mpiexec("-n", "4"), KILLED_RANK, "run", "2"]
    finished = run(command, tmp_path, timeout_seconds=TIMEOUT_SECONDS)
    assert finished.code != 0, finished

    assert sorted(os.listdir(tmp_path / "run" / "logs")) == file_names(4)
    files = read_files(tmp_path / "run")
    for rank in range(4):
        (attempt,) = attempts(files[file_name(rank)])
        assert facts(attempt)["variables"]["PMI_RANK"] == str(rank)
        assert_banner(attempt, rank=rank, **identity(local_rank=rank, local_world_size=4))
        acknowledged = int((tmp_path / f"told-{rank}").read_text())
        assert_told_until_killed(attempt, acknowledged)
    # The console goes through mpiexec, which may drop what killed processes said last.
    lines, _ = console(finished.err)
    for rank in range(4):
        shown = [line.message for line in lines if line.rank == rank]
        told = [record.message for record in files[file_name(rank)][1:]]
        assert shown == told[: len(shown)]
