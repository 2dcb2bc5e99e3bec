import pytest
from launchers.engines.hosts import two_hosts
from launchers.engines.probing import PROBE, filed, read_files_with_stacks, shown
from launchers.launching import console, python_of, run

pytestmark = pytest.mark.launchers

DASK_TASKS = PROBE.with_name("dask_tasks.py")


def test_workers_tell_in_their_clients_file_and_so_does_one_that_replaces_a_killed_one(tmp_path):
    command = [python_of("RANKLOG_TORCH_PYTHON"), DASK_TASKS, "run"]
    with two_hosts() as hosts:  # which take with them what Dask might leave
        finished = run(hosts.on(0, tmp_path, *command), tmp_path, timeout_seconds=60)
    assert finished.code == 0, finished

    assert [path.name for path in (tmp_path / "run" / "logs").iterdir()] == ["script.log"]
    files = read_files_with_stacks(tmp_path / "run")
    banner, *records, end = files["script.log"]
    assert banner.is_banner
    assert end.is_end
    assert {record.rank for record in records} == {None}
    client = [record.message for record in records if record.pid == banner.extra["pid"]]
    assert client == ["squares [0, 1]", "square 4 after a worker died", "squares [9, 16]"]
    assert end.extra["records"] == {"INFO": 3}

    tasks = [record for record in records if record.pid != banner.extra["pid"]]
    assert {record.function for record in tasks} == {"square"}
    assert [record.pid for record in tasks] == [record.extra["own_pid"] for record in tasks]
    by_task = {}
    for record in tasks:
        by_task.setdefault(record.message, []).append(record.pid)
    killed, retried_by = by_task.pop("task 2")
    assert killed != retried_by
    assert sorted(by_task) == ["task 0", "task 1", "task 3", "task 4"]
    before = {*by_task["task 0"], *by_task["task 1"]}
    after = {*by_task["task 3"], *by_task["task 4"]}
    assert sum(map(len, by_task.values())) == 4
    assert len(before) == len(after) == 2
    # The one that replaced the killed one had the plugin too.
    assert before - after == {killed}

    lines, _ = console(finished.err)
    assert sorted(shown(lines)) == sorted(filed(files))
