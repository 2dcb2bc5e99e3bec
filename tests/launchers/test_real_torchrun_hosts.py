import os

import pytest
from launchers.engines.hosts import NAMES, two_hosts
from launchers.engines.probing import (
    KILLED_RANK,
    assert_probed,
    assert_told_until_killed,
    read_files_with_stacks,
    said_by_us,
)
from launchers.expected import TRAIN, assert_banner, expected_of_training, facts
from launchers.launching import (
    assert_ended,
    attempts,
    console,
    file_name,
    file_names,
    run_together,
    torchrun,
)

pytestmark = pytest.mark.launchers

TIMEOUT_SECONDS = 90
JOB_ID = "two-hosts"


def run_agents(directory, *arguments):
    """One agent on each of two hosts, with two workers each."""
    rendezvous = ("--rdzv-backend=c10d", "--rdzv-endpoint=host0:29400", f"--rdzv-id={JOB_ID}")
    agent = torchrun("--nnodes=2", "--nproc-per-node=2", *rendezvous, *arguments)
    with two_hosts() as hosts:
        commands = [(hosts.on(n, directory, *agent), {}) for n in range(len(NAMES))]
        return run_together(commands, directory, timeout_seconds=TIMEOUT_SECONDS)


def identity(rank, **fields):
    return {
        "rank": rank,
        "world_size": 4,
        "local_rank": rank % 2,
        "local_world_size": 2,
        "node_rank": rank // 2,
        "launcher": "torchrun",
        "job_id": JOB_ID,
        **fields,
    }


def test_banners_name_the_host_of_each_agents_workers(tmp_path):
    both = run_agents(tmp_path, TRAIN, "run", -1)
    assert [finished.code for finished in both] == [0, 0], both

    def expected(rank):
        return expected_of_training(rank, torch_rank=rank, torch_size=4)

    # Agents are numbered in the order of their names.
    identities = [identity(rank, host=NAMES[rank // 2], restart=0) for rank in range(4)]
    text = both[0].err + both[1].err
    others = assert_probed(tmp_path / "run", text, identities, expected=expected)
    assert said_by_us(others) == []
    of_hosts = [sorted({line.rank for line in console(finished.err)[0]}) for finished in both]
    assert of_hosts == [[0, 1], [2, 3]]


def test_kill_of_one_worker_restarts_the_workers_of_both_hosts(tmp_path):
    both = run_agents(tmp_path, "--max-restarts=1", KILLED_RANK, "run", "3")
    assert [finished.code for finished in both] == [0, 0], both

    assert sorted(os.listdir(tmp_path / "run" / "logs")) == file_names(4)
    files = read_files_with_stacks(tmp_path / "run")
    for rank in range(4):
        first, second = attempts(files[file_name(rank)])
        assert first.banner.pid != second.banner.pid
        assert_banner(first, **identity(rank, host=NAMES[rank // 2], restart=0))
        acknowledged = int((tmp_path / f"told-{rank}").read_text())
        assert_told_until_killed(first, acknowledged)

        variables = facts(second)["variables"]
        assert variables["RANK"] == str(rank)
        # It is the agent's count: that on the other host has not failed.
        restart = int(variables["TORCHELASTIC_RESTART_COUNT"])
        host = facts(second)["host"]
        assert restart == NAMES.index(host)
        assert_banner(second, **identity(rank, host=host, restart=restart))
        assert [record.message for record in second.records] == ["facts", "last step"]
        assert_ended(second)
