"""Warnings are records with their true file and line."""

import io
import logging
import warnings

import pytest
from loguru import logger as loguru_logger
from support import here, run_python, the_record, user_records

from logging_helpers import ensure_interception, init_logging, shutdown_logging


@pytest.fixture
def always():
    """Warnings are shown each time, and are no errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        yield


@pytest.mark.usefixtures("always")
def test_a_warning_is_a_record_with_its_own_file_and_line(run_dir):
    seen = []
    init_logging(run_dir=run_dir)
    loguru_logger.add(lambda message: seen.append(message.record["file"].path), format="{message}")
    warnings.warn("old habits", DeprecationWarning, stacklevel=1)
    line = here() - 1
    record = the_record(run_dir)
    assert (
        "WARNING",
        "py.warnings",
        line,
        f"{__file__}:{line}: DeprecationWarning: old habits",
    ) == (
        record.level,
        record.logger,
        record.line,
        record.message,
    )
    assert [__file__] == seen


@pytest.mark.usefixtures("always")
def test_a_warning_may_hold_anything(run_dir):
    init_logging(run_dir=run_dir)
    warnings.warn("100 % {x} <red>\nsecond", UserWarning, stacklevel=1)
    line = here() - 1
    expected = f"{__file__}:{line}: UserWarning: 100 % {{x}} <red>\nsecond"
    assert expected == the_record(run_dir).message


def test_a_warning_for_a_file_is_shown_as_before(run_dir, monkeypatch):
    shown = []
    monkeypatch.setattr(warnings, "showwarning", lambda *arguments: shown.append(arguments))
    init_logging(run_dir=run_dir)
    file = io.StringIO()
    warnings.showwarning("to a file", UserWarning, "x.py", 3, file)
    assert [("to a file", UserWarning, "x.py", 3, file, None)] == shown
    assert [] == user_records(run_dir)
    shutdown_logging()


@pytest.mark.usefixtures("always")
def test_the_level_of_its_logger_is_honoured(run_dir, monkeypatch):
    monkeypatch.setenv("LOG_LEVEL", "INFO,py.warnings=ERROR")
    init_logging(run_dir=run_dir)
    warnings.warn("hidden", UserWarning, stacklevel=1)
    assert [] == user_records(run_dir)


@pytest.mark.usefixtures("always")
def test_warnings_are_captured_once_however_often_logging_is_set_up(run_dir):
    for level in ("INFO", "INFO", "DEBUG"):
        init_logging(level, run_dir=run_dir)
    ensure_interception()
    warnings.warn("once", UserWarning, stacklevel=1)
    assert 1 == len(user_records(run_dir))


def test_pytest_still_sees_warnings(run_dir):
    init_logging(run_dir=run_dir)
    with pytest.warns(UserWarning, match="for pytest"):
        warnings.warn("for pytest", UserWarning, stacklevel=1)
    assert [] == user_records(run_dir)


def test_ensuring_brings_the_capture_back_after_a_block_that_ended_it(run_dir):
    with warnings.catch_warnings():
        init_logging(run_dir=run_dir)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        ensure_interception()
        warnings.warn("captured", UserWarning, stacklevel=1)
    assert 1 == len(user_records(run_dir))


def test_shutdown_gives_showwarning_back():
    before = warnings.showwarning
    init_logging()
    assert before != warnings.showwarning
    shutdown_logging()
    assert before is warnings.showwarning


def test_shutdown_leaves_alone_what_somebody_else_put_in_place():
    init_logging()
    shown = []

    def show(*arguments):
        shown.append(arguments)

    warnings.showwarning = show
    shutdown_logging()
    assert show is warnings.showwarning


def test_stdlibs_own_capture_can_go_before_ours(run_dir):
    logging.captureWarnings(True)
    try:
        init_logging(run_dir=run_dir)
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("once", UserWarning, stacklevel=1)
        line = here() - 1
        shutdown_logging()
    finally:
        logging.captureWarnings(False)
    assert f"{__file__}:{line}: UserWarning: once" == the_record(run_dir).message


def test_a_process_with_warnings_as_errors_raises_them_still(tmp_path):
    ended = run_python("""
        import warnings, logging_helpers
        logging_helpers.init_logging()
        warnings.simplefilter("error")
        try:
            warnings.warn("serious")
        except UserWarning as warning:
            print("raised", warning)
    """)
    assert (0, "raised serious\n", "") == (ended.code, ended.out, ended.err)
