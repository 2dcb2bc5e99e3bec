"""The one sink: which records go where, in which order, whatever they hold."""

import io
import logging
import re
import sys
import time
from datetime import datetime
from types import MappingProxyType, SimpleNamespace

import pytest
from loguru import logger as loguru_logger
from rank_files import user_messages
from support import drop_pytests_handlers

from logging_helpers import init_logging, shutdown_logging
from logging_helpers.outputs.console import Console
from logging_helpers.outputs.sink import Outputs
from ranklog import read

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@pytest.fixture
def shown():
    """Stream for the console, and a function that gives the messages on it."""
    stream = io.StringIO()

    def messages():
        return re.findall(
            r"^\[[\d:.]+\] (?:\[\d+\] )?[A-Z]+ +(.*)$", stream.getvalue(), re.MULTILINE
        )

    return SimpleNamespace(stream=stream, messages=messages)


def log_all(*names):
    for name in names:
        for level in LEVELS:
            logging.getLogger(name).log(getattr(logging, level), "%s %s", name, level)


def expect(*lowest):
    return [f"{name} {level}" for name, first in lowest for level in LEVELS[LEVELS.index(first) :]]


@pytest.mark.parametrize(
    ("arguments", "environ", "on_console", "in_file"),
    [
        ({}, {}, expect(("a", "INFO"), ("a.b", "INFO")), expect(("a", "INFO"), ("a.b", "INFO"))),
        (
            {"level": "WARNING", "file_level": "DEBUG"},
            {},
            expect(("a", "WARNING"), ("a.b", "WARNING")),
            expect(("a", "DEBUG"), ("a.b", "DEBUG")),
        ),
        (
            {"level": "DEBUG", "file_level": "ERROR"},
            {},
            expect(("a", "DEBUG"), ("a.b", "DEBUG")),
            expect(("a", "ERROR"), ("a.b", "ERROR")),
        ),
        (
            {"file_level": "ERROR"},
            {"LOG_LEVEL": "INFO,a.b=DEBUG"},
            expect(("a", "INFO"), ("a.b", "DEBUG")),
            expect(("a", "ERROR"), ("a.b", "DEBUG")),
        ),
        (
            {"rank": 1, "console_ranks": "0"},
            {},
            expect(("a", "WARNING"), ("a.b", "WARNING")),
            expect(("a", "INFO"), ("a.b", "INFO")),
        ),
        (
            {"rank": 1, "console_ranks": "0"},
            {"LOG_LEVEL": "ERROR,a.b=DEBUG"},
            expect(("a", "ERROR"), ("a.b", "WARNING")),
            expect(("a", "ERROR"), ("a.b", "DEBUG")),
        ),
    ],
)
def test_each_output_has_its_level_and_directives_hold_for_both(
    arguments, environ, on_console, in_file, run_dir, shown, monkeypatch
):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    init_logging(run_dir=run_dir, stream=shown.stream, **arguments)
    log_all("a", "a.b")
    shutdown_logging()
    assert (on_console, in_file) == (shown.messages(), user_messages(run_dir))


def test_the_file_has_a_record_before_the_console(run_dir):
    class Looking(io.StringIO):
        def write(self, text):
            in_file.append(user_messages(run_dir))

    in_file = []
    init_logging(run_dir=run_dir, stream=Looking())
    logging.getLogger("x").info("first")
    logging.getLogger("x").info("second")
    assert [["first"], ["first", "second"]] == in_file


def test_places_made_up_at_run_time_do_not_fill_the_memory(shown):
    init_logging(stream=shown.stream)
    outputs = Outputs.nowhere(Console(shown.stream, ""))
    for number in range(25_000):
        outputs._find(f"name {number}", "f", number, "INFO", 20, 7)
    assert len(outputs._kinds) <= 10_000


def test_outputs_that_are_nowhere_write_nothing(shown):
    outputs = Outputs.nowhere(Console(shown.stream, ""))
    level, process = SimpleNamespace(name="CRITICAL", no=50), SimpleNamespace(id=7)
    place = {"name": "x", "function": "f", "line": 1}
    outputs.deliver({**place, "level": level, "process": process, "message": "m"})
    assert "" == shown.stream.getvalue()


