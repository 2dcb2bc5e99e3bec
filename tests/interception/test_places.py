"""Every record names the place of the program that logged it."""

import logging
import logging.handlers
import queue
import time

import pytest
from loguru import logger as loguru_logger
from support import drop_pytests_handlers, here, the_record, user_records

from logging_helpers import init_logging


def place(record):
    return (record.logger, record.function, record.line)


WAYS = {
    "info": lambda log: (log.info("x"), here()),
    "log": lambda log: (log.log(20, "x"), here()),
    "exception": lambda log: (log.exception("x", exc_info=None), here()),
    "with extra": lambda log: (log.info("x", extra={"a": 1}), here()),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_a_loggers_methods_name_their_caller(run_dir, way):
    init_logging(run_dir=run_dir)
    _, line = way(logging.getLogger("app"))
    assert ("app", "<lambda>", line) == place(the_record(run_dir))


def test_stacklevel_names_the_callers_caller(run_dir):
    def helper(text):
        logging.getLogger("app").info(text, stacklevel=2)

    init_logging(run_dir=run_dir)
    helper("x")
    expected = ("app", "test_stacklevel_names_the_callers_caller", here() - 1)
    assert expected == place(the_record(run_dir))


def test_an_adapter_names_its_caller_and_keeps_its_fields(run_dir):
    init_logging(run_dir=run_dir)
    adapter = logging.LoggerAdapter(logging.getLogger("app"), {"epoch": 3})
    adapter.info("x")
    record = the_record(run_dir)
    expected = ("app", "test_an_adapter_names_its_caller_and_keeps_its_fields", here() - 2)
    assert (expected, {"epoch": 3}) == (place(record), record.extra)


def test_records_that_went_through_a_queue_keep_their_time_and_place(run_dir):
    init_logging(run_dir=run_dir)
    root = logging.getLogger()
    waiting = queue.SimpleQueue()
    logger = logging.getLogger("queued")
    logger.propagate = False
    sender = logging.handlers.QueueHandler(waiting)
    logger.addHandler(sender)
    try:
        before = time.time()
        logger.warning("step %d", 72, extra={"epoch": 3})
        line = here() - 1
        after = time.time()
        # Handed over late, in another thread.
        while time.time() - after < 0.02:
            pass
        listener = logging.handlers.QueueListener(waiting, *root.handlers[:1])
        listener.start()
        listener.stop()
    finally:
        logger.removeHandler(sender)
        logger.propagate = True
    record = the_record(run_dir)
    name = "test_records_that_went_through_a_queue_keep_their_time_and_place"
    assert ("queued", name, line) == place(record)
    assert ("step 72", {"epoch": 3}) == (record.message, record.extra)
    assert before - 1e-6 <= record.time.timestamp() <= after


def test_an_exception_that_went_through_a_queue_is_in_the_log_once(run_dir):
    init_logging(run_dir=run_dir)
    waiting = queue.SimpleQueue()
    logger = logging.getLogger("queued")
    logger.propagate = False
    sender = logging.handlers.QueueHandler(waiting)
    logger.addHandler(sender)
    try:
        try:
            raise ValueError("only once")
        except ValueError:
            logger.exception("broken")
    finally:
        logger.removeHandler(sender)
        logger.propagate = True
    logging.getLogger().handle(waiting.get())
    record = the_record(run_dir)
    assert 1 == f"{record.message}\n{record.exception}".count("ValueError: only once")


def test_loguru_native_records_name_their_own_place(run_dir):
    init_logging(run_dir=run_dir)
    loguru_logger.info("x")
    expected = ("test_places", "test_loguru_native_records_name_their_own_place", here() - 1)
    logging.getLogger("other").info("in between")
    loguru_logger.opt(depth=0).info("y")
    first, _, third = user_records(run_dir)
    assert expected == place(first)
    assert (expected[0], expected[1], expected[2] + 3) == place(third)


def test_a_record_logged_while_another_is_formatted_keeps_both_places(run_dir):
    class Talkative:
        def __str__(self):
            logging.getLogger("inner").info("from __str__")
            loguru_logger.info("native, from __str__")
            return "outer"

    drop_pytests_handlers()  # they format it as well
    init_logging(run_dir=run_dir)
    logging.getLogger("outer").info("%s", Talkative())
    line = here() - 1
    name = "test_a_record_logged_while_another_is_formatted_keeps_both_places"
    assert [
        ("inner", "__str__", line - 6, "from __str__"),
        ("test_places", "__str__", line - 5, "native, from __str__"),
        ("outer", name, line, "outer"),
    ] == [(*place(record), record.message) for record in user_records(run_dir)]
