"""Several processes and threads on one file that is rotated: nothing lost, doubled or torn."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from rank_files import (
    NOTHING,
    TIMEOUT_SECONDS,
    Count,
    count,
    line,
    messages,
    names,
    run_processes,
    with_helpers,
)

from logging_helpers.outputs import rotation


@pytest.mark.parametrize(
    ("method", "processes", "threads", "gzip"),
    [
        ("fork", 6, 1, False),
        ("fork", 3, 3, True),
        ("spawn", 3, 2, False),
        ("forkserver", 3, 2, False),
        ("alone", 3, 2, False),
        ("alone", 3, 1, True),
        ("alone", 1, 6, True),
    ],
)
def test_nothing_is_lost_doubled_or_torn(method, processes, threads, gzip, logs):
    found = run_processes(logs, method=method, processes=processes, threads=threads, gzip=int(gzip))
    assert NOTHING == found
    pieces = [name for name in os.listdir(logs) if name.startswith("script_1.2")]
    assert len(pieces) >= 3
    kinds = {"script_1.TIME.log", "script_1.TIME.log.gz"} if gzip else {"script_1.TIME.log"}
    assert set(names(logs)) <= {"script_1.log", ".script_1.log.lock", *kinds}


@pytest.mark.parametrize("rotation", [{}, {"gzip": 1, "keep": 3}], ids=["plain", "tidied"])
def test_on_a_file_system_without_locks_nothing_is_lost_doubled_or_torn(rotation, logs):
    """Pieces may be small and out of order there: two may rotate at the same moment."""
    found = run_processes(logs, kind="lockless", threads=3, max_bytes=2048, **rotation)
    assert (0, 0, 0) == (found.lost, found.doubled, found.torn)


@pytest.mark.parametrize("kind", ["loguru", "unlocked"])
def test_the_checker_sees_the_losses_of_a_broken_rotation(kind, logs):
    # By chance a run may lose nothing; five do not.
    runs = (
        run_processes(logs.parent / str(run), kind=kind, per_writer=1500, max_bytes=1000)
        for run in range(5)
    )
    assert any(found.lost > 0 for found in runs)


def test_the_checker_sees_what_is_doubled_torn_lost_and_misplaced():
    found = ["1/0/0", "1/0/0", "1/0/2", "1/0/1torn"]
    assert Count(lost=2, doubled=1, torn=3) == count(found, 1, 4, torn=2)
    assert Count(lost=3, doubled=0, torn=0) == count([], 1, 3)
    assert Count(lost=0, doubled=0, torn=0, misplaced=1) == count(["1/0/1", "1/0/0"], 1, 2)
    assert Count(lost=0, doubled=0, torn=1) == count(["1/0/0", "1/0/1"], 1, 1)


FORKING = """
import os, sys, threading
from rank_files import _forked, _ours, write_numbered
write = _ours(sys.argv[1], 4096, 0)
def work(thread):
    for number in range(1500):
        write(f"{os.getpid()}/{thread}/{number}")
threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
for thread in threads: thread.start()
for _ in range(60):
    child = _forked(write_numbered, write, 20)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
for thread in threads: thread.join()
"""


def test_forks_while_threads_log_and_rotate_lose_nothing_and_hang_nobody(logs, child_environment):
    environ = with_helpers(child_environment)
    command = [sys.executable, "-W", "ignore", "-c", FORKING, str(logs)]
    subprocess.run(command, env=environ, check=True, timeout=TIMEOUT_SECONDS)
    found, damage = messages(logs)
    per_writer = {}
    for message in found:
        writer, _, number = message.rpartition("/")
        per_writer.setdefault(writer, []).append(int(number))
    sizes = sorted(len(numbers) for numbers in per_writer.values())
    assert [20] * 60 + [1500] * 2 == sizes
    assert all(list(range(len(n))) == sorted(n) for n in per_writer.values())
    assert not damage


def test_a_child_forked_while_the_lock_is_held_does_not_keep_it(make_file, logs):
    file = make_file(max_bytes=100)
    file.write(line("x" * 100))  # the lock file is there from now on
    path = str(logs / ".script_1.log.lock")
    release, write_end = os.pipe()
    with rotation._rotation_lock(path) as lock:
        assert lock is not None
        child = os.fork()
        if child == 0:  # lives on until the test is over
            os.close(write_end)
            os.read(release, 1)
            os._exit(0)
    try:
        os.close(release)
        with rotation._rotation_lock(path) as lock:
            assert lock is not None
    finally:
        os.close(write_end)
        os.waitpid(child, 0)


def test_a_child_forked_before_the_lock_was_noted_does_not_keep_it_either(
    make_file, logs, monkeypatch
):
    file = make_file(max_bytes=100)
    file.write(line("x" * 100))
    path = str(logs / ".script_1.log.lock")
    with rotation._rotation_lock(path) as lock:
        copy = os.dup(lock)  # what such a child has: the same lock
    try:
        with rotation._rotation_lock(path) as lock:
            assert lock is not None
    finally:
        os.close(copy)


HOLDING = """
import fcntl, os, signal, sys
lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(lock, fcntl.LOCK_EX)
os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_a_stopped_process_that_holds_the_lock_blocks_no_writer(make_file, logs):
    file = make_file(max_bytes=1000)
    file.write(line("first"))
    holder = subprocess.Popen([sys.executable, "-c", HOLDING, str(logs / ".script_1.log.lock")])
    try:
        _, status = os.waitpid(holder.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        thread = threading.Thread(
            target=lambda: [file.write(line(f"{number}")) for number in range(100)]
        )
        thread.start()
        thread.join(30)
        assert not thread.is_alive()
        assert [".script_1.log.lock", "script_1.log"] == names(logs)
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait(30)
    file.write(line("after"))  # the kernel has freed the lock of the dead
    assert [".script_1.log.lock", "script_1.TIME.log", "script_1.log"] == names(logs)
    assert ["first", *map(str, range(100)), "after"] == messages(logs)[0]


def test_a_writer_stopped_across_rotations_goes_on_in_the_live_file(make_file, logs):
    ours, stopped = make_file(max_bytes=200), make_file(max_bytes=200)
    stopped.write(line("before"))
    for number in range(8):
        ours.write(line(f"{number}"))
    stopped.write(line("into the piece it has open"))
    stopped.write(line("into the live file"))
    found, damage = messages(logs)
    expected = ["before", *map(str, range(8)), "into the piece it has open", "into the live file"]
    assert (sorted(expected), False) == (sorted(found), bool(damage))
    assert line("into the live file") in (logs / "script_1.log").read_bytes()


def test_a_new_writer_does_not_take_a_record_being_written_for_a_cut_one(make_file, logs):
    """Big records grow page by page: whoever opens meanwhile sees half of one."""
    file = make_file()
    done = threading.Event()

    def write_big_ones():
        for number in range(60):
            file.write(line(f"{number} " + "x" * 300_000))
        done.set()

    thread = threading.Thread(target=write_big_ones)
    thread.start()
    while not done.is_set():
        make_file().write(line("small"))
    thread.join()
    found, damage = messages(logs)
    big = [message.partition(" ")[0] for message in found if message != "small"]
    assert (list(map(str, range(60))), False) == (big, bool(damage))
