"""Worker processes write to their job's file, however they were started."""

import pickle
import re
import sys
from pathlib import Path

import pytest
from support import file_names, run_program, run_python, the_record

import ranklog
from logging_helpers import init_logging, init_worker
from logging_helpers.session import current_setup

PROGRAM = Path(__file__).parent / "programs" / "worker_program.py"

CONSOLE_LINE = re.compile(r"\[\d\d:\d\d:\d\d\.\d{3}\] \[2\] (.{8}) .*")


def run_way(way, run_dir, patched="none"):
    """Run the program; returns its workers' pids, its stderr and all records."""
    ended = run_program([sys.executable, PROGRAM, way, run_dir, patched])
    assert 0 == ended.code, ended.err
    return [int(pid) for pid in ended.out.split()], ended.err, list(ranklog.read(run_dir))


@pytest.mark.parametrize("way", ["fork", "spawn", "forkserver", "executor", "pool"])
def test_workers_write_to_their_jobs_file_with_their_own_pid(run_dir, way):
    pids, errors, records = run_way(way, run_dir)
    assert ["script_2.log"] == file_names(run_dir)
    banner, *from_workers, end = records
    assert (True, True, banner.pid) == (banner.is_banner, end.is_end, end.pid)
    expected = []
    for number, pid in enumerate(pids):
        assert banner.pid != pid
        expected += [
            (2, pid, "INFO", "worker", f"worker {number}", {"number": number}),
            (2, pid, "DEBUG", "worker_program", f"native {number}", {}),
            (2, pid, "WARNING", "py.warnings", f"warning {number}", {}),
            (2, pid, "DEBUG", "worker", "rank 2", {}),
        ]
    names = {"__main__": "worker_program", "__mp_main__": "worker_program"}
    arrived = [
        (
            r.rank,
            r.pid,
            r.level,
            names.get(r.logger, r.logger),
            r.message.rpartition("UserWarning: ")[2],
            r.extra,
        )
        for r in from_workers
    ]
    assert sorted(expected, key=str) == sorted(arrived, key=str)
    # Each record is on the console once as well, with the job's rank.
    printed = [CONSOLE_LINE.fullmatch(line) for line in errors.splitlines()]
    assert [one[2] for one in expected] == [match and match[1].rstrip() for match in printed]


def test_init_worker_is_a_target_by_itself(run_dir):
    _, errors, records = run_way("target", run_dir)
    assert ("", [True, False]) == (errors, [record.is_banner for record in records])


def test_a_patcher_that_can_be_pickled_goes_with_the_worker(run_dir):
    _, _, records = run_way("spawn", run_dir, "portable")
    assert {True} == {r.extra["patched"] for r in records if not (r.is_banner or r.is_end)}


def test_a_patcher_that_cannot_be_pickled_is_said_once_and_left_behind(run_dir):
    pids, errors, records = run_way("spawn", run_dir, "lambda")
    said = "ranklog: argument patcher cannot be pickled; spawned workers go without it"
    assert [said] == [line for line in errors.splitlines() if line.startswith("ranklog")]
    assert {*pids} == {record.pid for record in records[1:-1]}


def test_a_worker_of_a_program_without_logging_is_told_once():
    ended = run_python("""
        from logging_helpers import init_worker
        for _ in range(2):
            init_worker(0)
    """)
    said = "ranklog: init_worker() has nothing to set up: no process that passed it on had called init_logging()\n"
    assert (0, "", said) == (ended.code, ended.out, ended.err)


def test_in_a_process_that_is_set_up_it_does_nothing(run_dir):
    init_logging(run_dir=run_dir)
    setup = current_setup()
    init_worker(3)
    assert setup is current_setup()
    assert 1 == len(list(ranklog.read(run_dir)))


def test_it_carries_the_logging_of_the_process_it_was_pickled_in(run_dir):
    assert "logging_helpers.init_worker" == repr(init_worker)
    init_logging(run_dir=run_dir, rank=1)
    pickled = pickle.dumps(init_worker)
    ended = run_python(f"""
        import logging, pickle
        pickle.loads({pickled!r})(0)
        logging.info("x", extra={{"a": 1}})
    """)
    assert (0, "x", {"a": 1}) == (
        ended.code,
        the_record(run_dir).message,
        the_record(run_dir).extra,
    )
    # Pickled once more in a process without logging of its own, it carries the same.
    ended = run_python(f"""
        import logging, pickle
        again = pickle.dumps(pickle.loads({pickled!r}))
        pickle.loads(again)()
        logging.info("y")
    """)
    assert (0, 2) == (ended.code, len(list(ranklog.read(run_dir))) - 1)
