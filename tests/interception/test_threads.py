"""Threads that log while others log, deadlock in careless designs, or reconfigure."""

import io
import itertools
import logging
import sys
import threading
from collections import Counter

import pytest
from loguru import logger as loguru_logger
from support import drop_pytests_handlers, user_records

from logging_helpers import init_logging

DEADLINE_SECONDS = 30
ABBA_RECORDS = 2_000
SWAPS = 40
CARELESS_SWAPS = 8


@pytest.fixture
def quick_switches():
    """Threads take turns more often than usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def run_threads(*targets):
    """Run functions side by side; fails if one has not ended at the deadline."""
    threads = [threading.Thread(target=target, daemon=True) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    assert [False] * len(threads) == [thread.is_alive() for thread in threads], "deadlock"


@pytest.mark.usefixtures("quick_switches")
def test_stdlib_to_loguru_and_a_loguru_sink_to_stdlib_do_not_deadlock(run_dir):
    def sink(message):
        logging.getLogger("sink").info("%s, sent on", message.record["message"])

    def stdlib_thread():
        for number in range(ABBA_RECORDS):
            logging.getLogger("stdlib").info("stdlib %d", number)

    def loguru_thread():
        for number in range(ABBA_RECORDS):
            loguru_logger.info("loguru {}", number)

    drop_pytests_handlers()  # they keep every record
    init_logging(run_dir=run_dir, stream=io.StringIO())
    loguru_logger.add(sink, format="{message}", filter=lambda record: record["name"] != "sink")
    run_threads(stdlib_thread, loguru_thread)
    texts = [f"{way} {number}" for way in ("stdlib", "loguru") for number in range(ABBA_RECORDS)]
    expected = Counter(texts) + Counter(f"{text}, sent on" for text in texts)
    assert expected == Counter(record.message for record in user_records(run_dir))


def messages_during(exchange, read, swaps=SWAPS):
    """What threads logged while `exchange` was called again and again, and what arrived.

    Args:
        exchange: Called with the number of the turn.
        read: Returns the messages that arrived, at the end.
        swaps: How often to exchange.
    """
    sent = Counter()
    done = threading.Event()

    def log(way, number):
        for count in itertools.count():
            if done.is_set():
                break
            text = f"{way} {number} {count}"
            if way == "stdlib":
                logging.getLogger("app.part").debug(text)
            else:
                loguru_logger.debug(text)
            sent[text] += 1

    def exchange_often():
        try:
            for turn in range(swaps):
                exchange(turn)
        finally:
            done.set()

    run_threads(
        lambda: log("stdlib", 1), lambda: log("stdlib", 2), lambda: log("loguru", 3), exchange_often
    )
    return sent, read()


@pytest.mark.usefixtures("quick_switches")
def test_reconfiguring_while_threads_log_loses_and_doubles_nothing(run_dir, monkeypatch):
    # Each turn changes the level of the sink, of root and of loggers, the console and, every
    # other time, the file; DEBUG is wanted from these loggers at every moment.
    stream = io.StringIO()

    def exchange(turn):
        levels = ("DEBUG", "INFO,app=DEBUG,test_threads=DEBUG", "TRACE,app=DEBUG")
        monkeypatch.setenv("LOG_LEVEL", levels[turn % 3])
        init_logging(
            run_dir=run_dir, stream=stream, rank=turn // 2 % 3, show_rank=bool(turn // 2 % 2)
        )

    drop_pytests_handlers()
    exchange(0)
    sent, arrived = messages_during(
        exchange, lambda: Counter(record.message for record in user_records(run_dir))
    )
    assert sum(sent.values()) > SWAPS
    assert sent == arrived
    printed = Counter(line.rpartition("DEBUG    ")[2] for line in stream.getvalue().splitlines())
    assert sent == printed


@pytest.mark.usefixtures("quick_switches")
def test_the_check_sees_what_removing_before_adding_loses():
    # As above, with plain loguru in the careless order: the check above is known to see losses.
    arrived = Counter()

    def sink(message):
        arrived[message.record["message"]] += 1

    sinks = [loguru_logger.add(sink, format="{message}")]
    logging.getLogger("app.part").setLevel(logging.CRITICAL)  # loguru's thread is enough
    gap = threading.Event()

    def exchange(_turn):
        loguru_logger.remove(sinks.pop())
        gap.wait(0.001)  # a slow disk, say
        sinks.append(loguru_logger.add(sink, format="{message}"))

    try:
        sent, _ = messages_during(exchange, lambda: arrived, CARELESS_SWAPS)
    finally:
        logging.getLogger("app.part").setLevel(logging.NOTSET)
    lost = Counter({text: n for text, n in sent.items() if text.startswith("loguru")}) - arrived
    assert lost


@pytest.mark.usefixtures("quick_switches")
def test_setting_up_from_several_threads_sets_up_once(run_dir):
    stream = io.StringIO()
    run_threads(*[lambda: init_logging(run_dir=run_dir, stream=stream) for _ in range(8)])
    logging.info("once")
    assert ["once"] == [record.message for record in user_records(run_dir)]
    assert 1 == len(stream.getvalue().splitlines())
    assert 1 == (run_dir / "logs" / "script.log").read_text().count("ranklog:start:0")
