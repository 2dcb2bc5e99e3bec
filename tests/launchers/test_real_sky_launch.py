"""A task of two nodes from `sky launch` to `sky down`, on a Slurm of our own."""

import os
import re
import shutil
import time
from pathlib import Path

import pytest
from launchers.engines.sky_cluster import CLUSTER, NAMES, sky_cluster
from launchers.launching import (
    assert_console_shows,
    assert_ended,
    attempts,
    console,
    file_name,
    file_names,
    line_of,
    python_of,
    read_files,
    told,
)

import ranklog

pytestmark = [pytest.mark.skypilot, pytest.mark.timeout(600)]

CHECKOUT = Path(__file__).parents[2]
TASK = CHECKOUT / "examples" / "skypilot_task.py"
YAML = "skypilot_task.yaml"
NAME = "two-nodes"
SKY_SECONDS = 120
CLEANUP_SECONDS = 30
COLOURS = re.compile(r"\x1b\[[\d;]*m")
NODE_LINE = re.compile(r"\((?:head|worker1), rank=(?P<rank>\d), pid=\d+(?:, ip=[\d.]+)?\) (.*)")
DAEMONS = {"munged", "sshd", "slurmctld", "slurmd", "slurmstepd"}


def test_the_guides_task_runs_on_two_nodes(tmp_path):
    own_home = state_of_home()
    with sky_cluster(python_of("RANKLOG_SKYPILOT_PYTHON")) as cluster:
        home = cluster.home_of(NAME)
        project = copy_project(cluster.directory / "project")
        sky(cluster, project, "api", "start")
        where = (f"--cluster={NAME}", f"--infra=slurm/{CLUSTER}", "--cpus=2")
        sky(cluster, project, "launch", "--yes", "--detach-run", *where, f"examples/{YAML}")
        streamed = sky(cluster, project, "logs", NAME, "1")
        shutil.copytree(home / "ranklog-example", tmp_path / "run")
        variables = [read_variables(home / f"variables-{node}") for node in (0, 1)]

        namespaces = namespaces_of(cluster.hosts.pids)
        processes = processes_in(namespaces)
        sky(cluster, project, "down", "--yes", NAME)
        wait_until_gone(home)

    assert set(processes.values()) >= DAEMONS, processes
    assert processes_in(namespaces) == {}
    assert str(cluster.directory) not in Path("/proc/self/mountinfo").read_text()
    assert not cluster.directory.exists()
    assert state_of_home() == own_home

    task_id = assert_each_node_is_told_its_rank(variables)
    assert_files_of_both_nodes(tmp_path / "run", task_id)
    assert_console_of_both_nodes(streamed, read_files(tmp_path / "run"))


def sky(cluster, project, *arguments):
    """Run SkyPilot's command line, which must succeed, and return what it prints."""
    finished = cluster.sky(project, *arguments, timeout_seconds=SKY_SECONDS)
    assert finished.code == 0, finished
    return finished.out


def copy_project(directory):
    """What `pip install .` needs, the example, and a line that writes down its variables."""
    for name in ("src", "examples"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(CHECKOUT / name, directory / name, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(CHECKOUT / name, directory)
    task = directory / "examples" / YAML
    text = task.read_text()
    assert text.count("run: |\n") == 1
    own = "run: |\n  env --null > ~/variables-$SKYPILOT_NODE_RANK\n"
    task.write_text(text.replace("run: |\n", own))
    return directory


def read_variables(path):
    return dict(pair.split("=", 1) for pair in path.read_text().split("\0") if pair)


def assert_each_node_is_told_its_rank(variables):
    """Check what SkyPilot sets, and return the task's id."""
    for rank, of_node in enumerate(variables):
        assert of_node["SKYPILOT_NODE_RANK"] == str(rank)
        assert of_node["SKYPILOT_NUM_NODES"] == "2"
        assert of_node["SLURM_JOB_ID"].isdigit()
        assert "SLURM_PROCID" not in of_node
    (task_id,) = {of_node["SKYPILOT_TASK_ID"] for of_node in variables}
    return task_id


def assert_files_of_both_nodes(run_dir, task_id):
    """Each node's file is whole; only the head node has the master's record."""
    assert os.listdir(run_dir) == ["logs"]
    assert sorted(os.listdir(run_dir / "logs")) == file_names(2)
    files = read_files(run_dir)
    for rank, host in enumerate(NAMES):
        (attempt,) = attempts(files[file_name(rank)])
        banner = dict(attempt.banner.extra)
        assert banner.pop("pid") == attempt.banner.pid
        assert banner.pop("python").startswith("3.")
        assert banner == {
            "host": host,
            "version": ranklog.__version__,
            "rank": rank,
            "world_size": 2,
            "local_rank": None,
            "local_world_size": None,
            "node_rank": rank,
            "launcher": "skypilot",
            "restart": None,
            "job_id": re.sub(r"[^\w.-]", "_", task_id, flags=re.ASCII),
        }
        assert {record.rank for record in attempt.records} == {rank}
        assert told(attempt.records) == expected_of_task(rank)
        assert_ended(attempt)


def expected_of_task(rank):
    """Records of the example: level, logger, function, line, message."""

    def at(logger, text, message):
        return ("INFO", logger, "main", line_of(TASK, text), message)

    head = "Head node: Setting up cluster"
    everywhere = "All nodes: Starting worker process"
    return [
        *([at("skypilot", head, head)] if rank == 0 else []),
        at("skypilot", everywhere, everywhere),
        at("skypilot_task", "Processing local shard", "Processing local shard"),
        at("skypilot_task", "pi is about", f"Node {rank} of 2: pi is about 3.14"),
    ]


def assert_console_of_both_nodes(text, files):
    """SkyPilot streams each node's lines, which have the rank; each is there once."""
    found = [NODE_LINE.fullmatch(COLOURS.sub("", line)) for line in text.splitlines()]
    of_nodes = [match for match in found if match]
    lines, others = console("\n".join(match[2] for match in of_nodes))
    assert others == []
    assert [line.rank for line in lines] == [int(match["rank"]) for match in of_nodes]
    assert_console_shows(lines, files)


def wait_until_gone(path):
    """The batch job removes the cluster's directory when it is told to end."""
    deadline = time.monotonic() + CLEANUP_SECONDS
    while path.exists():
        assert time.monotonic() < deadline, sorted(path.rglob("*"))[:20]
        time.sleep(0.1)


def namespaces_of(pids):
    return {os.readlink(f"/proc/{pid}/ns/{kind}") for pid in pids for kind in ("pid", "mnt", "uts")}


def processes_in(namespaces):
    """Pids and names of the processes that are in any of these namespaces."""
    processes = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            own = {os.readlink(process / "ns" / kind) for kind in ("pid", "mnt", "uts")}
            name = (process / "comm").read_text().strip()
        except OSError:
            continue
        if own & namespaces:
            processes[int(process.name)] = name
    return processes


def state_of_home():
    """What is in the directories of this machine's user that SkyPilot and ssh write to."""
    return {
        path: path.lstat().st_mtime_ns
        for name in (".sky", ".slurm", ".ssh")
        for path in [Path.home() / name, *(Path.home() / name).rglob("*")]
        if path.exists()
    }
