"""What no output wants is rejected by stdlib itself, before a record is made."""

import io
import logging

import pytest
from loguru import logger as loguru_logger
from support import messages

from logging_helpers import init_logging

CASES = {
    "one level": ("INFO", {}, {"root": 20, "a": 20, "a.b": 20, "c": 20}),
    "a directive for more": (
        "INFO,a.b=DEBUG",
        {},
        {"root": 20, "a": 20, "a.b": 10, "a.b.c": 10, "c": 20},
    ),
    "a directive for less": ("DEBUG,a=WARNING", {}, {"root": 10, "a": 30, "a.b": 30, "c": 10}),
    "a file that wants more": (
        "INFO,a=WARNING",
        {"file_level": 5},
        {"root": 5, "a": 30, "a.b": 30, "c": 5},
    ),
    "a console that wants more": ("DEBUG", {"file_level": "ERROR"}, {"root": 10}),
}


@pytest.mark.parametrize(("variable", "arguments", "expected"), CASES.values(), ids=CASES.keys())
def test_a_loggers_own_level_is_the_lowest_that_any_output_wants(
    monkeypatch, run_dir, variable, arguments, expected
):
    monkeypatch.setenv("LOG_LEVEL", variable)
    init_logging(run_dir=run_dir, **arguments)
    levels = {
        name: logging.getLogger("" if name == "root" else name).getEffectiveLevel()
        for name in expected
    }
    assert expected == levels


def test_a_console_that_shows_warnings_only_asks_for_no_more(monkeypatch):
    monkeypatch.setenv("LOG_LEVEL", "INFO,a=DEBUG")
    init_logging(rank=3, console_ranks="0")
    assert (30, 30) == (logging.getLogger().level, logging.getLogger("a").level)


def test_directives_filter_both_outputs_and_loguru_native_records(monkeypatch, run_dir):
    monkeypatch.setenv("LOG_LEVEL", "INFO,noisy=ERROR,noisy.part=DEBUG,test_disabled_calls=WARNING")
    stream = io.StringIO()
    init_logging(run_dir=run_dir, stream=stream)
    for name in ("noisy", "noisy.other", "noisy.part", "noisy.part.x", "noisyish", ""):
        for level in (10, 20, 40):
            logging.getLogger(name).log(level, f"{name} {level}")
    loguru_logger.info("native 20")
    loguru_logger.warning("native 30")
    expected = [
        "noisy 40",
        "noisy.other 40",
        "noisy.part 10",
        "noisy.part 20",
        "noisy.part 40",
        "noisy.part.x 10",
        "noisy.part.x 20",
        "noisy.part.x 40",
        "noisyish 20",
        "noisyish 40",
        " 20",
        " 40",
        "native 30",
    ]
    assert expected == messages(run_dir)
    assert expected == [line[24:] for line in stream.getvalue().splitlines()]


def test_a_child_logger_with_a_level_of_its_own_is_still_filtered(monkeypatch, run_dir):
    monkeypatch.setenv("LOG_LEVEL", "INFO,noisy=ERROR")
    child = logging.getLogger("noisy.child")
    child.setLevel(logging.DEBUG)
    try:
        init_logging(run_dir=run_dir)
        child.info("below")
        child.error("above")
    finally:
        child.setLevel(logging.NOTSET)
    assert ["above"] == messages(run_dir)


def test_a_logger_keeps_its_level_at_every_moment_of_a_change(monkeypatch):
    monkeypatch.setenv("LOG_LEVEL", "INFO,app=DEBUG")
    init_logging()
    set_level, seen = logging.Logger.setLevel, set()

    def spy(logger, level):
        set_level(logger, level)
        seen.add(logging.getLogger("app.part").getEffectiveLevel())

    monkeypatch.setattr(logging.Logger, "setLevel", spy)
    for variable in ("ERROR,other=INFO,app=DEBUG", "DEBUG"):
        monkeypatch.setenv("LOG_LEVEL", variable)
        init_logging()
    assert {logging.DEBUG} == seen
