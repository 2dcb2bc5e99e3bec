"""Stdlib's level numbers and names in the log."""

import io
import logging
import re
import sys

import pytest
from support import drop_pytests_handlers, the_record, user_records

from logging_helpers import init_logging
from logging_helpers.settings.levels import LevelNames

LINE = re.compile(r"\[\d\d:\d\d:\d\d\.\d{3}\] (.{8}) (.*)")


@pytest.fixture
def level_names(monkeypatch):
    """Names that a test registers with stdlib are gone after it."""
    for table in ("_levelToName", "_nameToLevel"):
        monkeypatch.setattr(logging, table, dict(getattr(logging, table)))


def test_a_level_renamed_to_another_levels_name_keeps_its_severity(run_dir, level_names):
    init_logging(run_dir=run_dir)
    logging.addLevelName(45, "DEBUG")
    logging.getLogger("app").log(45, "severe")
    record = the_record(run_dir)
    assert ("Level 45", {"levelno": 45}) == (record.level, record.extra)


def test_a_level_that_only_stdlib_knows_keeps_its_name(run_dir, level_names):
    logging.addLevelName(35, "NOTICE")
    stream = io.StringIO()
    init_logging(level="NOTICE", run_dir=run_dir, stream=stream)
    logging.getLogger("app").warning("below")
    logging.getLogger("app").log(35, "noticed")
    record = the_record(run_dir)
    assert ("NOTICE", {"levelno": 35}) == (record.level, record.extra)
    assert [("NOTICE  ", "noticed")] == LINE.findall(stream.getvalue())


def test_a_number_without_a_name_is_shown_as_one(run_dir):
    stream = io.StringIO()
    init_logging(run_dir=run_dir, stream=stream)
    logging.getLogger("app").log(27, "between")
    assert ("Level 27", {"levelno": 27}) == (the_record(run_dir).level, the_record(run_dir).extra)
    assert [("Level 27", "between")] == LINE.findall(stream.getvalue())


def test_a_new_levels_first_record_interrupted_by_another_of_it_is_not_lost(
    run_dir, level_names, capsys
):
    """As threads interrupt each other, or a signal handler."""
    drop_pytests_handlers()
    init_logging(run_dir=run_dir, stream=io.StringIO())
    logging.addLevelName(37, "INTERRUPTED")
    inner = ["inner"]

    def interrupt(frame, event, _argument):
        # The level was looked for and is not there.
        if frame.f_code is LevelNames._find.__code__ and event == "exception" and inner:
            logging.getLogger("app").log(37, inner.pop())
        return interrupt

    traced_before = sys.gettrace()
    sys.settrace(interrupt)
    try:
        logging.getLogger("app").log(37, "outer")
    finally:
        sys.settrace(traced_before)
    found = [(record.level, record.message) for record in user_records(run_dir)]
    assert [("INTERRUPTED", "inner"), ("INTERRUPTED", "outer")] == found
    assert "" == capsys.readouterr().err
