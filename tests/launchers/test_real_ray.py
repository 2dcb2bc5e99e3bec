import re
from collections import Counter

import pytest
from launchers.engines.hosts import two_hosts
from launchers.engines.probing import PROBE, filed, read_files_with_stacks, shown
from launchers.launching import console, file_names, python_of, run

pytestmark = pytest.mark.launchers

RAY_TRAINING = PROBE.with_name("ray_training.py")
RAY_TASKS = PROBE.with_name("ray_tasks.py")
# How Ray's driver marks what it prints for other processes.
PREFIX = re.compile(r"\x1b\[\d+m\(\w+ pid=\d+\)\x1b\[0m ")


def run_ray(directory, program):
    """Run a driver on a host, which takes with it what Ray might leave."""
    with two_hosts() as hosts:
        command = [python_of("RANKLOG_TORCH_PYTHON"), program, "run"]
        finished = run(
            hosts.on(0, directory, *command),
            directory,
            timeout_seconds=110,
            HOME=str(directory),
            RAY_TMPDIR=str(hosts.directory),  # short, for sockets
            RAY_AUTH_MODE="disabled",
            RAY_DEDUP_LOGS="0",
            RAY_USAGE_STATS_ENABLED="0",
        )
    assert finished.code == 0, finished
    return finished, read_files_with_stacks(directory / "run")


def assert_nothing_shown_twice(finished, files, *, driver_messages):
    """The console shows records of the files only, each at most once, all of the driver's.

    Ray may shut down before it has read what its other processes wrote last.
    """
    lines, _ = console(PREFIX.sub("", finished.out + finished.err))
    assert Counter(shown(lines)) <= Counter(filed(files))
    assert [line.message for line in lines if line.message in driver_messages] == driver_messages


def test_train_workers_get_their_ranks_after_their_processes_started(tmp_path):
    finished, files = run_ray(tmp_path, RAY_TRAINING)

    # The workers began as the driver's, through the hook; each goes on in its own rank's file,
    # and rank 0's is the driver's too.
    assert sorted(files) == file_names(2)
    banners = {}
    for rank, name in ((None, "script.log"), (0, "script.log"), (1, "script_1.log")):
        (banners[rank],) = [r for r in files[name] if r.is_banner and r.rank == rank]
    assert sum(r.is_banner for records in files.values() for r in records) == len(banners)
    for rank in (0, 1):
        of_rank = [r for r in files[file_names(2)[rank]] if r.rank == rank and not r.is_banner]
        master = (["training starts"], ["training ends"]) if rank == 0 else ([], [])
        assert [record.message for record in of_rank] == [
            "worker starts",
            *master[0],
            *(f"step {step} on ray's rank {rank}" for step in range(3)),
            *master[1],
        ]
        starts = of_rank[0].extra
        assert starts["info_rank"] == rank
        assert dict(banners[rank].extra) == {
            "rank": rank,
            "world_size": 2,
            "local_rank": rank,
            "local_world_size": 2,
            "node_rank": 0,
            "launcher": "env",
            "restart": None,
            "job_id": None,
            "host": "host0",
            "pid": starts["pid"],
            "python": starts["python"],
            "version": banners[None].extra["version"],
        }
    assert len({banner.extra["pid"] for banner in banners.values()}) == 3
    driver = [r.message for r in files["script.log"] if r.rank is None and not r.is_banner]
    assert driver == ["driver starts", "driver ends", "process without rank ended: exit"]
    assert_nothing_shown_twice(finished, files, driver_messages=["driver starts", "driver ends"])


def test_tasks_and_actors_tell_in_their_drivers_file(tmp_path):
    finished, files = run_ray(tmp_path, RAY_TASKS)

    assert list(files) == ["script.log"]
    banner, *records, end = files["script.log"]
    assert banner.is_banner
    assert end.is_end
    assert {record.rank for record in records} == {None}
    driver = [record.message for record in records if record.pid == banner.extra["pid"]]
    assert driver == ["squares 14", "total 6"]
    assert end.extra["records"] == {"INFO": 2}

    of_workers = [record for record in records if record.pid != banner.extra["pid"]]
    assert sorted(record.message for record in of_workers) == sorted(
        text
        for number in range(4)
        for text in (f"task {number}", f"master's task {number}", f"actor adds {number}")
    )
    own = [record for record in of_workers if "own_pid" in record.extra]
    assert [record.pid for record in own] == [record.extra["own_pid"] for record in own]
    assert {record.function for record in of_workers} == {"square", "add"}
    of_actor = [record for record in of_workers if record.function == "add"]
    assert [record.message for record in of_actor] == [f"actor adds {n}" for n in range(4)]
    assert len({record.pid for record in of_actor}) == 1
    assert_nothing_shown_twice(finished, files, driver_messages=driver)
