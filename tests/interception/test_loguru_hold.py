"""Our one sink beside the program's: added, exchanged, lost, brought back, removed."""

import io
import logging
import sys

import pytest
from loguru import logger as loguru_logger
from support import messages, run_python, the_record, user_records

from logging_helpers import ensure_interception, init_logging, shutdown_logging
from logging_helpers.interception.loguru_hold import LoguruHold

LOST = (
    "ranklog: the sink was removed by logger.remove() or configure(handlers=);"
    " call logging_helpers.ensure_interception() to bring it back\n"
)


def test_loguru_native_code_gets_the_same_outputs(run_dir, monkeypatch):
    monkeypatch.setenv("RANK", "2")
    stream = io.StringIO()
    init_logging(run_dir=run_dir, show_rank=True, stream=stream)
    loguru_logger.bind(epoch=3).success("saved {}", "x")
    record = the_record(run_dir)
    assert (2, "SUCCESS", "saved x", {"epoch": 3}) == (
        record.rank,
        record.level,
        record.message,
        record.extra,
    )
    assert "] [2] SUCCESS  saved x\n" == stream.getvalue()[13:]


@pytest.mark.parametrize("rank", [None, 0, 2])
def test_the_rank_is_always_in_extra_and_wins(rank, monkeypatch):
    if rank is not None:
        monkeypatch.setenv("RANK", str(rank))
    seen = []
    init_logging()
    loguru_logger.add(lambda message: seen.append(message.record["extra"]), format="{message}")
    loguru_logger.info("x")
    loguru_logger.bind(rank=77).info("x")
    loguru_logger.info("x {rank}", rank=77)
    with loguru_logger.contextualize(rank=77):
        loguru_logger.info("x")
    logging.warning("x", extra={"rank": 77})
    assert [{"rank": rank}] * 5 == seen


def test_the_programs_patcher_is_chained_and_may_fail(run_dir, capsys):
    def patcher(record):
        record["extra"]["host"] = "h1"
        record["extra"]["rank"] = 77
        if "fail" in record["message"]:
            raise ValueError("no such host")

    init_logging(run_dir=run_dir, patcher=patcher, stream=io.StringIO(), rank=1)
    loguru_logger.info("fine")
    logging.info("fail 1")
    logging.info("fail 2")
    assert [("fine", 1, "h1"), ("fail 1", 1, "h1"), ("fail 2", 1, "h1")] == [
        (r.message, r.rank, r.extra["host"]) for r in user_records(run_dir)
    ]
    assert "ranklog: the program's patcher failed: ValueError: no such host\n" == (
        capsys.readouterr().err
    )


def test_a_patcher_set_later_takes_the_place_of_ours_and_costs_no_record(run_dir):
    init_logging(run_dir=run_dir, rank=1)
    loguru_logger.configure(patcher=lambda record: record["extra"].update(host="h1"))
    loguru_logger.info("x")
    record = the_record(run_dir)
    assert ("x", 1, {"host": "h1"}) == (record.message, record.rank, record.extra)


def test_the_programs_patcher_stays_after_shutdown():
    seen = []
    init_logging(patcher=lambda record: record["extra"].update(host="h1"), rank=1)
    shutdown_logging()
    loguru_logger.add(lambda message: seen.append(message.record["extra"]), format="{message}")
    loguru_logger.info("x")
    assert [{"host": "h1"}] == seen


def test_our_patcher_is_gone_after_shutdown():
    seen = []
    init_logging(rank=1)
    shutdown_logging()
    loguru_logger.add(lambda message: seen.append(message.record["extra"]), format="{message}")
    loguru_logger.info("x")
    assert [{}] == seen


TAKERS = {
    "remove": loguru_logger.remove,
    "configure": lambda: loguru_logger.configure(handlers=[]),
}


@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS.keys())
def test_a_sink_that_was_removed_is_said_once_and_brought_back(run_dir, capsys, take):
    init_logging(run_dir=run_dir, stream=io.StringIO())
    for _ in range(2):
        take()
        logging.info("lost")
        ensure_interception()
        ensure_interception()
        logging.info("seen")
    assert LOST == capsys.readouterr().err
    assert ["seen", "seen"] == messages(run_dir)
    shutdown_logging()
    assert "" == capsys.readouterr().err


def test_calling_init_logging_again_brings_the_sink_back(run_dir, capsys):
    for level in ("INFO", "INFO", "DEBUG"):
        init_logging(level, run_dir=run_dir, stream=io.StringIO())
        logging.info(level)
        loguru_logger.remove()
    assert ["INFO", "INFO", "DEBUG"] == messages(run_dir)
    assert LOST == capsys.readouterr().err


