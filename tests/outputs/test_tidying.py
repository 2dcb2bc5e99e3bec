"""What becomes of rotated pieces: compression and retention."""

import errno
import gzip
import logging
import os
import stat
import subprocess
import sys
import threading
import time

import pytest
from rank_files import TIMEOUT_SECONDS, NoLocks, line, messages, names, with_helpers

from logging_helpers import init_logging, shutdown_logging
from logging_helpers.outputs import open_log, tidying
from logging_helpers.outputs.open_log import lock_shared
from logging_helpers.outputs.tidying import tidy
from logging_helpers.settings.resolve import Rotation

LOCK = ".script_1.log.lock"
LIVE = "script_1.log"


def piece(second, rank=1, suffix=".log"):
    stem = f"script_{rank}" if rank else "script"
    return f"{stem}.20261005T2350{second:02d}.000000Z{suffix}"


def plant(logs, *planted, content=b"x" * 1000):
    logs.mkdir(parents=True, exist_ok=True)
    for name in planted:
        (logs / name).write_bytes(content)


def tidy_now(logs, **chosen):
    tidy(str(logs), 1, ".log", Rotation(**chosen))
    return sorted(os.listdir(logs))


def join_tidying():
    for thread in threading.enumerate():
        if thread.name == "ranklog-tidy":
            thread.join(TIMEOUT_SECONDS)


FOREIGN = (
    piece(1, rank=10),
    piece(1, rank=0),
    piece(1, suffix=".jsonl"),
    "script_1.config.log",
    "script_1.20261399T000000.000000Z.log",
    "script_1.1.log",
    LIVE,
    "notes.txt",
)


@pytest.mark.parametrize("chosen", [{"keep_pieces": 0}, {"keep_bytes": 0}])
def test_retention_touches_only_the_pieces_of_its_rank(chosen, logs):
    plant(logs, *FOREIGN, piece(1), piece(2, suffix=".log.gz"))
    assert sorted(FOREIGN) == tidy_now(logs, **chosen)


@pytest.mark.parametrize(
    ("chosen", "kept"),
    [
        ({}, [1, 2, 3, 4]),
        ({"keep_pieces": 9}, [1, 2, 3, 4]),
        ({"keep_pieces": 2}, [3, 4]),
        ({"keep_bytes": 4000}, [1, 2, 3, 4]),
        ({"keep_bytes": 3999}, [2, 3, 4]),
        ({"keep_bytes": 1000}, [4]),
        ({"keep_bytes": 999}, []),
        ({"keep_bytes": 2500, "keep_pieces": 3}, [3, 4]),
        ({"keep_bytes": 3500, "keep_pieces": 1}, [4]),
    ],
)
def test_retention_keeps_the_newest_by_number_and_by_size(chosen, kept, logs):
    plant(logs, *map(piece, (3, 1, 4, 2)))
    assert [piece(second) for second in kept] == tidy_now(logs, **chosen)


def test_pieces_are_compressed_and_read_back(logs):
    plant(logs, piece(1), content=line("one"))
    plant(logs, LIVE, content=line("live"))
    assert [piece(1, suffix=".log.gz"), LIVE] == tidy_now(logs, gzip=True)
    assert ["one", "live"] == messages(logs)[0]
    with gzip.open(logs / piece(1, suffix=".log.gz")) as packed:
        assert line("one") == packed.read()


@pytest.mark.parametrize("chosen", [{"keep_pieces": 1}, {"gzip": True}])
def test_a_piece_that_somebody_writes_to_is_left_alone_and_no_younger_goes_instead(chosen, logs):
    plant(logs, *map(piece, (1, 2, 3)))
    with open(logs / piece(1), "ab") as writer:
        assert lock_shared(writer.fileno())
        left = tidy_now(logs, **chosen)
    others = [piece(3)] if "keep_pieces" in chosen else [f"{piece(n)}.gz" for n in (2, 3)]
    assert [piece(1), *others] == left
    assert piece(1) not in tidy_now(logs, **chosen)  # now nobody does


