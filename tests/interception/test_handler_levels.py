"""Stdlib's level numbers and names in the log."""

import io
import logging
import re

import pytest
from support import the_record

from logging_helpers import init_logging

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
