import pytest
from launchers.engines.probing import PROBE, filed, shown
from launchers.launching import (
    console,
    file_name,
    file_names,
    line_of,
    read_files,
    run,
    torchrun,
)

pytestmark = pytest.mark.launchers

LOADING = PROBE.with_name("loading.py")
# Batches of two go to the workers in turn.
ITEMS = {0: [0, 1, 4, 5], 1: [2, 3, 6, 7]}


def expected_of_parent():
    """Records of a rank itself: function, line, message."""
    return [
        ("main", line_of(LOADING, 'logger.info("loading starts"'), "loading starts"),
        ("main", line_of(LOADING, 'logger.info("sum'), "sum 140"),
    ]


def expected_of_worker(worker, *, is_master):
    """Records of a worker process: function, line, message."""
    line = line_of(LOADING, 'logger.info("item')
    master_line = line_of(LOADING, "log_master(f")
    records = []
    for item in ITEMS[worker]:
        records.append(("__getitem__", line, f"item {item} in worker {worker}"))
        if is_master:
            records.append(("__getitem__", master_line, f"master's item {item}"))
    return records


def told_by(records, pid):
    return [(r.function, r.line, r.message) for r in records if r.pid == pid]


@pytest.mark.parametrize("start_method", ["fork", "spawn", "forkserver"])
def test_workers_tell_in_their_ranks_file_with_their_own_pid(tmp_path, start_method):
    command = torchrun("--standalone", "--nproc-per-node=2", LOADING, "run", start_method)
    finished = run(
        command,
        tmp_path,
        timeout_seconds=100,
        TMPDIR=str(tmp_path),
        # Python's own tracker, a process of its own, at times warns of a semaphore of the
        # loader that is gone already, and says so on the stderr that is compared below.
        PYTHONWARNINGS="ignore:resource_tracker:UserWarning",
    )
    assert finished.code == 0, finished

    assert sorted(path.name for path in (tmp_path / "run" / "logs").iterdir()) == file_names(2)
    files = read_files(tmp_path / "run")
    for rank in range(2):
        banner, *records, end = files[file_name(rank)]
        assert banner.is_banner
        assert end.is_end
        pid = banner.extra["pid"]
        assert banner.extra["rank"] == rank
        assert {record.rank for record in records} == {rank}
        assert told_by(records, pid) == expected_of_parent()
        # The end record counts what its own process told.
        assert end.extra["records"] == {"INFO": 2}

        of_workers = [record for record in records if record.pid != pid]
        own = [record for record in of_workers if "own_pid" in record.extra]
        assert [record.pid for record in own] == [record.extra["own_pid"] for record in own]
        pids = {record.message[-1]: record.pid for record in own}
        assert len(set(pids.values())) == 2
        assert {record.pid for record in of_workers} == set(pids.values())
        for worker in ITEMS:
            expected = expected_of_worker(worker, is_master=rank == 0)
            assert told_by(records, pids[str(worker)]) == expected

    lines, others = console(finished.err)
    # Each process writes in its own order; two of a rank may take turns on the console.
    assert sorted(shown(lines)) == sorted(filed(files))
    assert others == []
