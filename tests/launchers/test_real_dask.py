import pytest
from launchers.engines.hosts import two_hosts
from launchers.engines.probing import PROBE, filed, shown
from launchers.launching import console, python_of, read_files, run

pytestmark = pytest.mark.launchers

DASK_TASKS = PROBE.with_name("dask_tasks.py")


def test_workers_tell_in_their_clients_file_and_so_does_one_that_replaces_a_killed_one(tmp_path):
    command = [python_of("RANKLOG_TORCH_PYTHON"), DASK_TASKS, "run"]
    with two_hosts() as hosts:  # which take with them what Dask might leave
        finished = run(hosts.on(0, tmp_path, *command), tmp_path, timeout_seconds=60)
    assert finished.code == 0, finished

    assert [path.name for path in (tmp_path / "run" / "logs").iterdir()] == ["script.log"]
    files = read_files(tmp_path / "run")
    banner, *records, end = files["script.log"]
    assert banner.is_banner
    assert end.is_end
    assert {record.rank for record in records} == {None}
    client = [record.message for record in records if record.pid == banner.extra["pid"]]
    assert client == ["squares 14", "killed 100", "squares 126"]
    assert end.extra["records"] == {"INFO": 3}

    tasks = [record for record in records if record.pid != banner.extra["pid"]]
    assert {record.function for record in tasks} == {"square"}
    assert [record.pid for record in tasks] == [record.extra["own_pid"] for record in tasks]
    killed = next(record.pid for record in tasks if record.message == "task 10")
    before = {record.pid for record in tasks if record.message in map("task {}".format, range(4))}
    after = {record.pid for record in tasks if record.message in map("task {}".format, range(4, 8))}
    assert killed in before
    assert killed not in after
    assert after - before  # the replacement had the plugin too
    # What the killed one had computed is computed again, so a task may be told twice, but
    # never twice by one process.
    told = [(record.pid, record.message) for record in tasks]
    assert len(set(told)) == len(told)
    assert {message for _, message in told} == {f"task {n}" for n in (*range(8), 10)}
    assert sum(message == "task 10" for _, message in told) == 2

    lines, _ = console(finished.err)
    assert sorted(shown(lines)) == sorted(filed(files))
