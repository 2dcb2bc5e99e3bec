"""Writers of one file that are killed, stopped, or forked while they write.

Run as a program, it is those writers; it prints how many calls of each had returned.
"""

import os
import random
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from rank_files import SINKS, TIMEOUT_SECONDS, _forked, compare, loguru_messages, stream

from ranklog.line_format import Damage


def run_disturbed(
    scenario, directory, *, kind="ours", times, writers, max_bytes, gzip=0, keep=0,
    timeout_seconds=TIMEOUT_SECONDS,
):  # fmt: skip
    """Run a scenario as a program of its own, and count what its writers left.

    Args:
        scenario: ``"kills"``, ``"stops"`` or ``"forks"``.
        directory: Where the file is.
        kind: Which sink; a key of `SINKS`.
        times: How often a writer is killed, stopped or forked.
        writers: How many write at once.
        max_bytes: Size at which the file is rotated.
        gzip: 1 to compress pieces.
        keep: How many pieces to keep, 0 for all.
        timeout_seconds: When it is not done by then, it hangs.
    """
    numbers = map(str, (times, writers, max_bytes, gzip, keep))
    command = [sys.executable, "-W", "ignore", __file__, scenario, kind, str(directory), *numbers]
    # A group of its own, ended as a whole: its writers must not outlive a failure.
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        # What broken sinks say of their losses is of no interest.
        stderr=None if kind == "ours" else subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        out, _ = process.communicate(timeout=timeout_seconds)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == 0
    written = {name: int(count) for name, count in map(str.split, out.splitlines())}
    damage = Damage()
    found = loguru_messages(directory) if kind == "loguru" else stream(directory, damage)
    result = compare(found, written, unfinished=scenario == "kills")
    # What was killed within its write is no loss: its call had not returned.
    result.torn += damage.foreign_lines
    return result


_MOST_RECORDS = 10_000
"""How many records to wait for three rotations."""


class _Writer:
    """A forked process that writes numbered records until it is killed or told to end."""

    def __init__(self, name, sink, prepare=None, padding=(0,)):
        self.name = name
        read_end, write_end = os.pipe()
        end_read, self._end = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(write_end)
            os.close(end_read)
            self._returned = read_end
            return
        os.close(self._end)
        try:
            if prepare:
                prepare()
            kind, *arguments = sink
            write = SINKS[kind](*arguments)
            number = 0
            while not select.select([end_read], [], [], 0)[0]:
                write(f"{name}/{number}" + "." * random.choice(padding))
                os.write(write_end, b".")
                number += 1
            threading._shutdown()
        finally:
            os._exit(0)

    def wait_for_first(self):
        """Wait until its first call has returned."""
        os.read(self._returned, 1)

    def end(self):
        os.close(self._end)

    def drain(self):
        """How many calls have returned; reads on until the process is dead."""
        count = 0
        while dots := os.read(self._returned, 65536):
            count += len(dots)
        os.close(self._returned)
        os.waitpid(self.pid, 0)
        return count


def _stop_in_rotation(after):
    """Have this process stop itself while it holds the lock of a rotation."""
    rename = os.rename

    def stopping(source, target):
        if after:
            rename(source, target)
        os.kill(os.getpid(), signal.SIGSTOP)
        if not after:
            rename(source, target)

    def prepare():
        os.rename = stopping

    return prepare


def kills(sink, times, writers):
    """Kill writers at random moments; every other time one of them while it holds the lock."""
    done = 0
    has_holder = False
    while done < times:
        names = [f"{done + n}" for n in range(min(writers, times - done))]
        done += len(names)
        has_holder = not has_holder and sink[0] == "ours"  # others have no lock to hold
        running = [
            _Writer(name, sink, padding=(0, 5000)) for name in names[: -1 if has_holder else None]
        ]
        if has_holder:
            prepare = _stop_in_rotation(after=random.choice((True, False)))
            running.append(_Writer(names[-1], sink, prepare, padding=(0, 5000)))
            _, status = os.waitpid(running[-1].pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status), status
        counts = {writer.name: 0 for writer in running}
        for writer in running[: -1 if has_holder else None]:
            writer.wait_for_first()
            counts[writer.name] = 1
        time.sleep(random.uniform(0, 0.02))  # the random moment
        for writer in running:
            os.kill(writer.pid, signal.SIGKILL)
        for writer in running:
            writer.end()
            print(writer.name, counts[writer.name] + writer.drain())


def _pieces(directory):
    """How many rotations there were: pieces there are, and pieces deleted."""
    deleted = Path(directory, "deleted")
    names = [*os.listdir(directory), *(os.listdir(deleted) if deleted.is_dir() else [])]
    return len({name.removesuffix(".size").removesuffix(".gz") for name in names})


def stops(sink, times, writers):
    """Stop a writer until the others have rotated three times, and let it go on."""
    running = [_Writer(f"{n}", sink) for n in range(writers)]
    counts = {writer.name: 0 for writer in running}

    def read(until):
        # Their pipes must not fill up, or they stand still.
        while not until():
            ready, _, _ = select.select([writer._returned for writer in running], [], [], 0.01)
            for writer in running:
                if writer._returned in ready:
                    counts[writer.name] += len(os.read(writer._returned, 65536))

    read(lambda: all(counts.values()))
    for _ in range(times):
        victim = random.choice(running)
        os.kill(victim.pid, signal.SIGSTOP)
        # Nobody rotates while one is stopped that holds the lock of a rotation, and broken
        # sinks reuse names: go on after so many records at the latest.
        pieces, enough = _pieces(sink[1]) + 3, sum(counts.values()) + _MOST_RECORDS

        def has_rotated(pieces=pieces, enough=enough):
            return sum(counts.values()) >= enough or (
                sink[0] == "ours" and _pieces(sink[1]) >= pieces
            )

        read(has_rotated)
        os.kill(victim.pid, signal.SIGCONT)
    for writer in running:
        writer.end()
    for writer in running:
        print(writer.name, counts[writer.name] + writer.drain())


def forks(sink, times, writers):
    """Fork while threads write, and let each child write 20 records."""
    kind, *arguments = sink
    write = SINKS[kind](*arguments)
    done = threading.Event()
    counts = [0] * writers
    # Where forks have to wait for a busy machine, threads that only write fill thousands of
    # pieces, all to be compressed before the end.
    most = 800 * times

    def work(thread):
        while not done.is_set():
            write(f"t{thread}/{counts[thread]}")
            counts[thread] += 1
            if counts[thread] > most:
                time.sleep(0.001)

    def work_in_child(name):
        for number in range(20):
            write(f"{name}/{number}")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    for number in range(times):
        _, status = os.waitpid(_forked(work_in_child, f"c{number}"), 0)
        assert status == 0, status
        print(f"c{number}", 20)
    done.set()
    for number, thread in enumerate(threads):
        thread.join()
        print(f"t{number}", counts[number])


if __name__ == "__main__":
    random.seed(4)
    scenario, kind, directory, *numbers = sys.argv[1:]
    times, writers, *rotation = map(int, numbers)
    sys.stdout.reconfigure(write_through=True)
    {"kills": kills, "stops": stops, "forks": forks}[scenario](
        (kind, directory, *rotation), times, writers
    )