def fail_with_secret(password):
    local = password * 2
    try:
        raise KeyError("inner")
    except KeyError as error:
        raise ValueError(f"outer {len(local)}") from error


def test_exceptions_keep_their_causes_and_show_no_values_of_variables(run_dir, shown):
    init_logging(run_dir=run_dir, stream=shown.stream)
    for log in (logging.getLogger("x"), loguru_logger):
        try:
            fail_with_secret("hunter2")
        except ValueError:
            log.exception("failed")
    shutdown_logging()
    traces = [record.exception for record in read(run_dir) if record.logger != "ranklog"]
    for trace in traces:
        starts = [text for text in trace.splitlines() if not text.startswith("    ")]
        assert [
            "Traceback (most recent call last):",
            f'  File "{__file__}", line {fail_with_secret.__code__.co_firstlineno + 3}, in fail_with_secret',
            "KeyError: 'inner'",
            "",
            "The above exception was the direct cause of the following exception:",
            "",
            "Traceback (most recent call last):",
        ] == starts[:7]
        assert "ValueError: outer 14" == starts[-1]
    everything = (run_dir / "logs" / "script.log").read_text() + shown.stream.getvalue()
    assert "hunter2" not in everything.replace('fail_with_secret("hunter2")', "")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups came with Python 3.11")
def test_exception_groups_show_all_their_members(run_dir, shown):
    init_logging(run_dir=run_dir, stream=shown.stream)
    try:
        raise ExceptionGroup("group", [ValueError("one"), TypeError("two")])  # noqa: F821 - 3.11
    except Exception:
        logging.getLogger("x").exception("failed")
    shutdown_logging()
    trace = next(record.exception for record in read(run_dir) if record.exception)
    members = re.findall(r"\| (\w+: .*)", trace)
    expected = ["ExceptionGroup: group (2 sub-exceptions)", "ValueError: one", "TypeError: two"]
    assert expected == members


