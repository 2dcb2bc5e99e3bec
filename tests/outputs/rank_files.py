"""Records for rank files, written by many processes, and a checker that counts losses.

Run as a program (`run_processes` does) it is the writers of one file.
"""

import contextlib
import errno
import multiprocessing
import os
import re
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from itertools import pairwise
from pathlib import Path

from logging_helpers.outputs import open_log, rank_file, rotation, tidying
from logging_helpers.outputs.rank_file import RankFile
from logging_helpers.settings.resolve import Rotation
from ranklog import Record, read
from ranklog.files.discover import discover
from ranklog.files.record_blocks import record_blocks
from ranklog.line_format import Damage, TextLayout, encode

TIME = datetime(2026, 10, 5, 23, 50, 0, 123456, tzinfo=timezone.utc)
TIMEOUT_SECONDS = 60


def with_helpers(environ):
    """The environment of a program that imports this module.

    Its coverage is not measured: coverage's own lock, held by a thread at the time of a fork,
    hangs the child (`coverage.collector.lock_data`, seen in 1 of 7 runs).
    """
    path = [os.path.dirname(__file__), *filter(None, [environ.get("PYTHONPATH")])]
    kept = {name: value for name, value in environ.items() if not name.startswith("COVERAGE_")}
    return {**kept, "PYTHONPATH": os.pathsep.join(path)}


def line(message, layout=None, **fields):
    """One record as the bytes of its line."""
    record = Record(TIME, "INFO", 1, None, "train", "step", 7, message, None, {})
    return encode(replace(record, **fields), layout or TextLayout())


def notice(text, layout=None):
    return line(text, layout, logger="ranklog", function="notice", level="WARNING")


def messages(directory):
    """Every message under a directory, of user and project alike, and the damage."""
    damage = Damage()
    return [record.message for record in read(directory, damage=damage)], damage


def user_messages(run_dir):
    """The messages of a run that the project did not write itself."""
    return [record.message for record in read(run_dir) if record.logger != "ranklog"]


def names(directory):
    """The complete directory, the time of a piece written as ``TIME``."""
    return sorted(re.sub(r"\d{8}T\d{6}\.\d{6}Z", "TIME", name) for name in os.listdir(directory))


@dataclass
class Count:
    """What a checker found: of all records nothing may be lost, doubled, torn or misplaced.

    Misplaced is a record that stands before an earlier one of its writer.
    """

    lost: int
    doubled: int
    torn: int
    misplaced: int = 0
    found: int = field(default=0, compare=False)


NOTHING = Count(lost=0, doubled=0, torn=0)


def compare(found, written, *, torn=0, unfinished=False):
    """Compare messages ``writer/sequence`` with what the writers wrote.

    Args:
        found: Messages in file order; dots at their ends are padding.
        written: Of each writer how many records it wrote, numbered from 0.
        torn: Lines that could not be read.
        unfinished: Whether writers were killed, so that one more record of each may be there.
    """
    of_writer = {writer: [] for writer in written}
    count = Count(0, 0, torn)
    for message in found:
        count.found += 1
        writer, _, number = message.rstrip(".").rpartition("/")
        if writer in of_writer and number.isdecimal():
            of_writer[writer].append(int(number))
        else:
            count.torn += 1
    for writer, numbers in of_writer.items():
        total, seen = written[writer], set(numbers)
        whole = set(range(total))
        count.lost += len(whole - seen)
        count.doubled += len(numbers) - len(seen)
        count.torn += len(seen - whole - ({total} if unfinished else set()))
        count.misplaced += sum(later < earlier for earlier, later in pairwise(numbers))
    return count


def count(found, expected_writers, per_writer, torn=0):
    """Compare messages ``pid/thread/sequence`` of writers whose pids are not known.

    Args:
        found: Messages in file order.
        expected_writers: Number of ``pid/thread`` pairs.
        per_writer: Records of each, numbered from 0.
        torn: Lines that could not be read.
    """
    found = list(found)
    writers = {message.rpartition("/")[0] for message in found}
    writers = {writer for writer in writers if re.fullmatch(r"\d+/\d+", writer)}
    result = compare(found, dict.fromkeys(writers, per_writer), torn=torn)
    result.lost += per_writer * (expected_writers - len(writers))
    return result


def stream(directory, damage):
    """Messages in file order, those of deleted pieces as well, without holding all of them.

    What was written to a piece after it was deleted is not among them: it is lost.
    """
    deleted = Path(directory, "deleted")
    for size in deleted.glob("*.size"):
        os.truncate(size.with_suffix(""), int(size.read_text()))
    found = [*discover(directory), *(discover(deleted) if deleted.is_dir() else [])]
    live = datetime.max.replace(tzinfo=timezone.utc)
    segments = [segment for source in found for segment in source.segments]
    segments.sort(key=lambda segment: segment.rotated or live)
    if segments:
        reader = found[0].layout.reader()
        for records in record_blocks(found[0]._replace(segments=tuple(segments)), 1 << 20, damage):
            yield from (message.decode() for message in reader.messages(records.items))


def count_in(directory, expected_writers, per_writer):
    damage = Damage()
    result = count(stream(directory, damage), expected_writers, per_writer)
    result.torn += damage.cut_records + damage.foreign_lines
    return result


