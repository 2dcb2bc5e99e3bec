"""The shortcut past LogRecord and the ordinary road write the same, whatever is logged.

Hypothesis makes up programs: loggers set up in some way, and calls. Each runs twice, with the
fast road open and closed; the records that arrive at a loguru sink, in the rank file and at
foreign handlers, what is raised and what is printed must be equal, times apart.
"""

import io
import logging
import os
import re
import sys
import threading
import warnings
from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace
from unittest import mock

import hypothesis.strategies as st
from hypothesis import HealthCheck, event, given, settings
from loguru import logger as loguru_logger
from support import user_records

from logging_helpers import init_logging, session, shutdown_logging
from logging_helpers.interception.fast_road import FastRoad

NAMES = ("", "agree", "agree.one", "agree.one.two", "other")


class Talking:
    """Logs when it is formatted."""

    def __str__(self):
        logging.getLogger("talking").info("inner")
        return "talking"

    __repr__ = __str__


class Failing:
    def __str__(self):
        raise RuntimeError("no words")

    def __repr__(self):
        return "<failing>"


class Words(str):
    __slots__ = ()

    def __mod__(self, args):
        return f"own {args}"


MESSAGES = st.one_of(
    st.sampled_from(
        [
            "plain", "%s", "%d steps", "%s and %s", "%(a)s", "100 %", "{x} <red>", "two\nlines",
            "\ud800", "", 7, None, Failing(), Talking(), Words("%s"), ValueError("as message"),
        ]
    ),
    st.text(max_size=8),
)  # fmt: skip
ARGUMENTS = st.lists(
    st.sampled_from([1, 0.5, "text", {"a": 1}, {}, None, Failing(), Talking(), (1, 2)]),
    max_size=2,
)
EXTRAS = st.sampled_from(
    [
        None, None, {}, {"epoch": 3}, {"rank": 9, "b": [1]}, {"message": 1}, {"lineno": 1},
        {"taskName": "t"}, {"levelname": "x"}, {5: 6}, [], [("a", 1)], 0,
    ]
)  # fmt: skip
EXC_INFO = st.sampled_from(
    [None, None, False, True, ValueError("given"), (None, None, None), (1, 2), "yes", 1]
)
LEVELS = st.sampled_from([1, 10, 20, 25, 30, 35, 40, 50, 60, True])


@st.composite
def calls(draw):
    return SimpleNamespace(
        name=draw(st.sampled_from(NAMES)),
        way=draw(st.sampled_from(sorted(WAYS))),
        level=draw(LEVELS),
        message=draw(MESSAGES),
        arguments=draw(ARGUMENTS),
        options={
            key: value
            for key, value in {
                "extra": draw(EXTRAS),
                "exc_info": draw(EXC_INFO),
                "stack_info": draw(st.sampled_from([None, None, None, True])),
                "stacklevel": draw(st.sampled_from([None, None, None, 1, 2, 3, 50])),
            }.items()
            if value is not None
        },
    )


def by_level(logger, call):
    logger.log(call.level, call.message, *call.arguments, **call.options)


def by_method(logger, call):
    method = {10: "debug", 30: "warning", 40: "error", 50: "critical"}.get(call.level, "info")
    getattr(logger, method)(call.message, *call.arguments, **call.options)


def by_exception(logger, call):
    logger.exception(call.message, *call.arguments, **call.options)


def by_exception_handled(logger, call):
    try:
        raise KeyError("handled")
    except KeyError:
        by_exception(logger, call)


