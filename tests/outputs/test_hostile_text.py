"""Messages, names and fields made to forge records, or to be lost, through all of the writer."""

import logging
import subprocess
import sys
from collections import Counter

import pytest
from loguru import logger as loguru_logger
from rank_files import TIMEOUT_SECONDS, with_helpers

from logging_helpers import init_logging, shutdown_logging
from ranklog import read
from ranklog.line_format import Damage

FORGED = "a\n2026-10-05 23:50:00.123456+00:00 | INFO     | r0000 | forged:f:1 - forged\n    ~ cut"
FORMATS = pytest.mark.parametrize("file_format", ["text", "json"])


@pytest.fixture
def log(run_dir, file_format, shown_nowhere):
    init_logging(run_dir=run_dir, file_format=file_format, stream=shown_nowhere)
    return logging.getLogger("x")


@pytest.fixture
def shown_nowhere():
    with open("/dev/null", "w") as stream:
        yield stream


def user_records(run_dir):
    """What the program logged; nothing may be damaged."""
    shutdown_logging()
    damage = Damage()
    found = [record for record in read(run_dir, damage=damage) if record.logger != "ranklog"]
    assert not damage
    return found


class Lying(str):
    """Text that says that there is nothing to escape in it."""

    def isprintable(self):
        return True

    isascii = isprintable

    def __contains__(self, part):
        return False

    def replace(self, *_):
        return self

    def __format__(self, _):
        return str.__str__(self)


class Named:
    def __str__(self):
        return Lying(FORGED)

    __repr__ = __str__


@FORMATS
@pytest.mark.parametrize("message", [Lying(FORGED), Named()], ids=["message", "its str"])
def test_a_string_that_lies_about_itself_forges_nothing(message, log, run_dir):
    log.info(message)
    log.info("%s", message)
    loguru_logger.info(message)
    loguru_logger.bind(a=message).info("extra")
    log.info("extra", extra={"a": message})
    found = user_records(run_dir)
    assert [FORGED, FORGED, FORGED, "extra", "extra"] == [record.message for record in found]


@FORMATS
@pytest.mark.parametrize("depth", [10, 32, 90, 110, 500, 900, 950, 990, 2_000, 10_000, 100_000])
def test_fields_however_deep_are_read_back(depth, log, run_dir):
    lists, mappings = [], {}
    for _ in range(depth):
        lists, mappings = [lists], {"k": mappings}
    log.info("lists", extra={"v": lists})
    log.info("mappings", extra={"v": mappings})

    def read_deep_in_the_stack(frames):
        return read_deep_in_the_stack(frames - 1) if frames else user_records(run_dir)

    found = read_deep_in_the_stack(100)
    assert ["lists", "mappings"] == [record.message for record in found]
    if depth < 100:
        assert [{"v": lists}, {"v": mappings}] == [record.extra for record in found]


@FORMATS
def test_many_containers_side_by_side_are_kept_as_they_are(log, run_dir):
    fields = {"v": [[{"a": [number]}] for number in range(1000)], "digits": "1" * 5000}
    log.info("wide", extra=fields)
    assert [fields] == [record.extra for record in user_records(run_dir)]


LIMITLESS = """
import logging, sys
from logging_helpers import init_logging
sys.set_int_max_str_digits(0)
init_logging(run_dir=sys.argv[1], file_format=sys.argv[2])
logging.getLogger("x").info("big", extra={"i": 10**5000, "j": 1})
"""


def run_alone(environ, code, *arguments):
    """Run `code` as a program whose coverage is not measured; it has to end well."""
    subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=with_helpers(environ),
        check=True,
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
    )


@FORMATS
@pytest.mark.skipif(sys.version_info < (3, 11), reason="there are 3.10s without that limit")
def test_a_number_that_only_its_writer_can_read_is_kept_as_text(
    file_format, run_dir, child_environment
):
    run_alone(child_environment, LIMITLESS, str(run_dir), file_format)
    (record,) = user_records(run_dir)
    assert ("big", {"i": hex(10**5000), "j": 1}) == (record.message, record.extra)


