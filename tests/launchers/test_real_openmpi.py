import os
import re

import pytest
from launchers.expected import MPI_SUM, assert_banner, assert_complete, expected_of_mpi_sum, facts
from launchers.launching import (
    assert_console_shows,
    assert_holds_no_torn_line,
    attempts,
    console,
    file_name,
    file_names,
    mpirun,
    read_files,
    run,
)

pytestmark = pytest.mark.launchers


def test_four_processes_write_four_complete_files(tmp_path):
    finished = run(
        [*mpirun("-n", "4", "--oversubscribe"), MPI_SUM, "run"],
        tmp_path,
        timeout_seconds=60,
        OMPI_ALLOW_RUN_AS_ROOT="1",
        OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
    )
    assert finished.code == 0, finished

    assert sorted(os.listdir(tmp_path / "run")) == ["logs"]
    assert sorted(os.listdir(tmp_path / "run" / "logs")) == file_names(4)
    files = read_files(tmp_path / "run")
    local_ranks = set()
    for rank in range(4):
        (attempt,) = attempts(files[file_name(rank)])
        variables = facts(attempt)["variables"]
        # Oversubscribed, Open MPI 5 need not number local ranks in the order of ranks.
        local_rank = int(variables["OMPI_COMM_WORLD_LOCAL_RANK"])
        local_ranks.add(local_rank)
        assert_banner(
            attempt,
            rank=rank,
            world_size=4,
            local_rank=local_rank,
            local_world_size=4,
            node_rank=None,
            launcher="openmpi",
            restart=None,
            job_id=re.sub("[^A-Za-z0-9._-]", "_", variables["PMIX_NAMESPACE"]),
        )
        assert_complete(attempt, expected_of_mpi_sum(rank, size=4))
    assert local_ranks == {0, 1, 2, 3}

    lines, others = console(finished.err)
    assert_console_shows(lines, files)
    assert_holds_no_torn_line(others)
