"""`log_master` logs on rank 0 only, from the caller's place, and never raises."""

import enum
import io
import logging
import re
from types import SimpleNamespace

import pytest
from loguru import logger as loguru_logger
from support import drop_pytests_handlers, here, messages, run_python, the_record, user_records

from logging_helpers import init_logging, log_master
from logging_helpers.master import _adapter_frames

LEVELS = (
    "accepted are NOTSET, TRACE, DEBUG, INFO, SUCCESS, WARNING, ERROR, CRITICAL, WARN, FATAL,"
    " in any case, or a number of 0 or more"
)


class Adapter(logging.LoggerAdapter):
    """An adapter that changes the message, as programs write them."""

    def process(self, msg, kwargs):
        return f"[{self.extra['epoch']}] {msg}", kwargs


LOGGERS = {
    "none": (None, "root", "x"),
    "stdlib": (logging.getLogger("app"), "app", "x"),
    "adapter": (logging.LoggerAdapter(logging.getLogger("app"), {"epoch": 3}), "app", "x"),
    "own adapter": (Adapter(logging.getLogger("app"), {"epoch": 3}), "app", "[3] x"),
    "adapter of an adapter": (
        Adapter(logging.LoggerAdapter(logging.getLogger("app"), {"epoch": 3}), {"epoch": 4}),
        "app",
        "[4] x",
    ),
    "loguru": (loguru_logger, "test_master", "x"),
    "bound loguru": (loguru_logger.bind(epoch=3), "test_master", "x"),
    "loguru with options": (loguru_logger.opt(colors=True, lazy=True), "test_master", "x"),
}


@pytest.mark.parametrize(("logger", "name", "text"), LOGGERS.values(), ids=LOGGERS.keys())
def test_the_record_names_the_caller_whatever_the_logger(run_dir, logger, name, text):
    paths = []
    init_logging(run_dir=run_dir)
    loguru_logger.add(lambda message: paths.append(message.record["file"].path), format="{message}")
    log_master("x", logger=logger)
    line = here() - 1
    record = the_record(run_dir)
    function = "test_the_record_names_the_caller_whatever_the_logger"
    assert ("INFO", name, function, line, text) == (
        record.level,
        record.logger,
        record.function,
        record.line,
        record.message,
    )
    assert [__file__] == paths


@pytest.mark.parametrize(("version", "frames"), [((3, 10), [0, 1, 2]), ((3, 11), [0, 0, 0])])
def test_frames_of_adapters_count_up_to_python_3_10(monkeypatch, version, frames):
    # On the Python that runs the tests, the test above shows that the right one is used.
    monkeypatch.setattr("logging_helpers.master.sys", SimpleNamespace(version_info=version))
    adapters = [LOGGERS[name][0] for name in ("stdlib", "adapter", "adapter of an adapter")]
    assert frames == [_adapter_frames(adapter) for adapter in adapters]


class Severity(enum.IntEnum):
    BAD = logging.ERROR


class Unprintable:
    def __repr__(self):
        raise OSError("no text")


@pytest.mark.parametrize("logger", [None, loguru_logger])
@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (logging.WARNING, "WARNING"),
        ("warning", "WARNING"),
        ("WARN", "WARNING"),
        ("SUCCESS", "SUCCESS"),
        ("25", "Level 25"),
        (25, "Level 25"),
        (27, "Level 27"),
        (Severity.BAD, "ERROR"),
        ("CRITICAL", "CRITICAL"),
    ],
)
def test_a_level_is_a_name_or_a_number(run_dir, logger, level, expected):
    init_logging(run_dir=run_dir)
    log_master("x", logger, level)
    assert expected == the_record(run_dir).level


@pytest.mark.parametrize(
    ("level", "problem"),
    [
        ("LOUD", f"argument level='LOUD' is not a log level; {LEVELS}"),
        (-1, f"argument level=-1 is not a log level; {LEVELS}"),
        (1.5, f"argument level=1.5 is not a log level; {LEVELS}"),
        (True, f"argument level=True is not a log level; {LEVELS}"),
        (None, f"argument level=None is not a log level; {LEVELS}"),
        (Unprintable(), "no text"),
    ],
)
def test_a_level_that_does_not_exist_is_said_once_and_taken_as_info(
    run_dir, capsys, level, problem
):
    init_logging(run_dir=run_dir, stream=io.StringIO())
    log_master("first", level=level)
    log_master("second", level=level)
    assert f"ranklog: {problem}; taken as INFO\n" == capsys.readouterr().err
    assert [("INFO", "first"), ("INFO", "second")] == [
        (record.level, record.message) for record in user_records(run_dir)
    ]


@pytest.mark.parametrize("logger", [None, loguru_logger])
@pytest.mark.parametrize("message", ["100 % {x} <red>", "%s %d", "{} {0}", "<b>{extra}</b>"])
def test_a_message_is_never_formatted(run_dir, logger, message):
    init_logging(run_dir=run_dir)
    log_master(message, logger)
    assert [message] == messages(run_dir)


