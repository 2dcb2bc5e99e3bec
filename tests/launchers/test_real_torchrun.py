import os
import re
import socket

import pytest
from launchers.expected import (
    PROGRAMS,
    TRAIN,
    assert_banner,
    assert_complete,
    expected_of_training,
    facts,
)
from launchers.launching import (
    STACK,
    assert_console_shows,
    assert_ended,
    assert_holds_no_torn_line,
    attempts,
    console,
    file_name,
    file_names,
    is_crash_report,
    read_files,
    run,
    run_together,
    told,
    torchrun,
    without_crash_reports,
)

pytestmark = pytest.mark.launchers


NO_FAILURE = -1


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def assert_all_learned_the_same(files):
    """The last attempts of all ranks ended with equal weights: they did train together."""
    weights = [
        record.extra["weights"]
        for records in files.values()
        for record in attempts(records)[-1].records
        if record.message == "weights"
    ]
    assert len(weights) == len(files)
    assert all(of_rank == weights[0] for of_rank in weights)


def test_four_processes_write_four_complete_files(tmp_path):
    command = torchrun("--standalone", "--nproc-per-node=4", TRAIN, "run", NO_FAILURE)
    finished = run(command, tmp_path, timeout_seconds=90)
    assert finished.code == 0, finished

    assert sorted(os.listdir(tmp_path / "run")) == ["logs"]
    assert sorted(os.listdir(tmp_path / "run" / "logs")) == file_names(4)
    files = read_files(tmp_path / "run")
    for rank in range(4):
        (attempt,) = attempts(files[file_name(rank)])
        variables = facts(attempt)["variables"]
        assert variables["RANK"] == variables["LOCAL_RANK"] == str(rank)
        assert_banner(
            attempt,
            rank=rank,
            world_size=4,
            local_rank=rank,
            local_world_size=4,
            node_rank=0,
            launcher="torchrun",
            restart=0,
            job_id=variables["TORCHELASTIC_RUN_ID"],
        )
        assert_complete(attempt, expected_of_training(rank, torch_rank=rank, torch_size=4))
    assert_all_learned_the_same(files)

    lines, others = console(finished.err)
    assert_console_shows(lines, files)
    assert_holds_no_torn_line(others)


def test_two_agents_share_one_directory_and_one_job_id(tmp_path):
    agent = torchrun(
        "--nnodes=2",
        "--nproc-per-node=2",
        "--rdzv-backend=c10d",
        f"--rdzv-endpoint=127.0.0.1:{free_port()}",
        "--rdzv-id=job42",
        TRAIN,
        "run",
        NO_FAILURE,
    )
    both = run_together([(agent, {}), (agent, {})], tmp_path, timeout_seconds=90)
    assert [finished.code for finished in both] == [0, 0], both

    assert sorted(os.listdir(tmp_path / "run" / "logs")) == file_names(4)
    files = read_files(tmp_path / "run")
    for rank in range(4):
        (attempt,) = attempts(files[file_name(rank)])
        assert facts(attempt)["variables"]["GROUP_RANK"] == str(rank // 2)
        assert_banner(
            attempt,
            rank=rank,
            world_size=4,
            local_rank=rank % 2,
            local_world_size=2,
            node_rank=rank // 2,
            launcher="torchrun",
            restart=0,
            job_id="job42",
        )
        assert_complete(attempt, expected_of_training(rank, torch_rank=rank, torch_size=4))
    assert_all_learned_the_same(files)

    consoles = [console(finished.err) for finished in both]
    assert_console_shows(consoles[0][0] + consoles[1][0], files)
    assert_holds_no_torn_line(consoles[0][1] + consoles[1][1])
    ranks = [sorted({line.rank for line in lines}) for lines, _ in consoles]
    assert sorted(ranks) == [[0, 1], [2, 3]]


def test_an_elastic_restart_appends_a_second_attempt(tmp_path):
    failing_rank, failing_step = 2, 3
    command = torchrun(
        "--standalone", "--nproc-per-node=4", "--max-restarts=1", TRAIN, "run", failing_rank
    )
    # With a shared store, restarted workers meet at the addresses of the dead ones; see
    # https://github.com/pytorch/pytorch/issues/135712. Can go when that works.
    finished = run(command, tmp_path, timeout_seconds=120, TORCH_DISABLE_SHARE_RDZV_TCP_STORE="1")
    assert finished.code == 0, finished

    assert sorted(os.listdir(tmp_path / "run" / "logs")) == file_names(4)
    files = read_files(tmp_path / "run")
    for rank in range(4):
        first, second = attempts(files[file_name(rank)])
        of_rank = {"rank": rank, "local_rank": rank, "node_rank": 0, "launcher": "torchrun"}
        of_job = {
            "world_size": 4,
            "local_world_size": 4,
            "job_id": facts(first)["variables"]["TORCHELASTIC_RUN_ID"],
        }
        assert_banner(first, restart=0, **of_rank, **of_job)
        assert_banner(second, restart=1, **of_rank, **of_job)
        assert first.banner.pid != second.banner.pid

        whole = expected_of_training(rank, torch_rank=rank, torch_size=4)
        upto = [record[4] for record in whole].index(f"step {failing_step} on torch rank {rank}")
        assert told(without_crash_reports(first.records)) == whole[:upto]
        if rank == failing_rank or first.end is not None:
            # The others fail at the lost connection, or are ended by SIGTERM before that.
            assert_ended(first, "exception")
            assert is_crash_report(first.records[-1])
        else:
            assert STACK in first.records[-1].raw
        if rank == failing_rank:
            message = f"uncaught RuntimeError: rank {failing_rank} fails as planned"
            assert message == first.records[-1].message
        assert_complete(second, whole)
    assert_all_learned_the_same(files)

    lines, others = console(finished.err)
    assert_console_shows(lines, files)
    assert_holds_no_torn_line(others)
    assert f"[rank2]: RuntimeError: rank {failing_rank} fails as planned" in others


def test_torchs_record_keeps_its_error_file_and_every_rank_says_where_it_was(tmp_path):
    command = torchrun("--standalone", "--nproc-per-node=2", PROGRAMS / "recorded.py", "run")
    finished = run(command, tmp_path, timeout_seconds=90)
    assert finished.code == 1, finished

    files = read_files(tmp_path / "run")
    (waiting,), (failing,) = (attempts(files[file_name(rank)]) for rank in (0, 1))
    assert ["starts", "uncaught ValueError: fails as planned"] == [
        record.message for record in failing.records
    ]
    assert_ended(failing, "exception")
    assert (["starts"], None) == ([r.message for r in waiting.records], waiting.end)
    assert " in wait_here" in waiting.records[-1].raw
    # The summary of the launcher, which reads it from the error file.
    assert re.search(r"error_file: /.+/error.json\n", finished.err)
    assert "ValueError: fails as planned" in finished.err.partition("error_file: /")[2]