def by_warn(logger, call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        logger.warn(call.message, *call.arguments, **call.options)


def by_module(_, call):
    logging.log(call.level, call.message, *call.arguments, **call.options)
    logging.error(call.message, *call.arguments, **call.options)


def by_adapter(logger, call):
    by_level(logging.LoggerAdapter(logger, {"adapted": 1}), call)


def by_nested_adapter(logger, call):
    inner = logging.LoggerAdapter(logger, {"adapted": 1})
    by_method(logging.LoggerAdapter(inner, {"outer": 2}), call)


def by_private_method(logger, call):
    logger._log(call.level, call.message, tuple(call.arguments), **call.options)


def by_thread(logger, call):
    thread = threading.Thread(target=by_level, args=(logger, call), name="agreeing")
    thread.start()
    thread.join()


def by_thread_of_log_methods(logger, call):
    arguments = (call.level, call.message, *call.arguments)
    thread = threading.Thread(target=logger.log, args=arguments, kwargs=call.options)
    thread.start()
    thread.join()


def by_child_process(logger, call):
    """A forked child: what it raises stays there, what it writes is in the file."""
    child = os.fork()
    if child == 0:
        try:
            by_level(logger, call)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def by_two_loggers_in_one_place(logger, call):
    for one in (logger, logging.getLogger("other"), logger):
        by_level(one, call)


def by_renamed_logger(logger, call):
    name = logger.name
    for logger.name in (name, "renamed", name):
        by_level(logger, call)


def by_code_made_up(logger, call):
    exec(compile("by_level(logger, call)\n" * 2, "made_up.py", "exec"), {**globals(), **locals()})


def by_own_class(_, call):
    by_level(OwnLogger("agree.own"), call)


def by_warning(_, call):
    warnings.warn_explicit(str(call.level), UserWarning, "program.py", 7)


def by_helper(logger, call):
    def helper():
        by_method(logger, call)

    helper()


class OwnLogger(logging.Logger):
    """A logger as frameworks have them, with a `makeRecord` of its own."""

    def __init__(self, name):
        super().__init__(name)
        self.parent = logging.getLogger()

    def makeRecord(self, name, *arguments, **options):  # noqa: N802 - stdlib's name
        return super().makeRecord(f"{name}.made", *arguments, **options)


WAYS = {name: value for name, value in list(globals().items()) if re.match(r"by_[a-z_]+$", name)}


class Keeping(logging.Handler):
    """A foreign handler: keeps what a LogRecord says, and may spoil the record."""

    def __init__(self, level, spoils):
        super().__init__(level)
        self.kept, self._spoils = [], spoils

    def emit(self, record):
        self.kept.append((record.name, record.levelno, str(record.msg)[:20], record.lineno))
        if self._spoils:
            record.msg, record.args = "spoiled", ()


class Own(logging.LogRecord):
    def getMessage(self):  # noqa: N802 - stdlib's name
        return f"own {super().getMessage()}"


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "foreign": st.tuples(st.sampled_from(NAMES), st.sampled_from([0, 40]), st.booleans()),
        "null": st.sampled_from(NAMES),
        "filter": st.tuples(st.sampled_from(NAMES), st.sampled_from(["drops", "changes"])),
        "level": st.tuples(st.sampled_from(NAMES), LEVELS),
        "disabled": st.sampled_from(NAMES),
        "no propagation": st.sampled_from(NAMES),
        "factory": st.just(True),
        "disable": st.just(35),
        "handler level": st.just(40),
        "handler filter": st.just(True),
        "no callers": st.just(True),
        "level name": st.just("NOTICE"),
        "patched method": st.just(True),
        "own method": st.sampled_from(NAMES),
        "context": st.just({"task": 7}),
    },
)