def loguru_messages(directory):
    paths = sorted(path for path in Path(directory).iterdir() if path.is_file())
    return [text for path in paths for text in path.read_text(errors="replace").splitlines()]


def count_loguru(directory, expected_writers, per_writer):
    return count(loguru_messages(directory), expected_writers, per_writer)


def write_numbered(write, per_writer, threads=1):
    """Write records ``pid/thread/sequence`` from several threads of this process."""

    def work(thread):
        for number in range(per_writer):
            write(f"{os.getpid()}/{thread}/{number}")

    workers = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def open_and_write(kind, directory, per_writer, threads, max_bytes, gzip, keep):
    write_numbered(SINKS[kind](directory, max_bytes, gzip, keep), per_writer, threads)


def _ours(directory, max_bytes, gzip=0, keep=0):
    chosen = Rotation(max_bytes=max_bytes, gzip=bool(gzip), keep_pieces=keep or None)
    if keep:
        tidying._delete = _bury
    file = RankFile(directory, 1, TextLayout(), chosen, notice)
    return lambda message: file.write(line(message))


def _unlocked(directory, max_bytes, gzip=0, keep=0):
    """Ours without the lock, without the second look at the inode, and with names reused."""
    rotation.lock_exclusive = lambda descriptor: True
    rotation.is_same_file = rank_file.is_same_file = lambda descriptor, path: True
    piece = os.path.join(directory, "script_1.20261005T235000.000000Z.log")
    rotation._unused_piece = lambda *_: piece
    return _ours(directory, max_bytes, gzip, keep)


class NoLocks:
    """In place of `fcntl`: a file system without `flock`, as Lustre is without that option."""

    LOCK_EX, LOCK_SH, LOCK_NB, LOCK_UN = 2, 1, 4, 8

    def __init__(self, number=errno.ENOSYS):
        self._number = number

    def flock(self, descriptor, operation):
        raise OSError(self._number, "no locks here")


def _lockless(directory, max_bytes, gzip=0, keep=0):
    open_log.fcntl = NoLocks()
    return _ours(directory, max_bytes, gzip, keep)


def _loguru(directory, max_bytes, gzip=0, keep=0):
    from loguru import logger

    logger.remove()
    logger.add(Path(directory, "loguru.log"), format="{message}", rotation=max_bytes, catch=True)
    return logger.info


def _bury(path):
    """Delete a piece as `tidying._delete` does, but keep what it held, to be counted."""
    graves, name = os.path.join(os.path.dirname(path), "deleted"), os.path.basename(path)
    os.makedirs(graves, exist_ok=True)
    with contextlib.suppress(OSError), tidying._exclusively(path) as descriptor:
        if descriptor is not None:
            grave = os.path.join(graves, name)
            Path(f"{grave}.size").write_text(f"{os.fstat(descriptor).st_size}")
            os.rename(path, grave)


SINKS = {"ours": _ours, "lockless": _lockless, "unlocked": _unlocked, "loguru": _loguru}


def run_processes(
    directory, *, kind="ours", method="fork", processes=4, per_writer=500, threads=1,
    max_bytes=8192, gzip=0, keep=0, timeout_seconds=TIMEOUT_SECONDS,
):  # fmt: skip
    """Run this file as a program: `processes` writers of one file, and count what they left."""
    rest = [kind, directory, processes, per_writer, threads, max_bytes, gzip, keep]
    count = processes if method == "alone" else 1
    command = [sys.executable, "-W", "ignore", __file__, method, *map(str, rest)]
    # What broken sinks say of their losses is of no interest.
    err = None if kind == "ours" else subprocess.DEVNULL
    running = [subprocess.Popen(command, stderr=err) for _ in range(count)]
    try:
        codes = [process.wait(timeout_seconds) for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()
    assert [0] * count == codes
    counter = count_loguru if kind == "loguru" else count_in
    return counter(directory, processes * threads, per_writer)


def _main(method, kind, directory, processes, per_writer, threads, *rotation):
    arguments = (kind, directory, per_writer, threads, *rotation)
    if method == "alone":
        open_and_write(*arguments)
    elif method == "fork":  # the children share what the parent has opened
        write = SINKS[kind](directory, *rotation)
        wait, go = os.pipe()

        def work():
            os.close(go)
            os.read(wait, 1)  # until the parent closes its end: all begin together
            write_numbered(write, per_writer, threads)

        children = [_forked(work) for _ in range(processes)]
        os.close(go)
        sys.exit(any(os.waitpid(child, 0)[1] for child in children))
    else:
        context = multiprocessing.get_context(method)
        workers = [context.Process(target=open_and_write, args=arguments) for _ in range(processes)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        sys.exit(any(worker.exitcode for worker in workers))


def _forked(function, *arguments):
    child = os.fork()
    if child == 0:
        try:
            function(*arguments)
            # As interpreters do at their end: the thread that compresses.
            threading._shutdown()
            os._exit(0)
        finally:
            os._exit(1)
    return child


if __name__ == "__main__":
    method, kind, directory, *numbers = sys.argv[1:]
    _main(method, kind, directory, *map(int, numbers))
