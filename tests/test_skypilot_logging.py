"""The guide's thin wrapper for SkyPilot."""

import io
import logging
import re

import pytest
from support import here, messages, run_python, the_record, user_records

import skypilot_logging
from logging_helpers import init_logging
from logging_helpers.session import current_setup
from skypilot_logging import log_all, log_debug, log_error, log_master, log_warning, setup_logger

LINE = re.compile(r"\[\d\d:\d\d:\d\d\.\d{3}\] (.*)")


def said(text):
    return [LINE.fullmatch(line)[1] for line in text.splitlines()]


def test_importing_it_configures_nothing():
    ended = run_python("""
        import logging, warnings, sys
        import loguru  # what it imports on Python 3.10 sets sys.excepthook
        before = (logging.getLogger().level, warnings.showwarning, sys.excepthook)
        import skypilot_logging
        from logging_helpers.session import current_setup
        now = (logging.getLogger().level, warnings.showwarning, sys.excepthook)
        print(before == now, logging.getLogger().handlers, current_setup())
    """)
    assert (0, "True [] None\n", "") == (ended.code, ended.out, ended.err)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (
            "0",
            [
                "[0] INFO     to the head",
                "[0] INFO     to all",
                "[0] ERROR    an error",
                "[0] WARNING  a warning",
            ],
        ),
        ("1", ["[1] INFO     to all", "[1] ERROR    an error", "[1] WARNING  a warning"]),
    ],
)
def test_the_first_call_sets_logging_up_with_the_rank_shown(monkeypatch, capsys, node, expected):
    monkeypatch.setenv("SKYPILOT_NODE_RANK", node)
    log_master("to the head")
    log_all("to all")
    log_error("an error")
    log_warning("a warning")
    log_debug("a detail")
    assert expected == said(capsys.readouterr().err)


def test_details_are_for_those_who_ask(monkeypatch, capsys):
    monkeypatch.setenv("SKYPILOT_NODE_RANK", "0")
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    log_debug("a detail")
    assert ["[0] DEBUG    a detail"] == said(capsys.readouterr().err)


FUNCTIONS = {
    "log_master": (log_master, "INFO"),
    "log_all": (log_all, "INFO"),
    "log_error": (log_error, "ERROR"),
    "log_warning": (log_warning, "WARNING"),
    "log_debug": (log_debug, "DEBUG"),
}


def test_every_function_has_a_case():
    assert {*skypilot_logging.__all__} - {"setup_logger"} == {*FUNCTIONS}


@pytest.mark.parametrize(("function", "level"), FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_the_record_names_the_caller(run_dir, monkeypatch, function, level):
    monkeypatch.setenv("SKYPILOT_NODE_RANK", "0")
    init_logging("DEBUG", run_dir, show_rank=True)
    function("100 % {x}")
    line = here() - 1
    record = the_record(run_dir)
    assert (level, 0, "skypilot", "test_the_record_names_the_caller", line, "100 % {x}") == (
        record.level,
        record.rank,
        record.logger,
        record.function,
        record.line,
        record.message,
    )


def test_levels_may_be_given(run_dir):
    init_logging(run_dir=run_dir, show_rank=True)
    log_master("m", logging.ERROR)
    log_all("a", "warning")
    log_all("b", "LOUD")
    assert [("ERROR", "m"), ("WARNING", "a"), ("INFO", "b")] == [
        (record.level, record.message) for record in user_records(run_dir)
    ]


def test_the_programs_own_set_up_is_kept_and_the_rank_shown_in_the_message(run_dir, monkeypatch):
    monkeypatch.setenv("SKYPILOT_NODE_RANK", "1")
    stream = io.StringIO()
    init_logging(run_dir=run_dir, stream=stream)
    setup = current_setup()
    log_all("x")
    assert (setup, ["INFO     [1] x"]) == (current_setup(), said(stream.getvalue()))
    assert ["[1] x"] == messages(run_dir)


def test_outside_a_job_there_is_no_rank_to_show(run_dir):
    stream = io.StringIO()
    init_logging(run_dir=run_dir, stream=stream)
    log_all("x")
    assert ["INFO     x"] == said(stream.getvalue())


def test_setup_logger_sets_up_once_and_returns_the_logger(monkeypatch, capsys):
    monkeypatch.setenv("SKYPILOT_NODE_RANK", "2")
    logger = setup_logger("DEBUG")
    setup = current_setup()
    assert (logging.getLogger("skypilot"), setup) == (setup_logger(), current_setup())
    logger.debug("x")
    assert ["[2] DEBUG    x"] == said(capsys.readouterr().err)


def test_setup_logger_raises_for_a_level_that_does_not_exist():
    with pytest.raises(ValueError, match="argument level='LOUD' is not a log level"):
        setup_logger("LOUD")
    assert current_setup() is None


def test_a_malformed_variable_does_not_raise_into_the_program_and_is_said_once(monkeypatch, capsys):
    monkeypatch.setenv("SKYPILOT_NODE_RANK", "head")
    malformed = (
        "ranklog: environment variable SKYPILOT_NODE_RANK='head' is malformed;"
        " expected a whole number of 0 or more"
    )
    log_all("x")
    log_master("y")
    assert [
        f"{malformed}; logging is not set up",
        f"{malformed}; taken as not set",
    ] == capsys.readouterr().err.splitlines()
    monkeypatch.setenv("SKYPILOT_NODE_RANK", "1")
    log_all("z")
    assert ["[1] INFO     z"] == said(capsys.readouterr().err)
