"""The shortcut past LogRecord: when it serves, when it must not, and that it is given back."""

import gc
import io
import logging
import sys
import threading
import time
from unittest import mock

import pytest
from loguru import logger as loguru_logger
from support import drop_pytests_handlers, here, messages, the_record, user_records

from logging_helpers import init_logging, session, shutdown_logging
from logging_helpers.interception import fast_road

STDLIBS = logging.Logger._log


@pytest.fixture
def logger(run_dir):
    """A logger whose records the fast road serves, its name unused by others."""
    drop_pytests_handlers()
    init_logging(run_dir=run_dir, stream=io.StringIO())
    logger = logging.getLogger("fast.road")
    yield logger
    shutdown_logging()
    for one in (logger, logging.getLogger("fast")):
        one.handlers.clear()
        one.filters.clear()
        one.propagate, one.disabled = True, False
        one.setLevel(logging.NOTSET)


def leave_ours_alone():
    """Take pytest's handlers, which it puts on root for each test, away for the rest of it."""
    logging.getLogger().handlers[:] = [session._session.takeover.handler]


def is_fast(log):
    """Whether a call goes past LogRecord where our handler is alone; `log` makes one call."""
    leave_ours_alone()
    return not makes_a_record(log)


def makes_a_record(log):
    made = []
    init = logging.LogRecord.__init__

    def count(record, *arguments, **options):
        made.append(1)
        init(record, *arguments, **options)

    with (
        mock.patch.object(logging.LogRecord, "__init__", count),
        mock.patch.object(fast_road, "_init", count),
    ):
        log()
    return bool(made)


SERVED = {
    "info": lambda log: log.info("x %d", 1),
    "no arguments": lambda log: log.warning("x"),
    "log": lambda log: log.log(35, "x"),
    "extra": lambda log: log.info("x", extra={"epoch": 3}),
    "a rank among the extra": lambda log: log.info("x", extra={"rank": 99}),
    "exc_info": lambda log: log.error("x", exc_info=ValueError("y")),
    "exception": lambda log: log.exception("x"),
    "an adapter": lambda log: logging.LoggerAdapter(log, {"epoch": 3}).info("x"),
    "a mapping": lambda log: log.info("%(a)s", {"a": 1}),
    "root": lambda _: logging.getLogger().info("x"),
    "a function of the module": lambda _: logging.info("x"),
}


@pytest.mark.parametrize("way", SERVED.values(), ids=SERVED.keys())
def test_a_plain_call_makes_no_log_record(logger, way):
    assert is_fast(lambda: way(logger))


def of_own_class():
    logger = type("Own", (logging.Logger,), {})("own")
    logger.parent = logging.getLogger()
    return logger


NOT_SERVED = {
    "stack_info": lambda log: log.info("x", stack_info=True),
    "stacklevel": lambda log: log.info("x", stacklevel=2),
    "extra that is no dict": lambda log: log.info("x", extra=mock.MagicMock()),
    "a subclass": lambda _: of_own_class().info("x"),
    "_log called by others": lambda log: log._log(20, "x", ()),
}


@pytest.mark.parametrize("way", NOT_SERVED.values(), ids=NOT_SERVED.keys())
def test_a_call_that_asks_for_more_takes_the_ordinary_road(logger, way):
    assert not is_fast(lambda: way(logger))


def change(target, name, value):
    return lambda logger: mock.patch.object(target(logger), name, value)


def adding(collection, value):
    """Put `value` into a list of the logger, its parent or root for a while."""
    return lambda logger: mock.patch.object(
        collection(logger)[0],
        collection(logger)[1],
        [*getattr(*collection(logger)), value],
    )


def ours():
    return session._session.takeover.handler


def root():
    return logging.getLogger()


def foreign():
    return logging.StreamHandler(io.StringIO())


