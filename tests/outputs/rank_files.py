"""Records for rank files, written by many processes, and a checker that counts losses.

Run as a program (`run_processes` does) it is the writers of one file.
"""

import collections
import multiprocessing
import os
import re
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from logging_helpers.outputs import rank_file, rotation
from logging_helpers.outputs.rank_file import RankFile
from logging_helpers.settings.resolve import Rotation
from ranklog import Record, read
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
    """What a checker found: of all records nothing may be lost, doubled or torn."""

    lost: int
    doubled: int
    torn: int


def count(found, expected_writers, per_writer, torn=0):
    """Compare messages ``pid/thread/sequence`` with what the writers wrote.

    Args:
        found: Messages, in any order.
        expected_writers: Number of ``pid/thread`` pairs.
        per_writer: Records of each, numbered from 0.
        torn: Lines that could not be read.
    """
    seen = collections.Counter(found)
    doubled = sum(times - 1 for times in seen.values())
    writers = {message.rpartition("/")[0] for message in seen}
    whole = {f"{writer}/{number}" for writer in writers for number in range(per_writer)}
    strange = len(set(seen) - whole)
    lost = expected_writers * per_writer - (len(seen) - strange)
    return Count(lost, doubled, torn + strange)


def count_in(directory, expected_writers, per_writer):
    found, damage = messages(directory)
    return count(found, expected_writers, per_writer, damage.cut_records + damage.foreign_lines)


def count_loguru(directory, expected_writers, per_writer):
    found = [text for path in Path(directory).iterdir() for text in path.read_text().splitlines()]
    return count(found, expected_writers, per_writer)


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


def open_and_write(kind, directory, per_writer, threads, max_bytes, gzip):
    write_numbered(_SINKS[kind](directory, max_bytes, gzip), per_writer, threads)


def _ours(directory, max_bytes, gzip):
    chosen = Rotation(max_bytes=max_bytes, gzip=bool(gzip))
    file = RankFile(directory, 1, TextLayout(), chosen, notice)
    return lambda message: file.write(line(message))


def _unlocked(directory, max_bytes, gzip):
    """Ours without the lock, without the second look at the inode, and with names reused."""
    rotation.lock_exclusive = lambda descriptor: True
    rotation.is_same_file = rank_file.is_same_file = lambda descriptor, path: True
    piece = os.path.join(directory, "script_1.20261005T235000.000000Z.log")
    rotation._unused_piece = lambda *_: piece
    return _ours(directory, max_bytes, gzip)


def _loguru(directory, max_bytes, gzip):
    from loguru import logger

    logger.remove()
    logger.add(Path(directory, "loguru.log"), format="{message}", rotation=max_bytes, catch=True)
    return logger.info


_SINKS = {"ours": _ours, "unlocked": _unlocked, "loguru": _loguru}


def run_processes(
    directory, *, kind="ours", method="fork", processes=4, per_writer=500, threads=1,
    max_bytes=8192, gzip=0,
):  # fmt: skip
    """Run this file as a program: `processes` writers of one file, and count what they left."""
    rest = [kind, directory, processes, per_writer, threads, max_bytes, gzip]
    count = processes if method == "alone" else 1
    command = [sys.executable, __file__, method, *map(str, rest)]
    running = [subprocess.Popen(command) for _ in range(count)]
    try:
        codes = [process.wait(TIMEOUT_SECONDS) for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()
    assert [0] * count == codes
    counter = count_loguru if kind == "loguru" else count_in
    return counter(directory, processes * threads, per_writer)


def _main(method, kind, directory, processes, per_writer, threads, max_bytes, gzip):
    arguments = (kind, directory, per_writer, threads, max_bytes, gzip)
    if method == "alone":
        open_and_write(*arguments)
    elif method == "fork":  # the children share what the parent has opened
        write = _SINKS[kind](directory, max_bytes, gzip)
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
