"""`python -m logging_helpers`: the identity of a process, and why."""

import subprocess
import sys

import pytest

from logging_helpers.__main__ import main

REPORT = """\
rank 3 of 8, launcher torchrun, pid PID
  rank             3            RANK=3
  world_size       8            WORLD_SIZE=8
  local_rank       1            LOCAL_RANK=1
  local_world_size 2            LOCAL_WORLD_SIZE=2
  node_rank        1            GROUP_RANK=1
  restart          1            TORCHELASTIC_RESTART_COUNT=0 + SLURM_RESTART_COUNT=1
  job_id           4711         SLURM_JOB_ID
  conflict: SLURM_PROCID=1 describes the launcher daemon, RANK=3 used
  also set: GROUP_WORLD_SIZE=4, SLURM_NODEID=1, SLURM_PROCID=1, SLURM_STEP_ID=0, TORCHELASTIC_RUN_ID=x
  log: runs/4711/logs/script_3.jsonl
"""
VARIABLES = {
    "RANK": "3",
    "WORLD_SIZE": "8",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "GROUP_RANK": "1",
    "GROUP_WORLD_SIZE": "4",
    "TORCHELASTIC_RUN_ID": "x",
    "TORCHELASTIC_RESTART_COUNT": "0",
    "SLURM_JOB_ID": "4711",
    "SLURM_PROCID": "1",
    "SLURM_NODEID": "1",
    "SLURM_STEP_ID": "0",
    "SLURM_RESTART_COUNT": "1",
}


@pytest.fixture
def steady_pid(monkeypatch):
    monkeypatch.setattr("os.getpid", lambda: "PID")


def test_the_report_names_every_origin_what_lost_and_the_log(capsys, steady_pid):
    code = main(["--run-dir", "runs/{job_id}", "--file-format", "json"], VARIABLES)
    assert (1, REPORT) == (code, capsys.readouterr().out)


def test_composed_numbers_show_their_formula(capsys, steady_pid):
    nested = {
        "TORCHELASTIC_RUN_ID": "none",
        "RANK": "1",
        "WORLD_SIZE": "2",
        "LOCAL_RANK": "1",
        "LOCAL_WORLD_SIZE": "2",
        "SKYPILOT_NODE_RANK": "1",
        "SKYPILOT_NUM_NODES": "2",
    }
    assert 0 == main([], nested)
    assert capsys.readouterr().out.splitlines()[:3] == [
        "rank 3 of 4, launcher skypilot/torchrun, pid PID",
        "  rank             3            SKYPILOT_NODE_RANK=1 * LOCAL_WORLD_SIZE=2 + LOCAL_RANK=1",
        "  world_size       4            SKYPILOT_NUM_NODES=2 * LOCAL_WORLD_SIZE=2",
    ]


NOT_USED = {
    "slurm outside of a step": (
        {"SLURM_PROCID": "0", "SLURM_JOB_ID": "4711"},
        "SLURM_PROCID=0, which counts only inside a real srun step",
    ),
    "a local rank that is nobody's": (
        {"LOCAL_RANK": "1"},
        "LOCAL_RANK=1, which counts only with WORLD_SIZE or NODE_RANK, and without RANK",
    ),
    "a node's rank": (
        {"RANK": "5", "WORLD_SIZE": "8", "NODE_RANK": "1", "SKYPILOT_NODE_RANK": "2"},
        "SKYPILOT_NODE_RANK=2, which numbers nodes; RANK=5 numbers processes",
    ),
    "the same rank by another launcher": (
        {"PMI_RANK": "3", "PMI_SIZE": "4", "SLURM_PROCID": "3", "SLURM_STEP_ID": "0"},
        "SLURM_PROCID=3, which says the same as PMI_RANK=3",
    ),
    "the same rank of nodes": (
        {"SKYPILOT_NODE_RANK": "1", "JOB_COMPLETION_INDEX": "1"},
        "JOB_COMPLETION_INDEX=1, which says the same as SKYPILOT_NODE_RANK=1",
    ),
}


@pytest.mark.parametrize(("environ", "expected"), NOT_USED.values(), ids=NOT_USED.keys())
def test_what_lost_says_why(capsys, environ, expected):
    main([], environ)
    lines = capsys.readouterr().out.splitlines()
    assert [expected] == [
        line.removeprefix("  not used: ") for line in lines if line.startswith("  not used: ")
    ]


def test_a_closed_pipe_ends_quietly(child_environment):
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m logging_helpers | true"],
        env=child_environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "" == done.stderr


def test_problems_and_a_job_without_id_are_named(capsys, steady_pid):
    assert 1 == main(["--run-dir", "{job_id}"], {"RANK": "abc"})
    out = capsys.readouterr().out
    assert out.startswith("no rank, launcher unknown, pid PID\n")
    assert "  problem: environment variable RANK='abc' is malformed;" in out
    assert "  log: argument run_dir='{job_id}' has {job_id}, but no launcher gave" in out


def test_it_runs_as_a_module(child_environment):
    done = subprocess.run(
        [sys.executable, "-m", "logging_helpers"],
        env=child_environment | {"RANK": "1", "WORLD_SIZE": "2"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith("rank 1 of 2, launcher env, pid ")