class _World:
    """stdlib's logging set up as `choice` says, and as it was after that."""

    def __init__(self, choice):
        self.choice = choice
        self.foreign = Keeping(0, False)

    def __enter__(self):
        choice, get = self.choice, logging.getLogger
        ours = session._session.takeover.handler
        get().handlers[:] = [ours]
        if "foreign" in choice:
            name, level, spoils = choice["foreign"]
            self.foreign = Keeping(level, spoils)
            get(name).addHandler(self.foreign)
        if "null" in choice:
            get(choice["null"]).addHandler(logging.NullHandler())
        if "filter" in choice:
            name, kind = choice["filter"]
            get(name).addFilter(_drop if kind == "drops" else _change)
        if "level" in choice:
            get(choice["level"][0]).setLevel(choice["level"][1])
        for key, attribute, value in (
            ("disabled", "disabled", True),
            ("no propagation", "propagate", False),
        ):
            if key in choice:
                setattr(get(choice[key]), attribute, value)
        if "factory" in choice:
            logging.setLogRecordFactory(Own)
        logging.disable(choice.get("disable", 0))
        ours.setLevel(choice.get("handler level", 0))
        if "handler filter" in choice:
            ours.addFilter(_change)
        self._source = logging._srcfile
        if "no callers" in choice:
            logging._srcfile = None
        if "level name" in choice:
            logging.addLevelName(35, choice["level name"])
        # As Sentry does.
        self._call_handlers = logging.Logger.callHandlers
        if "patched method" in choice:
            logging.Logger.callHandlers = _marking(self._call_handlers)
        if "own method" in choice:
            one = get(choice["own method"])
            one.handle = partial(_marking(logging.Logger.handle), one)
        self._context = loguru_logger.contextualize(**choice.get("context", {}))
        self._context.__enter__()
        return self

    def __exit__(self, *_):
        self._context.__exit__(None, None, None)
        logging.Logger.callHandlers = self._call_handlers
        logging.disable(0)
        logging._srcfile = self._source
        logging.setLogRecordFactory(logging.LogRecord)
        logging._levelToName.pop(35, None)
        logging._nameToLevel.pop("NOTICE", None)
        for name in NAMES:
            logger = logging.getLogger(name)
            logger.__dict__.pop("handle", None)
            logger.handlers = [h for h in logger.handlers if not _is_tests(h)]
            logger.filters.clear()
            logger.disabled, logger.propagate = False, True
            logger.setLevel(logging.NOTSET)


def _marking(method):
    """A method that others have put in place of one of stdlib's."""

    def marked(logger, record):
        record.msg = f"marked {record.msg}"
        return method(logger, record)

    return marked


def _is_tests(handler):
    return isinstance(handler, (Keeping, logging.NullHandler))


def _drop(record):
    return record.levelno >= 40


def _change(record):
    record.changed = True
    record.msg = f"changed {record.levelno}"
    record.args = ()
    return True


def _run(choice, program, run_dir):
    """What arrived everywhere."""
    seen, raised, errors = [], [], io.StringIO()

    def keep_raised(error):
        raised.append(None if error is None else f"{type(error).__name__}: {error}")

    with (
        mock.patch.object(sys, "stderr", errors),
        mock.patch.object(threading, "excepthook", lambda args: keep_raised(args.exc_value)),
    ):
        init_logging(run_dir=run_dir, stream=io.StringIO(), level=1, crash_reports=False)
        loguru_logger.add(
            lambda text: seen.append(_plain(text.record)), format="{message}", level=0
        )
        try:
            with _World(choice) as world:
                for call in program:
                    try:
                        WAYS[call.way](logging.getLogger(call.name), call)
                        keep_raised(None)
                    except Exception as error:
                        keep_raised(error)
        finally:
            shutdown_logging()
            loguru_logger.remove()
    in_file = [
        (r.level, r.rank, r.logger, r.function, r.line, r.message, r.exception, r.extra)
        for r in user_records(run_dir)
    ]
    reported = re.findall(r"^(?:Message|Arguments): .*", errors.getvalue(), re.MULTILINE)
    return {
        "seen": seen,
        "raised": raised,
        "in file": sorted(in_file, key=repr),  # by time, which depends on the machine
        "foreign": world.foreign.kept,
        "reported": reported,
    }


def _plain(record):
    """A loguru record to compare: all of it but times, threads by name."""
    exception = record["exception"]
    return {
        key: str(record[key]) for key in ("name", "function", "line", "module", "message", "extra")
    } | {
        "level": (record["level"].name, record["level"].no),
        "file": (record["file"].name, record["file"].path),
        "exception": None if exception is None else (exception.type, str(exception.value)),
        "process": record["process"].id,
        "thread": re.sub(r"Thread-\d+", "Thread", record["thread"].name),
    }


@given(choice=SETTINGS, program=st.lists(calls(), min_size=1, max_size=4))
@settings(
    max_examples=int(os.environ.get("RANKLOG_AGREE_EXAMPLES", "300")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_both_roads_write_the_same(choice, program, tmp_path_factory):
    directory = tmp_path_factory.mktemp("roads")
    found = []
    for name, switch in (
        ("fast", nullcontext()),
        ("ordinary", mock.patch.object(FastRoad, "open")),
    ):
        with switch:
            found.append(_run(choice, program, directory / name))
    fast, ordinary = found
    event(f"records: {min(len(fast['seen']), 3)}")
    assert ordinary == fast