def test_a_sink_that_was_exchanged_and_then_removed_is_said(capsys):
    for level in ("INFO", "DEBUG"):
        init_logging(level, stream=io.StringIO())
    assert "" == capsys.readouterr().err
    loguru_logger.remove()
    assert LOST == capsys.readouterr().err


def test_the_programs_own_sinks_are_left_alone(run_dir):
    seen = []
    loguru_logger.add(lambda message: seen.append(str(message)), format="{message}", level="DEBUG")
    init_logging("WARNING", run_dir=run_dir)
    loguru_logger.debug("for the program's sink")
    logging.warning("for both")
    init_logging("ERROR", run_dir=run_dir)
    shutdown_logging()
    loguru_logger.debug("after")
    assert ["for the program's sink\n", "for both\n", "after\n"] == seen
    assert ["for both"] == messages(run_dir)


def test_stderr_is_looked_up_at_each_write(monkeypatch):
    streams = [io.StringIO(), io.StringIO()]
    monkeypatch.setattr(sys, "stderr", streams[0])
    init_logging()
    logging.info("first")
    monkeypatch.setattr(sys, "stderr", streams[1])
    streams[0].close()
    logging.info("second")
    loguru_logger.info("third")
    monkeypatch.setattr(sys, "stderr", None)
    logging.info("nowhere")
    assert ["second", "third"] == [x[24:] for x in streams[1].getvalue().splitlines()]


@pytest.mark.parametrize("number", [1, 2])
def test_capsys_gets_the_lines_of_its_own_test(capsys, number):
    init_logging()
    logging.info("test %d", number)
    assert f" INFO     test {number}\n" == capsys.readouterr().err[14:]


def test_a_sink_that_logs_to_stdlib_does_not_loop(run_dir):
    def sink(message):
        if message.record["name"] == "app":
            logging.getLogger("sink").info("sent %s", message.record["message"])

    init_logging(run_dir=run_dir)
    loguru_logger.add(sink, format="{message}", filter="app", catch=False)
    logging.getLogger("app").info("x")
    assert ["x", "sent x"] == messages(run_dir)


def test_a_failing_foreign_sink_costs_the_file_nothing(run_dir, capsys):
    def sink(message):
        raise OSError("disk of the sink")

    loguru_logger.add(sink, format="{message}")
    init_logging(run_dir=run_dir, stream=io.StringIO())
    logging.info("kept")
    assert ["kept"] == messages(run_dir)
    assert "OSError: disk of the sink" in capsys.readouterr().err


class Delivered:
    """Outputs that keep what they are given."""

    console = None

    def __init__(self, level):
        self.level = level
        self.records = []

    def lowest_level(self):
        return self.level

    def deliver(self, record):
        self.records.append(record["message"])


def test_a_record_held_up_until_after_an_exchange_is_delivered_once():
    # Loguru gives a record to the sinks that were there when it was logged: to the old one,
    # and to both if it was logged in the middle of the exchange.
    outputs = [Delivered(10), Delivered(20)]
    hold = LoguruHold(outputs[0], lambda: None, None)
    old = hold.sink
    hold.set_outputs(outputs[1])
    for message, sinks in (("to the old one", [old]), ("to both", [old, hold.sink])):
        record = {"message": message}
        for sink in sinks:
            sink.accept(record)
    assert [[], ["to the old one", "to both"]] == [each.records for each in outputs]
    hold.release(None)


DEFAULT_SINK = r"""
    import logging, logging_helpers, re
    from loguru import logger
    for turn in range(3):
        logger.info(f"loguru's own {turn}")
        logging_helpers.init_logging(stream=None)
        logger.info(f"ours {turn}")
        logging_helpers.shutdown_logging()
    logger.info("loguru's own again")
"""


def test_shutdown_gives_loguru_its_default_sink_back_each_time():
    ended = run_python(DEFAULT_SINK)
    lines = ended.err.splitlines()
    expected = [f"{whose} {turn}" for turn in range(3) for whose in ("loguru's own", "ours")]
    expected.append("loguru's own again")
    assert expected == [line.rpartition(" - ")[2][24 * (line[0] == "[") :] for line in lines]


def test_shutdown_adds_no_default_sink_where_the_program_had_removed_it():
    ended = run_python("""
        import logging_helpers
        from loguru import logger
        logger.remove()
        logging_helpers.init_logging()
        logging_helpers.shutdown_logging()
        logger.info("nobody asked for this")
    """)
    assert (0, "", "") == (ended.code, ended.out, ended.err)


def test_shutdown_works_without_stderr():
    ended = run_python("""
        import sys, logging_helpers
        logging_helpers.init_logging()
        sys.stderr = None
        logging_helpers.shutdown_logging()
        print("done")
    """)
    assert (0, "done\n", "") == (ended.code, ended.out, ended.err)