WATCHED = {
    "a foreign handler on root": adding(lambda log: (root(), "handlers"), foreign()),
    "a foreign handler on the logger": adding(lambda log: (log, "handlers"), foreign()),
    "a foreign handler on a parent": adding(lambda log: (log.parent, "handlers"), foreign()),
    "a handler of a subclass of NullHandler": adding(
        lambda log: (log, "handlers"), type("Null", (logging.NullHandler,), {})()
    ),
    "no handler": change(lambda log: root(), "handlers", []),
    "no propagation": change(lambda log: log, "propagate", False),
    "a filter of the logger": adding(lambda log: (log, "filters"), lambda record: True),
    "a filter of our handler": adding(lambda log: (ours(), "filters"), lambda record: True),
    "a level of our handler": change(lambda log: ours(), "level", logging.CRITICAL),
    "a method of the class": change(
        lambda log: logging.Logger, "callHandlers", lambda self, record: None
    ),
    "handle of the class": change(lambda log: logging.Logger, "handle", lambda self, record: None),
    "a method of the one logger": change(lambda log: log, "handle", lambda record: None),
    "getMessage": change(lambda log: logging.LogRecord, "getMessage", lambda self: "other"),
    "makeRecord of the one logger": change(
        lambda log: log, "makeRecord", lambda *args: logging.LogRecord(*args[:7])
    ),
    "another name": change(lambda log: log, "name", "other"),
    "no source file": change(lambda log: logging, "_srcfile", None),
}  # fmt: skip


@pytest.mark.parametrize("what", WATCHED.values(), ids=WATCHED.keys())
def test_the_road_is_closed_while_somebody_could_tell(logger, what):
    leave_ours_alone()

    def makes_one():
        return makes_a_record(lambda: logger.info("x"))

    assert not makes_one()
    with what(logger):
        assert makes_one()
    assert not makes_one()


def test_a_null_handler_as_libraries_have_it_does_not_close_the_road(logger):
    logging.getLogger("fast").addHandler(logging.NullHandler())
    assert is_fast(lambda: logger.info("x"))


def test_a_record_factory_set_meanwhile_is_asked(logger, run_dir):
    leave_ours_alone()

    class Own(logging.LogRecord):
        def getMessage(self):  # noqa: N802 - stdlib's name
            return f"own {super().getMessage()}"

    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(Own)
    try:
        logger.info("x")
    finally:
        logging.setLogRecordFactory(before)
    logger.info("y")
    assert ["own x", "y"] == messages(run_dir)


def test_what_sentry_does_to_call_handlers_sees_every_record(logger, run_dir):
    leave_ours_alone()
    seen = []
    stdlibs = logging.Logger.callHandlers

    def call_handlers(self, record):
        seen.append((record.name, record.getMessage()))
        return stdlibs(self, record)

    with mock.patch.object(logging.Logger, "callHandlers", call_handlers):
        logger.info("x %d", 1)
    logger.info("y")
    assert ([("fast.road", "x 1")], ["x 1", "y"]) == (seen, messages(run_dir))


def has_dictionary(logger):
    """Whether a logger's attributes are in a dictionary, whose contents CPython may not need."""
    return any(type(found) is dict and "handlers" in found for found in gc.get_referents(logger))


def test_a_logger_that_logs_is_not_asked_for_its_dictionary(logger):
    """On Python 3.11 and 3.12 its attributes are slower to read after that, also for stdlib."""
    leave_ours_alone()
    fresh, used = (logging.Logger(name) for name in ("fresh", "used"))
    used.parent = fresh.parent = root()
    assert is_fast(lambda: used.info("x"))
    assert has_dictionary(fresh) == has_dictionary(used)


def test_code_made_up_at_run_time_does_not_fill_the_memory(logger):
    leave_ours_alone()
    for number in range(5_100):
        exec(f"logger.info('{number}')", {"logger": logger})
    assert len(fast_road._sites) <= 5_000


def test_extra_that_stdlib_refuses_is_refused(logger, run_dir):
    leave_ours_alone()
    for key in ("message", "name", "asctime"):
        with pytest.raises(KeyError, match=f"Attempt to overwrite '{key}'"):
            logger.info("x", extra={key: 1})
    assert [] == messages(run_dir)


def test_shutdown_gives_log_back(run_dir):
    init_logging(run_dir=run_dir)
    assert STDLIBS is not logging.Logger._log
    init_logging(run_dir=run_dir, level="DEBUG")
    shutdown_logging()
    assert STDLIBS is logging.Logger._log


def wrapping(inner, seen):
    def _log(self, level, msg, args, **options):
        seen.append(msg)
        inner(self, level, msg, args, **options)

    return _log


def test_a_log_that_others_replaced_before_is_left_to_them(run_dir):
    seen = []
    drop_pytests_handlers()
    with mock.patch.object(logging.Logger, "_log", wrapping(STDLIBS, seen)):
        theirs = logging.Logger._log
        init_logging(run_dir=run_dir)
        assert theirs is logging.Logger._log
        logging.getLogger("x").info("once")
        shutdown_logging()
        assert theirs is logging.Logger._log
    assert (["once"], ["once"]) == (seen, messages(run_dir))


