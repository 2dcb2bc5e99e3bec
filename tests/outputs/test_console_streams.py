"""Streams that are closed, full, broken, shared by threads or log themselves cost no record."""

import io
import logging
import os
import subprocess
import sys
import threading

import pytest
from rank_files import TIMEOUT_SECONDS, user_messages, with_helpers

from logging_helpers import init_logging, printing
from logging_helpers.outputs.console import Console

CLOCK = "12:34:56.789"


class Broken:
    def write(self, text):
        raise RuntimeError("broken")


def closed_stream():
    stream = io.StringIO()
    stream.close()
    return stream


BROKEN_STREAMS = {
    "closed": closed_stream,
    "broken": Broken,
    "none": lambda: None,
    "no stream at all": object,
}


@pytest.mark.parametrize("name", BROKEN_STREAMS)
def test_a_broken_stderr_never_raises_nor_costs_the_file_a_record(name, run_dir, monkeypatch):
    monkeypatch.setattr(sys, "stderr", BROKEN_STREAMS[name]())
    init_logging(run_dir=run_dir)
    for number in range(3):
        logging.getLogger("x").info("record %d", number)
    monkeypatch.undo()
    assert ["record 0", "record 1", "record 2"] == user_messages(run_dir)


BARE = """
import contextlib, sys
with contextlib.suppress(OSError):
    sys.stderr.write("x\\n")
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_stderr_costs_neither_the_program_nor_the_file_anything(
    run_dir, child_environment, unbuffered
):
    environ = child_environment | {"PYTHONUNBUFFERED": unbuffered}
    program = f"""
import logging
from logging_helpers import init_logging
init_logging(run_dir={str(run_dir)!r})
for number in range(300):
    logging.getLogger("x").info("record %d", number)
"""
    with open("/dev/full", "wb") as full:
        # What Python cannot flush at exit makes its exit code 120, with us as without.
        codes = [
            subprocess.run(
                [sys.executable, "-c", each], stderr=full, env=environ, timeout=30
            ).returncode
            for each in (BARE, program)
        ]
    assert codes[0] == codes[1]
    assert [f"record {number}" for number in range(300)] == user_messages(run_dir)


def test_lines_of_threads_stay_whole_on_a_stream_that_is_not_safe_for_threads():
    class Unsafe(io.StringIO):
        """Gives other threads the chance to write in the middle of a line."""

        def write(self, text):
            for half in (text[:20], text[20:]):
                super().write(half)
                os.sched_yield()

    stream = Unsafe()
    console = Console(stream, "")
    labels = console.labels("INFO", 20)

    def work(name):
        for _ in range(100):
            console.write(CLOCK, labels, name * 20, True, None)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = sorted(f"[12:34:56.789] INFO     {name * 20}" for name in "abcd" * 100)
    assert expected == sorted(stream.getvalue().splitlines())


class Logging(io.StringIO):
    """Logs what is written to it, as redirections of stderr to logging do."""

    def write(self, text):
        super().write(text)
        logging.getLogger("stderr").info("seen: %s", text.strip().rpartition(" ")[2])


def test_a_stderr_that_logs_does_not_go_on_for_ever(run_dir, monkeypatch):
    stream = Logging()
    monkeypatch.setattr(sys, "stderr", stream)
    init_logging(run_dir=run_dir)
    for number in range(3):
        logging.getLogger("x").info("record%d", number)
    monkeypatch.undo()
    # Each record is printed, and so is what printing it logged; that is the end of it.
    expected = [text for n in range(3) for text in (f"record{n}", *[f"seen: record{n}"] * 2)]
    assert expected == user_messages(run_dir)
    lines = [text for n in range(3) for text in (f"record{n}", f"seen: record{n}")]
    assert lines == [line.partition("INFO     ")[2] for line in stream.getvalue().splitlines()]


def test_a_stderr_that_logs_under_its_own_lock_holds_nobody_up_for_ever(run_dir, monkeypatch):
    monkeypatch.setattr(printing, "WAIT_SECONDS", 0.05)
    in_stream, other_prints = threading.Event(), threading.Event()

    class Locked(io.StringIO):
        own_lock = threading.RLock()

        def write(self, text):
            if "other" in text:
                other_prints.set()
            with self.own_lock:
                if text == "program's own":
                    in_stream.set()
                    other_prints.wait(10)  # now the other thread has the console and waits for us
                    logging.getLogger("x").info("inner")
                super().write(text)

    stream = Locked()
    monkeypatch.setattr(sys, "stderr", stream)
    init_logging(run_dir=run_dir)
    thread = threading.Thread(target=stream.write, args=("program's own",))
    thread.start()
    assert in_stream.wait(10)
    logging.getLogger("x").info("other")
    thread.join(10)
    monkeypatch.undo()
    assert (False, ["inner", "other"]) == (thread.is_alive(), sorted(user_messages(run_dir)))


FORKS_WITHIN_LINE = """
import logging, os, select, signal, sys, threading, time
from logging_helpers import init_logging, printing, say

run_dir, kind, is_stalled = sys.argv[1], sys.argv[2], sys.argv[3] == "stalled"
reader, writer = os.pipe()
stream = open(writer, "w", 1)  # as stderr is, without -u
if kind == "stderr":
    sys.stderr = stream
init_logging(run_dir=run_dir, stream=stream if kind == "stream" else None)

drained, forking = [], threading.Event()

def drain():
    forking.wait()
    time.sleep(0.2)
    while data := os.read(reader, 65536):
        drained.append(data)

printing.WAIT_SECONDS = 0.1 if is_stalled else 30
if not is_stalled:
    os.register_at_fork(before=forking.set)
more_than_a_pipe_holds = "y" * 200_000
printing_thread = threading.Thread(target=logging.info, args=(more_than_a_pipe_holds,))
draining_thread = threading.Thread(target=drain)
printing_thread.start()
draining_thread.start()
select.select([reader], [], [])  # now it is in the middle of the line

child = os.fork()
if child == 0:
    signal.alarm(20)
    logging.info("child")
    say.say("of the child")
    (sys.stderr if kind == "stderr" else sys.stdout).flush()  # as multiprocessing does
    logging.shutdown()
    os._exit(0)
forking.set()
status = os.waitpid(child, 0)[1]
printing_thread.join()
stream.close()
draining_thread.join()
text = b"".join(drained).decode()
print(status, text.count("y"), "child\\n" in text)
"""


@pytest.mark.parametrize(
    ("kind", "console", "is_printed"),
    [
        ("stderr", "slow", True),
        ("stream", "slow", True),
        ("stderr", "stalled", True),
        ("stream", "stalled", False),
    ],
)
def test_a_child_forked_in_the_middle_of_a_line_logs_and_ends(kind, console, is_printed, run_dir):
    code = ["-W", "ignore", "-c", FORKS_WITHIN_LINE, str(run_dir), kind, console]
    done = subprocess.run(
        [sys.executable, *code],
        env=with_helpers(os.environ),
        stdout=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )
    assert f"0 200000 {is_printed}\n" == done.stdout
    assert "child" in user_messages(run_dir)


def test_flush_never_raises():
    for stream in (closed_stream(), Broken(), io.StringIO(), object()):
        Console(stream, "").flush()