@pytest.mark.parametrize("logger", [None, loguru_logger])
def test_a_message_may_be_any_object(run_dir, logger):
    init_logging(run_dir=run_dir)
    log_master({"loss": 0.5}, logger)
    assert ["{'loss': 0.5}"] == messages(run_dir)


class Hostile:
    """Has no text."""

    def __str__(self):
        raise ValueError("no text")


def test_what_cannot_be_logged_is_said_once_and_does_not_raise(run_dir, capsys):
    drop_pytests_handlers()
    init_logging(run_dir=run_dir, stream=io.StringIO())
    for _ in range(2):
        log_master(Hostile(), loguru_logger)
    assert capsys.readouterr().err.splitlines() == [
        "ranklog: a message could not be logged: ValueError: no text",
    ]
    log_master("still alive")
    assert ["still alive"] == messages(run_dir)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ["x"]),
        ({"RANK": "0", "WORLD_SIZE": "4"}, ["x"]),
        ({"RANK": "3", "WORLD_SIZE": "4"}, []),
        ({"SKYPILOT_NODE_RANK": "1"}, []),
        # The head node's second process has the guide's node rank 0.
        ({"SKYPILOT_NODE_RANK": "0", "RANK": "1", "WORLD_SIZE": "2"}, []),
    ],
)
@pytest.mark.parametrize("logger", [None, loguru_logger])
def test_only_rank_0_logs(run_dir, monkeypatch, variables, expected, logger):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    init_logging(run_dir=run_dir)
    log_master("x", logger)
    assert expected == messages(run_dir)


def test_the_rank_is_asked_at_each_call(run_dir, monkeypatch):
    init_logging(run_dir=run_dir)
    log_master("alone")
    monkeypatch.setenv("RANK", "1")
    log_master("as rank 1")
    monkeypatch.setenv("RANK", "0")
    log_master("as rank 0")
    assert ["alone", "as rank 0"] == messages(run_dir)


def test_before_init_logging_it_is_a_plain_call_on_the_stdlib_logger(caplog):
    before = (logging.getLogger().level, list(logging.getLogger().handlers))
    with caplog.at_level(logging.INFO):
        log_master("x", logging.getLogger("app"), logging.WARNING)
        log_master("y")
    line = here() - 2
    name = "test_before_init_logging_it_is_a_plain_call_on_the_stdlib_logger"
    assert [
        ("app", "WARNING", name, line, "x"),
        ("root", "INFO", name, line + 1, "y"),
    ] == [(r.name, r.levelname, r.funcName, r.lineno, r.getMessage()) for r in caplog.records]
    assert before == (logging.getLogger().level, list(logging.getLogger().handlers))


def test_before_init_logging_warnings_are_printed_as_by_stdlib_itself():
    ended = run_python("""
        import logging, logging_helpers
        logging_helpers.log_master("not shown")
        logging_helpers.log_master("shown", level=logging.WARNING)
        print(logging.getLogger().handlers)
    """)
    assert (0, "[]\n", "shown\n") == (ended.code, ended.out, ended.err)


def test_one_emission_in_the_whole_job(run_dir):
    code = """
        import sys
        from logging_helpers import init_logging, log_master
        init_logging(run_dir=sys.argv[1], show_rank=True)
        log_master("once")
    """
    errors = ""
    for rank in range(3):
        ended = run_python(code, run_dir, RANK=str(rank), WORLD_SIZE="3")
        assert (0, "") == (ended.code, ended.out)
        errors += ended.err
    assert re.fullmatch(r"\[\d\d:\d\d:\d\d\.\d{3}\] \[0\] INFO     once\n", errors)
    assert ["once"] == messages(run_dir)


def test_a_name_stands_for_its_logger(run_dir):
    init_logging(run_dir=run_dir)
    log_master("x", logger="data.loader")
    assert ("data.loader", "x") == (the_record(run_dir).logger, the_record(run_dir).message)


def test_what_is_no_logger_is_said_once_and_costs_no_message(run_dir, capsys):
    init_logging(run_dir=run_dir, stream=io.StringIO())
    log_master("%s", 3)
    log_master("again", 3)
    assert ["%s", "again"] == messages(run_dir)
    assert capsys.readouterr().err == (
        "ranklog: argument logger=3 is no logger; the root logger is used\n"
    )


@pytest.mark.parametrize("logger", [None, loguru_logger], ids=["stdlib", "loguru"])
@pytest.mark.parametrize("level", ["success", "TRACE"])
def test_a_level_that_only_loguru_names_keeps_its_name(run_dir, logger, level):
    ended = run_python(
        """
        import sys
        from logging_helpers import init_logging, log_master
        from loguru import logger as loguru_logger
        init_logging("TRACE", run_dir=sys.argv[1])
        log_master("x", logger=loguru_logger if sys.argv[2] == "loguru" else None, level=sys.argv[3])
        """,
        str(run_dir),
        "loguru" if logger else "stdlib",
        level,
    )
    assert 0 == ended.code
    assert (level.upper(), {}) == (the_record(run_dir).level, the_record(run_dir).extra)