def test_a_log_that_others_wrap_meanwhile_stays_theirs(logger, run_dir):
    leave_ours_alone()
    seen = []
    with mock.patch.object(logging.Logger, "_log", wrapping(logging.Logger._log, seen)):
        theirs = logging.Logger._log
        logger.info("through both")
        shutdown_logging()
        assert theirs is logging.Logger._log
        handler = logging.StreamHandler(io.StringIO())
        logger.addHandler(handler)
        logger.warning("after the end")
    assert ["through both", "after the end"] == seen
    assert "after the end\n" == handler.stream.getvalue()
    assert ["through both"] == messages(run_dir)
    logging.Logger._log = STDLIBS  # what mock gave back was ours, closed


def test_the_road_serves_again_after_a_second_start(logger, run_dir):
    shutdown_logging()
    drop_pytests_handlers()
    init_logging(run_dir=run_dir, stream=io.StringIO())
    assert is_fast(lambda: logger.info("x"))


def test_stdlibs_frames_are_what_others_take_our_frame_for(logger):
    frames = []

    class Looking(logging.Handler):
        def emit(self, record):
            frame = sys._getframe(1)
            while frame.f_code.co_filename == logging.__file__:
                frame = frame.f_back
            frames.append(frame.f_code.co_name)

    logger.addHandler(Looking())
    logger.info("x")  # by the ordinary road, through our frame
    assert ["test_stdlibs_frames_are_what_others_take_our_frame_for"] == frames


def test_a_message_that_takes_long_keeps_the_time_of_its_call(logger, run_dir):
    class Slow:
        def __str__(self):
            time.sleep(0.03)
            return "slow"

    before = time.time()
    assert is_fast(lambda: logger.info("%s", Slow()))
    assert the_record(run_dir).time.timestamp() - before < 0.03


def test_bad_arguments_are_formatted_once(logger, run_dir, capsys):
    times = []

    class Counting:
        def __str__(self):
            times.append(1)
            return "one"

        __repr__ = __str__

    assert not is_fast(lambda: logger.info("%s %s", Counting()))  # one, to be reported
    assert (
        "%s %s (one,) [message could not be formatted: TypeError:"
        " not enough arguments for format string]"
    ) == the_record(run_dir).message
    assert "--- Logging error ---" in capsys.readouterr().err


def test_a_mapping_that_does_not_fit_never_raises(logger, run_dir, capsys):
    leave_ours_alone()
    logger.info("%d steps", {"a": 1})
    assert the_record(run_dir).message.startswith("%d steps {'a': 1} [message could not be")
    assert "--- Logging error ---" in capsys.readouterr().err


def test_an_error_in_a_foreign_sink_never_reaches_the_caller(logger, run_dir, capsys):
    leave_ours_alone()

    def broken(message):
        raise RuntimeError("broken sink")

    loguru_logger.add(broken, catch=False)
    logger.info("x")
    logger.info("y")
    assert ["x", "y"] == messages(run_dir)
    error = capsys.readouterr().err
    assert (2, 2) == (error.count("--- Logging error ---"), error.count("RuntimeError: broken"))


def test_disabling_a_module_in_loguru_does_not_disable_its_stdlib_records(logger, run_dir):
    leave_ours_alone()
    loguru_logger.disable(__name__)
    try:
        logger.info("x")
    finally:
        loguru_logger.enable(__name__)
    assert ["x"] == messages(run_dir)


def test_a_patcher_that_logs_costs_no_record_its_place(run_dir):
    drop_pytests_handlers()
    inner = logging.getLogger("inner")

    def patcher(record):
        if record["message"] == "outer":
            inner.info("inner", extra={"a": 1})

    init_logging(run_dir=run_dir, stream=io.StringIO(), patcher=patcher)
    logging.getLogger("outer").info("outer", extra={"b": 2})
    line = here() - 1
    places = [(r.logger, r.function, r.line, r.extra) for r in user_records(run_dir)]
    name = "test_a_patcher_that_logs_costs_no_record_its_place"
    assert [
        ("outer", name, line, {"b": 2}),
        ("inner", "patcher", line - 3, {"a": 1}),
    ] == places


def test_a_thread_whose_function_is_a_log_method_has_a_caller(logger, run_dir):
    leave_ours_alone()
    thread = threading.Thread(target=logger.info, args=("x",))
    thread.start()
    thread.join()
    assert ("run", "x") == (the_record(run_dir).function, the_record(run_dir).message)