def test_a_writer_that_another_has_rotated_away_from_keeps_its_piece(make_file, logs):
    ours, other = make_file(max_bytes=100, gzip=True), make_file(max_bytes=100, gzip=True)
    other.write(line("a"))
    ours.write(line("b"))
    join_tidying()
    assert [LOCK, "script_1.TIME.log", LIVE] == names(logs)
    other.write(line("late"))  # into the piece; and then it has moved on
    ours.write(line("c" * 100))
    join_tidying()
    # The first is free to be compressed; the second is open by the other one now.
    assert [LOCK, "script_1.TIME.log", "script_1.TIME.log.gz", LIVE] == names(logs)
    assert ["a", "b", "late", "c" * 100] == messages(logs)[0]


def test_leftovers_of_a_killed_compressor_are_removed_with_the_next_attempt(logs):
    leftover, others = f".{piece(1)}.4711.tmp", f".{piece(1, rank=2)}.4711.tmp"
    plant(logs, piece(1), leftover, others)
    assert sorted([others, f"{piece(1)}.gz"]) == tidy_now(logs, gzip=True)


def test_a_compressor_killed_before_it_removed_the_original_doubles_nothing(logs):
    plant(logs, piece(1), content=line("one"))
    (logs / f"{piece(1)}.gz").write_bytes(gzip.compress(line("one")))
    assert ["one"] == messages(logs)[0]
    assert [f"{piece(1)}.gz"] == tidy_now(logs, gzip=True)
    assert ["one"] == messages(logs)[0]


FORKS_WITHIN_IMPORT = """
import logging, os, sys, threading
from logging_helpers import init_logging

def hook(event, arguments):
    # The code of a module that the tidying thread imports.
    if event == "exec" and threading.current_thread().name == "ranklog-tidy":
        print(arguments[0].co_filename, file=sys.stderr)
        importing.set()
        forked.wait(10)

def tidying():
    return [thread for thread in threading.enumerate() if thread.name == "ranklog-tidy"]

importing, forked = threading.Event(), threading.Event()
sys.addaudithook(hook)
null = open(os.devnull, "w")
init_logging(run_dir=sys.argv[1], rotation=1000, compression="gz", retention=1, stream=null)
logging.info("parent" + "." * 1000)
while tidying() and not importing.wait(0.01):
    pass
child = os.fork()
forked.set()
if child == 0:
    logging.info("child" + "." * 1000)
    for thread in tidying():
        thread.join(10)
    os._exit(bool(tidying()))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_child_forked_while_the_tidying_thread_might_import_can_tidy(run_dir):
    # A module that a thread imports at the time of a fork stays in the child as it is: half
    # made, and locked by a thread that is not there.
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKS_WITHIN_IMPORT, str(run_dir)],
        env=with_helpers(os.environ),
        stderr=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )
    assert (0, "") == (done.returncode, done.stderr)


def test_rotations_that_come_faster_than_compression_do_not_pile_threads_up(
    make_file, logs, monkeypatch
):
    """4,000 threads were seen, on a machine that was busy."""
    held, threads = threading.Event(), []
    real = os.fsync

    def slow(descriptor):
        held.wait(TIMEOUT_SECONDS)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    file = make_file(max_bytes=100, gzip=True)
    for number in range(30):
        file.write(line(f"{number} " + "x" * 100))
        threads.append(sum(thread.name == "ranklog-tidy" for thread in threading.enumerate()))
    held.set()
    join_tidying()
    assert 1 == max(threads)
    # All of them in the end, also those that came while it was at it.
    assert [LOCK, *["script_1.TIME.log.gz"] * 30, LIVE] == names(logs)
    assert 30 == len(messages(logs)[0])


def test_a_child_forked_while_a_piece_is_compressed_keeps_none_of_its_files(logs, monkeypatch):
    """It would keep the space of a piece that is deleted, for as long as it lives."""
    plant(logs, piece(1))
    children = []
    real = os.fsync

    def fork_meanwhile(descriptor):
        child = os.fork()
        if child == 0:
            paths = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
            open_files = [os.readlink(path) for path in paths if os.path.islink(path)]
            os._exit(any(str(logs) in path for path in open_files))
        children.append(child)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fork_meanwhile)
    left = tidy_now(logs, gzip=True)
    (child,) = children
    assert 0 == os.waitpid(child, 0)[1]
    assert [f"{piece(1)}.gz"] == left


@pytest.mark.timeout(30)
def test_planted_pieces_are_neither_followed_nor_waited_for(logs, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    plant(logs, piece(4), piece(5))
    os.mkfifo(logs / piece(1))
    (logs / piece(2)).symlink_to(victim)
    (logs / piece(3)).mkdir()
    (logs / f".{piece(4)}.{os.getpid()}.tmp").symlink_to(victim)
    left = tidy_now(logs, gzip=True, keep_pieces=1)
    assert [piece(1), piece(2), piece(3), f"{piece(5)}.gz"] == left
    assert "precious" == victim.read_text()


def test_compression_that_fails_leaves_the_piece_and_nothing_else(logs, monkeypatch):
    def full(descriptor):
        assert os.fstat(descriptor).st_size > 0
        raise OSError(errno.ENOSPC, "No space left on device")

    plant(logs, piece(1), piece(2))
    monkeypatch.setattr(os, "fsync", full)
    assert [piece(1), piece(2)] == tidy_now(logs, gzip=True)


def test_a_compressed_piece_has_the_mode_of_a_log(logs):
    plant(logs, piece(1))
    before = os.umask(0o027)
    try:
        tidy_now(logs, gzip=True)
    finally:
        os.umask(before)
    assert 0o640 == stat.S_IMODE((logs / f"{piece(1)}.gz").stat().st_mode)


def test_tidying_without_a_directory_is_nothing(logs):
    tidy(str(logs), 1, ".log", Rotation(gzip=True, keep_pieces=1))
    assert not logs.exists()


def test_at_the_end_of_the_interpreter_no_thread_is_no_error(logs, monkeypatch):
    def refuse(self):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    plant(logs, piece(1))
    monkeypatch.setattr(tidying.threading.Thread, "start", refuse)
    tidying.start_tidying(str(logs), 1, ".log", Rotation(keep_pieces=0))
    assert [piece(1)] == os.listdir(logs)


def test_init_logging_rotates_compresses_and_keeps(run_dir, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    init_logging(run_dir=run_dir, rotation=1000, retention=2, compression="gz", file_level="DEBUG")
    for number in range(40):
        logging.getLogger("x").debug("record %d", number)
        join_tidying()
    shutdown_logging()
    logs = run_dir / "logs"
    assert [LOCK, *["script_1.TIME.log.gz"] * 2, LIVE] == names(logs)


def test_the_programs_exit_waits_for_the_compression(logs, child_environment):
    program = """
