"""What a stdlib record brings along reaches the log, and nothing it brings can raise."""

import io
import json
import logging
import re
from datetime import datetime, timezone

import pytest
from loguru import logger as loguru_logger
from support import drop_pytests_handlers, here, messages, the_record, user_records

from logging_helpers import InterceptHandler, init_logging
from ranklog import Record

LINE = re.compile(r"\[\d\d:\d\d:\d\d\.\d{3}\] (.{8}) (.*)")


class Hostile:
    """Neither text nor repr."""

    def __str__(self):
        raise ValueError("no text")

    __repr__ = __str__


FORMAT_PROBLEM = " [message could not be formatted: {}]"
BAD_ARGUMENTS = {
    "type": (
        ("%d items", "x"),
        "%d items ('x',)",
        "TypeError: %d format: a real number is required, not str",
    ),
    "too many": (
        ("no place", 1),
        "no place (1,)",
        "TypeError: not all arguments converted during string formatting",
    ),
    "too few": (("%s %s", 1), "%s %s (1,)", "TypeError: not enough arguments for format string"),
    "text that raises": (
        ("%s", Hostile()),
        "%s <unrepresentable tuple: ValueError>",
        "ValueError: no text",
    ),
    "message that raises": (
        (Hostile(),),
        "<unrepresentable Hostile: ValueError> ()",
        "ValueError: no text",
    ),
}


@pytest.mark.parametrize(
    ("arguments", "text", "problem"), BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS.keys()
)
def test_a_message_that_cannot_be_formatted_is_logged_with_its_arguments_and_reported(
    run_dir, capsys, monkeypatch, arguments, text, problem
):
    monkeypatch.setattr(logging, "raiseExceptions", True)
    drop_pytests_handlers()
    init_logging(run_dir=run_dir)
    logging.getLogger("app").error(*arguments)
    message = text + FORMAT_PROBLEM.format(problem)
    assert message == the_record(run_dir).message
    errors = capsys.readouterr().err
    assert "--- Logging error ---" in errors
    assert f"ERROR    {message}\n" in errors


def test_a_failure_is_reported_to_stdlibs_handle_error_and_not_raised(run_dir, monkeypatch):
    drop_pytests_handlers()
    failed = []
    monkeypatch.setattr(InterceptHandler, "handleError", lambda self, record: failed.append(record))
    init_logging(run_dir=run_dir)
    record = logging.makeLogRecord({"msg": "x", "levelno": 20, "created": "yesterday"})
    logging.getLogger().handle(record)
    assert [record] == failed
    assert [] == messages(run_dir)


@pytest.mark.parametrize(
    "message",
    ["{x} {0} {", "<red>not red</red> <x", "100 %", "%s %d", "\\<b>", "{extra[rank]}", "{{}}"],
)
def test_braces_markup_and_percent_signs_stay_as_they_are(run_dir, message):
    stream = io.StringIO()
    init_logging(run_dir=run_dir, stream=stream)
    logging.getLogger("app").info(message)
    logging.getLogger("app").info(message, extra={"x": 1})
    logging.getLogger("app").info("%s", message)
    assert [message] * 3 == messages(run_dir)
    assert [("INFO    ", message)] * 3 == LINE.findall(stream.getvalue())


def test_stdlibs_extra_is_carried_and_a_field_named_rank_does_not_win(run_dir, monkeypatch):
    monkeypatch.setenv("RANK", "2")
    seen = []
    init_logging(run_dir=run_dir)
    loguru_logger.add(lambda message: seen.append(message.record["extra"]), format="{message}")
    logging.getLogger("app").info("x", extra={"epoch": 3, "rank": 77, "text": "a"})
    assert (2, {"epoch": 3, "text": "a"}) == (the_record(run_dir).rank, the_record(run_dir).extra)
    assert [{"epoch": 3, "text": "a", "rank": 2}] == seen


def test_extras_that_json_cannot_hold_are_their_repr(run_dir):
    loop = []
    loop.append(loop)
    extra = {"f": float("nan"), "s": {1}, "h": Hostile(), "loop": loop, "u": "\ud800", "b": b"x"}
    for file_format in ("text", "json"):
        init_logging(run_dir=run_dir, file_format=file_format)
        logging.getLogger("app").info("x", extra=extra)
    text, from_json = user_records(run_dir)
    expected = {
        "f": "nan",
        "s": "{1}",
        "h": "<unrepresentable Hostile: ValueError>",
        "loop": ["[[...]]"],
        "u": "\ud800",
        "b": "b'x'",
    }
    assert expected == from_json.extra
    assert expected == text.extra


def test_lone_surrogates_and_controls_cost_no_record(run_dir, monkeypatch):
    # pytest's own handlers would put them into its report, which xdist cannot send.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
    init_logging(run_dir=run_dir, stream=stream)
    logging.getLogger("app\ud800").info("a\ud800b\x1b[2Jc")
    assert "a\\ud800b\\x1b[2Jc" == the_record(run_dir).message
    stream.flush()
    assert stream.buffer.getvalue().decode().endswith(" INFO     a\\ud800b\\x1b[2Jc\n")


def test_stack_info_follows_the_message(run_dir):
    init_logging(run_dir=run_dir)
    logging.getLogger("app").info("where", stack_info=True)
    first, second, *_, last = the_record(run_dir).message.splitlines()
    assert ("where", "Stack (most recent call last):") == (first, second)
    assert 'logging.getLogger("app").info("where", stack_info=True)' == last.strip()