@FORMATS
def test_objects_that_cannot_be_shown_raise_nothing_and_lose_nothing(log, run_dir, capsys):
    class Endless:
        def __str__(self):
            return str(self)

        __repr__ = __str__

    logging.getLogger().handlers[:] = [
        handler for handler in logging.getLogger().handlers if "Intercept" in repr(handler)
    ]  # pytest's raise, on purpose
    log.info(Endless())
    log.info("%s", Endless())
    log.info("extra", extra={"a": Endless()})
    assert [True, True, False] == [
        "could not be formatted: RecursionError" in record.message
        for record in user_records(run_dir)
    ]


@FORMATS
@pytest.mark.parametrize(
    "message",
    [
        "",
        "\n",
        "\n" * 1_000_000,
        "x" * 10_000_000,
        "    ~ cut",
        "a\n    ~ cut\n\n    ~ cut\n    = {}\n    ! x\n    | ",
        FORGED,
        "\u2028\u2029\ufeff\U0010ffff e\u0301",
    ],
    ids=["empty", "newline", "million lines", "10 MB", "cut", "guards", "header", "Unicode"],
)
def test_a_message_of_any_shape_is_read_back(message, log, run_dir):
    log.info(message)
    try:
        raise ValueError(message)
    except ValueError:
        log.exception("raised")
    shown, raised = user_records(run_dir)
    assert (message, "raised") == (shown.message, raised.message)
    assert raised.exception.endswith(f"ValueError: {message}" if message else "ValueError")


DEEP = """
import logging, sys
from loguru import logger
from logging_helpers import init_logging
init_logging(run_dir=sys.argv[1], rotation=100)
log = logging.getLogger("x").info if sys.argv[2] == "stdlib" else logger.info
def descend(depth):
    try:
        log(f"depth {depth}")
    except RecursionError:
        pass
    descend(depth + 1)
try:
    descend(0)
except RecursionError:
    pass
log("after")
"""


@pytest.mark.parametrize("kind", ["stdlib", "loguru"])
def test_at_the_end_of_the_stack_no_record_is_written_twice(kind, run_dir, child_environment):
    run_alone(child_environment, DEEP, str(run_dir), kind)
    messages = [record.message for record in user_records(run_dir)]
    assert "after" == messages[-1]
    depths = [message for message in messages if message.startswith("depth")]
    assert len(depths) > 900
    assert [] == [message for message, count in Counter(depths).items() if count > 1]


@pytest.mark.parametrize("error", [MemoryError, RecursionError])
def test_a_rotation_without_memory_or_stack_writes_no_record_twice(
    error, run_dir, shown_nowhere, monkeypatch, capsys
):
    from logging_helpers.outputs import rank_file

    def fail(*_):
        raise error("no more")

    init_logging(run_dir=run_dir, rotation=100, stream=shown_nowhere)
    with monkeypatch.context() as patch:
        patch.setattr(rank_file, "rotate", fail)
        logging.getLogger("x").info("once")
    logging.getLogger("x").info("after")
    assert ["once", "after"] == [record.message for record in user_records(run_dir)]
    assert f"could not be looked after: {error.__name__}: no more\n" in capsys.readouterr().err


def test_a_console_without_memory_has_no_record_written_to_the_file_twice(
    run_dir, shown_nowhere, monkeypatch, capsys
):
    from logging_helpers.outputs.console import Console

    def fail(*_):
        raise MemoryError("no more")

    init_logging(run_dir=run_dir, stream=shown_nowhere)
    monkeypatch.setattr(Console, "write", fail)
    logging.getLogger("x").info("once")
    assert ["once"] == [record.message for record in user_records(run_dir)]
    assert "a record could not be printed: MemoryError: no more" in capsys.readouterr().err


def test_a_record_that_there_is_no_memory_for_is_counted(
    run_dir, shown_nowhere, monkeypatch, capsys
):
    from logging_helpers.outputs.file_output import FileOutput

    def fail(*_):
        raise MemoryError("no more")

    init_logging(run_dir=run_dir, stream=shown_nowhere)
    with monkeypatch.context() as patch:
        patch.setattr(FileOutput, "write", fail)
        logging.getLogger("x").info("lost")
    logging.getLogger("x").info("after")
    shutdown_logging()
    _, told, _ = (record.message for record in read(run_dir) if record.logger == "ranklog")
    assert (True, True) == (told.startswith("1 record was lost"), told.endswith(": MemoryError"))
    assert ["after"] == [record.message for record in user_records(run_dir)]