class UnspeakableError(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def test_an_exception_whose_str_raises_is_logged_all_the_same(run_dir, shown):
    init_logging(run_dir=run_dir, stream=shown.stream)
    try:
        raise UnspeakableError
    except UnspeakableError:
        logging.getLogger("x").exception("failed")
    shutdown_logging()
    (record,) = (record for record in read(run_dir) if record.logger == "x")
    last = record.exception.splitlines()[-1]
    name = f"{UnspeakableError.__module__}.UnspeakableError"
    assert f"{name}: <exception str() failed>" == last


def test_frames_of_logger_catch_are_hidden(run_dir, shown):
    init_logging(run_dir=run_dir, stream=shown.stream)

    @loguru_logger.catch
    def fails():
        raise ValueError("x")

    fails()
    shutdown_logging()
    (record,) = (record for record in read(run_dir) if record.exception)
    files = re.findall(r'File "(.*)", line', record.exception)
    assert [__file__] == files


class Odd:
    def __str__(self):
        raise RuntimeError("no words")

    def __repr__(self):
        return "<odd>"


ODD_FIELDS = {
    "name is None": ({"name": None}, {}),
    "name is a list": ({"name": ["a"]}, {"logger": "['a']"}),
    "function is odd": ({"function": Odd()}, {"function": "<odd>"}),
    "line is text": ({"line": "seven"}, {"line": 0}),
    "line is a bool": ({"line": True}, {"line": 1}),
    "message is a number": ({"message": 5}, {"message": "5"}),
    "message is odd": ({"message": Odd()}, {"message": "<odd>"}),
    "message is bytes": ({"message": b"x"}, {"message": "b'x'"}),
    "time has no zone": ({"time": datetime(2026, 10, 5, 1, 2, 3)}, {}),
    "time is text": ({"time": "noon"}, {}),
    "level name is a number": ({"level": SimpleNamespace(name=5, no=40)}, {"level": "5"}),
    "extra is text": ({"extra": "text"}, {"extra": {"extra": "text"}}),
    "extra is gone": ({"extra": None}, {}),
    "extra cannot be changed": ({"extra": MappingProxyType({"a": 1})}, {"extra": {"a": 1}}),
    "process is gone": ({"process": None}, {}),
    "thread is a name": ({"thread": "main"}, {}),
    "file is a path": ({"file": "train.py"}, {}),
    "pid is text": ({"process": SimpleNamespace(id="x")}, {}),
    "exception is an instance": (
        {"exception": ValueError("x")},
        {"exception": "ValueError: x"},
    ),
    "exception is text": ({"exception": "boom"}, {"message": "hello\nboom"}),
}  # fmt: skip


@pytest.mark.parametrize("file_format", ["text", "json"])
@pytest.mark.parametrize("odd", ODD_FIELDS)
def test_a_record_that_a_patcher_made_odd_is_not_lost(odd, file_format, run_dir, shown, capsys):
    fields, expected = ODD_FIELDS[odd]
    init_logging(
        run_dir=run_dir,
        stream=shown.stream,
        file_format=file_format,
        patcher=lambda record: record.update(fields),
    )
    loguru_logger.info("hello")
    shutdown_logging()
    (record,) = (record for record in read(run_dir) if record.logger != "ranklog")
    got = {name: getattr(record, name) for name in expected}
    assert {"message": "hello", **expected} == {"message": record.message, **got}
    assert 1 == shown.stream.getvalue().count(f" {record.message}\n")
    assert "" == capsys.readouterr().err


class Slow:
    def __str__(self):
        time.sleep(0.02)  # longer than a record's time is loguru's
        return "hello"


STDLIB_CALLS = {
    "fast road": lambda log: log.info("hello"),
    "fast road, extra": lambda log: log.info("hello", extra={"k": 1}),
    "fast road, slow": lambda log: log.info("%s", Slow()),
    "ordinary road": lambda log: log.info("hello", stacklevel=2),
    "ordinary road, extra": lambda log: log.info("hello", stacklevel=2, extra={"k": 1}),
    "ordinary road, slow": lambda log: log.info("%s", Slow(), stacklevel=2),
}


@pytest.mark.parametrize(
    "odd",
    [
        "time is text",
        "process is gone",
        "thread is a name",
        "file is a path",
        "extra is gone",
        "extra is text",
    ],
)
@pytest.mark.parametrize("call", STDLIB_CALLS)
@pytest.mark.parametrize("is_ours_last", [True, False])
def test_a_record_of_stdlib_that_a_patcher_made_odd_is_not_lost(
    odd, call, is_ours_last, run_dir, shown, capsys
):
    fields, _ = ODD_FIELDS[odd]
    drop_pytests_handlers()

    def patcher(record):
        record.update(fields)

    init_logging(run_dir=run_dir, stream=shown.stream, patcher=patcher if is_ours_last else None)
    if not is_ours_last:
        loguru_logger.configure(patcher=patcher)
    STDLIB_CALLS[call](logging.getLogger("app"))
    shutdown_logging()
    (record,) = (record for record in read(run_dir) if record.logger != "ranklog")
    assert ("app", "hello") == (record.logger, record.message)
    assert ({"k": 1} if "extra" in call else {}).items() <= record.extra.items()
    assert "" == capsys.readouterr().err


def test_an_extra_that_is_no_mapping_costs_only_itself(run_dir, shown):
    """Where no patcher of ours runs after the program's: ``logger.patch`` wins over it."""
    init_logging(run_dir=run_dir, stream=shown.stream)
    for extra in ("text", None, 5):
        loguru_logger.patch(lambda record, extra=extra: record.update(extra=extra)).info("hello")
    shutdown_logging()
    found = [(r.message, r.extra) for r in read(run_dir) if r.logger != "ranklog"]
    assert [("hello", {"extra": "text"}), ("hello", {}), ("hello", {"extra": 5})] == found