import logging, sys
from logging_helpers import init_logging
init_logging(run_dir=sys.argv[1], rotation=3_000_000, compression="gz")
for _ in range(4):
    logging.getLogger("x").info("x" * 1_000_000)
"""
    command = [sys.executable, "-c", program, str(logs.parent)]
    done = subprocess.run(
        command, env=child_environment, stderr=subprocess.DEVNULL, timeout=TIMEOUT_SECONDS
    )
    expected = [".script.log.lock", "script.TIME.log.gz", "script.log"]
    assert (0, expected) == (done.returncode, names(logs))


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_where_there_are_no_locks_only_old_pieces_are_compressed_and_deleted(
    number, logs, monkeypatch
):
    monkeypatch.setattr(open_log, "fcntl", NoLocks(number))
    plant(logs, piece(1), piece(2), piece(3), LIVE)
    now = time.time()
    for second, age in ((1, 0), (2, 3700), (3, 3500)):
        os.utime(logs / piece(second), (now - age, now - age))
    assert [piece(1), piece(2) + ".gz", piece(3), LIVE] == tidy_now(logs, gzip=True)
    assert [piece(1), piece(3), LIVE] == tidy_now(logs, keep_pieces=0)


def test_without_locks_at_all_pieces_are_tidied_by_age_too(logs, monkeypatch):
    monkeypatch.setattr(open_log, "fcntl", None)
    plant(logs, piece(1), piece(2))
    os.utime(logs / piece(1), (0, 0))
    assert [piece(2)] == tidy_now(logs, keep_pieces=0)
