"""Logging while the same thread is logging already: nothing lost, nothing dead-locks."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest
from loguru import logger as loguru_logger
from rank_files import TIMEOUT_SECONDS, user_messages

from logging_helpers import init_logging, printing, shutdown_logging

SIGNALS = """
import logging, signal, sys
from loguru import logger
from logging_helpers import init_logging
kind, run_dir = sys.argv[1:]
init_logging(run_dir=run_dir, rotation=20_000)
log = logging.getLogger("x").info if kind == "stdlib" else logger.info
interrupts = 0

def interrupt(number, frame):
    global interrupts
    log("signal {}".format(interrupts))
    interrupts += 1
    signal.setitimer(signal.ITIMER_REAL, 0.0005)

signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.0005)
number = 0
while interrupts < 300:
    log("loop {}".format(number))
    number += 1
signal.setitimer(signal.ITIMER_REAL, 0)
print(number, interrupts)
"""


@pytest.mark.parametrize("kind", ["stdlib", "loguru"])
def test_a_signal_handler_that_logs_loses_nothing_on_file_and_console(
    kind, run_dir, child_environment
):
    command = [sys.executable, "-c", SIGNALS, kind, str(run_dir)]
    done = subprocess.run(
        command,
        env=child_environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=TIMEOUT_SECONDS,
    )
    loops, interrupts = map(int, done.stdout.split())
    expected = [f"loop {n}" for n in range(loops)] + [f"signal {n}" for n in range(interrupts)]
    assert sorted(expected) == sorted(user_messages(run_dir))
    on_console = [text.partition("INFO     ")[2] for text in done.stderr.splitlines()]
    assert sorted(expected) == sorted(on_console)


def log_at_step(step, log):
    """Log "outer", and "inner" before the given bytecode of its print; how many there were."""
    code = {printing.print_line.__code__, printing._print_owed.__code__, printing._print.__code__}
    seen = 0

    def trace(frame, event, _argument):
        nonlocal seen
        if frame.f_code not in code:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            seen += 1
            if seen == step:
                log("inner")  # not traced: what a trace function does never is
        return trace

    traced_before = sys.gettrace()
    sys._getframe().f_trace_opcodes = True  # Python 3.12 wants one before `settrace`
    sys.settrace(trace)
    try:
        log("outer")
    finally:
        sys.settrace(traced_before)
    return seen


def test_a_record_logged_between_any_two_steps_of_a_print_is_shown_when_the_call_returns(
    run_dir, capsys
):
    """As a signal handler may log."""
    init_logging(run_dir=run_dir)
    log = logging.getLogger("x").info
    log("warm")
    capsys.readouterr()
    step = 1
    while log_at_step(step, log) >= step:
        shown = capsys.readouterr().err.splitlines()
        assert ["inner", "outer"] == sorted(text.rpartition(" ")[2] for text in shown), step
        step += 1
    assert step > 50


BLOCKED = """
import logging, signal, sys
from logging_helpers import init_logging
init_logging(run_dir=sys.argv[1])
log = logging.getLogger("x").info
interrupts = 0

def interrupt(number, frame):
    global interrupts
    interrupts += 1
    log("signal %d", interrupts)

signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.003, 0.003)
while interrupts < 50:
    log("loop " + "x" * 100_000)  # more than a pipe holds
signal.setitimer(signal.ITIMER_REAL, 0)
print(interrupts)
"""


def test_a_signal_handler_that_logs_while_the_console_is_stalled_gets_its_lines_whole(
    run_dir, child_environment
):
    # Without its buffer, Python's own stderr loses the rest of a line that a signal interrupts.
    environ = {k: v for k, v in child_environment.items() if k != "PYTHONUNBUFFERED"}
    process = subprocess.Popen(
        [sys.executable, "-c", BLOCKED, str(run_dir)],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    shown = b""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    try:
        while piece := os.read(process.stderr.fileno(), 65536):
            shown += piece
            time.sleep(0.001)
            assert time.monotonic() < deadline
        interrupts = int(process.communicate(timeout=TIMEOUT_SECONDS)[0])
    finally:
        process.kill()
        process.communicate()
    expected = Counter(f"signal {number + 1}" for number in range(interrupts))
    expected["loop " + "x" * 100_000] = shown.count(b"loop")
    assert expected == Counter(user_messages(run_dir))
    assert expected == Counter(
        text.partition("INFO     ")[2] for text in shown.decode().splitlines()
    )


INTERRUPTED = """
import logging, os, random, signal, sys, threading
from logging_helpers import init_logging, printing
from logging_helpers.outputs.exchange import exchange_lock
random.seed(4)
run_dir = sys.argv[1]
init_logging(run_dir=run_dir, rotation=2000)
log = logging.getLogger("x").info