def test_an_exception_is_carried_as_python_prints_it(run_dir):
    init_logging(run_dir=run_dir)
    try:
        secret = "s3cret" + str(1 / 0)
        raise AssertionError(secret)
    except ZeroDivisionError:
        logging.getLogger("app").exception("broken")
    record = the_record(run_dir)
    assert ("ERROR", "broken") == (record.level, record.message)
    assert record.exception.startswith("Traceback (most recent call last):\n")
    assert record.exception.endswith("\nZeroDivisionError: division by zero")
    assert "logging_helpers" not in record.exception


def test_exc_info_outside_except_is_no_exception(run_dir):
    foreign = io.StringIO()
    init_logging(run_dir=run_dir)
    loguru_logger.add(foreign, format="{message}")
    logging.getLogger("app").error("fine", exc_info=True)
    assert ("fine", None) == (the_record(run_dir).message, the_record(run_dir).exception)
    assert "fine\n" == foreign.getvalue()


def test_an_exception_formatted_by_another_process_follows_the_message(run_dir):
    init_logging(run_dir=run_dir)
    record = logging.makeLogRecord(
        {"name": "far", "msg": "broken", "levelno": 40, "exc_text": "Traceback\nE: x"}
    )
    logging.getLogger("far").handle(record)
    assert "broken\nTraceback\nE: x" == the_record(run_dir).message


def test_a_record_from_elsewhere_keeps_time_place_and_process(run_dir):
    init_logging(run_dir=run_dir)
    made = {
        "name": "far.away",
        "msg": "%d steps",
        "args": (3,),
        "levelno": 30,
        "levelname": "WARNING",
        "created": 1_790_000_000.25,
        "process": 41233,
        "processName": "Worker-1",
        "thread": 5,
        "threadName": "T",
        "pathname": "/far/loop.py",
        "filename": "loop.py",
        "module": "loop",
        "funcName": "run_step",
        "lineno": 214,
    }
    seen = []
    loguru_logger.add(lambda message: seen.append(message.record), format="{message}")
    logging.getLogger("far.away").handle(logging.makeLogRecord(made))
    time = datetime.fromtimestamp(made["created"], timezone.utc)
    expected = Record(
        time, "WARNING", None, 41233, "far.away", "run_step", 214, "3 steps", None, {}
    )
    assert expected == the_record(run_dir)
    (record,) = seen
    assert ("loop.py", "/far/loop.py", "loop") == (
        record["file"].name,
        record["file"].path,
        record["module"],
    )
    assert (41233, "Worker-1", 5, "T") == (
        record["process"].id,
        record["process"].name,
        record["thread"].id,
        record["thread"].name,
    )


def test_attributes_of_a_log_record_factory_become_extras(run_dir):
    original = logging.getLogRecordFactory()

    def factory(*args, **kwargs):
        record = original(*args, **kwargs)
        record.request_id = "r-7"
        return record

    init_logging(run_dir=run_dir, file_format="json")
    logging.setLogRecordFactory(factory)
    try:
        logging.getLogger("app").info("served")
    finally:
        logging.setLogRecordFactory(original)
    assert {"request_id": "r-7"} == the_record(run_dir).extra
    line = (run_dir / "logs" / "script.jsonl").read_text().splitlines()[-1]
    assert {"request_id": "r-7"} == json.loads(line)["extra"]


def test_filters_of_the_handler_and_of_loggers_are_asked(run_dir):
    drop_pytests_handlers()
    init_logging(run_dir=run_dir)
    (handler,) = logging.getLogger().handlers
    handler.addFilter(lambda record: "drop" not in record.getMessage())
    logging.getLogger("app").info("drop this")
    logging.getLogger("app").info("keep this")
    assert ["keep this"] == messages(run_dir)
    for text, passes in (("drop", False), ("keep", True)):
        record = logging.makeLogRecord({"name": "app", "msg": text, "levelno": 20})
        assert passes is handler.handle(record)


def test_a_filter_may_replace_the_record(run_dir, monkeypatch):
    # What stdlib does from Python 3.12 on, on every Python.
    replacement = logging.makeLogRecord({"name": "app", "msg": "replaced", "levelno": 20})
    monkeypatch.setattr(InterceptHandler, "filter", lambda self, record: replacement)
    init_logging(run_dir=run_dir)
    logging.getLogger("app").info("secret")
    assert ["replaced"] == messages(run_dir)


def test_logging_disable_is_honoured(run_dir):
    init_logging(run_dir=run_dir, level="DEBUG")
    logging.disable(logging.INFO)
    try:
        logging.getLogger("app").info("hidden")
        logging.getLogger("app").warning("shown")
    finally:
        logging.disable(logging.NOTSET)
    logging.getLogger("app").info("shown again")
    assert ["shown", "shown again"] == messages(run_dir)


def test_a_plain_record_is_whole_with_the_callers_line(run_dir):
    init_logging(run_dir=run_dir, rank=3)
    logging.getLogger("app.loop").warning("step %d", 72)
    line = here() - 1
    record = the_record(run_dir)
    name = "test_a_plain_record_is_whole_with_the_callers_line"
    assert (
        Record(record.time, "WARNING", 3, record.pid, "app.loop", name, line, "step 72", None, {})
        == record
    )