def is_held_by_this_thread():
    taken = []
    def take():
        taken.append(printing.lock.acquire(False))
        if taken[0]:
            printing.lock.release()
    other = threading.Thread(target=take)
    other.start()
    other.join()
    return not taken[0]

for _ in range(400):
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0002, 0.002))
        while True:
            log("message")
    except KeyboardInterrupt:
        pass
    assert not exchange_lock().locked()
    assert not is_held_by_this_thread()
    assert not printing._printing
log("x" * 2000)  # into the piece, if the last interrupt came between renaming and going on
pieces = len(os.listdir(run_dir + "/logs"))
log("x" * 2000)
assert len(os.listdir(run_dir + "/logs")) == pieces + 1
"""


def test_an_interrupt_at_any_moment_leaves_no_lock_taken(run_dir, child_environment):
    """As Ctrl-C in a notebook, which goes on after it."""
    code = "import signal\nsignal.signal(signal.SIGALRM, signal.default_int_handler)\n"
    done = subprocess.run(
        [sys.executable, "-c", code + INTERRUPTED, str(run_dir)],
        env=child_environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )
    assert 0 == done.returncode, done.stderr[-2000:]


class Talking:
    """An object that logs when it is formatted."""

    def __init__(self, log):
        self.log = log

    def __str__(self):
        self.log("inner")
        return "outer"

    __repr__ = __format__ = lambda self, *_: str(self)


def loguru_message():
    loguru_logger.info("{}", Talking(loguru_logger.info))


def loguru_exception():
    class TalkingError(Exception):
        def __str__(self):
            loguru_logger.info("inner")
            return "error"

    try:
        raise TalkingError
    except TalkingError:
        loguru_logger.exception("outer")


@pytest.mark.parametrize(
    "log",
    [
        lambda: logging.getLogger("x").info("%s", Talking(logging.getLogger("y").info)),
        lambda: logging.getLogger("x").info(Talking(loguru_logger.info)),
        lambda: logging.getLogger("x").info("outer", extra={"a": Talking(loguru_logger.info)}),
        loguru_message,
        lambda: loguru_logger.bind(a=Talking(logging.getLogger("y").info)).info("outer"),
        loguru_exception,
    ],
)
def test_what_logs_while_it_is_formatted_loses_neither_record(log, run_dir, capsys):
    init_logging(run_dir=run_dir)
    log()
    shutdown_logging()
    assert {"inner", "outer"} == set(user_messages(run_dir))
    shown = capsys.readouterr().err
    assert (True, True, False) == ("inner\n" in shown, "outer\n" in shown, "eadlock" in shown)


def test_a_foreign_sink_that_logs_through_stdlib_neither_hangs_nor_loses(run_dir, capsys):
    def forward(message):
        record = message.record
        if record["name"] != "forwarded":
            logging.getLogger("forwarded").info("again: %s", record["message"])

    init_logging(run_dir=run_dir)
    # loguru refuses to enter the same sink twice; its own guard is per sink, not ours.
    loguru_logger.add(forward, filter=lambda record: record["name"] != "forwarded")

    def work(log, name):
        for number in range(100):
            log(f"{name} {number}")

    jobs = [(logging.getLogger("x").info, "stdlib"), (loguru_logger.info, "loguru")]
    threads = [threading.Thread(target=work, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT_SECONDS)
    assert not any(thread.is_alive() for thread in threads)
    shutdown_logging()
    own = [f"{name} {number}" for name in ("stdlib", "loguru") for number in range(100)]
    expected = sorted([*own, *(f"again: {text}" for text in own)])
    assert expected == sorted(user_messages(run_dir))
    assert "eadlock" not in capsys.readouterr().err


def test_a_signal_that_comes_while_the_file_is_rotated_or_recovered_waits_for_nothing_long(
    make_file, logs, monkeypatch
):
    from rank_files import line, messages

    from logging_helpers.outputs import exchange, rank_file

    file = make_file(max_bytes=10)
    monkeypatch.setattr(rank_file, "_WAIT_SECONDS", 0.01)
    with exchange.exchange_lock():  # as the interrupted thread would
        file.write(line("during a rotation"))
        monkeypatch.setattr(os, "write", _fail_once(os.write))
        file.write(line("lost"))
        file.write(line("during a recovery"))
    file.write(line("after"))
    found = messages(logs)[0]
    assert ["during a rotation", "during a recovery"] == found[:2]
    assert found[2].startswith("1 record was lost")
    assert "after" == found[3]


def _fail_once(real):
    errors = [OSError(5, "Input/output error")]

    def write(descriptor, data):
        if errors:
            raise errors.pop()
        return real(descriptor, data)

    return write
