"""Level names, numbers and per-logger directives."""

import logging

import pytest
from loguru import logger as loguru_logger

from logging_helpers.settings.levels import LevelNames, LevelRules, parse_directives, parse_level

ACCEPTED = (
    "accepted are NOTSET, TRACE, DEBUG, INFO, SUCCESS, WARNING, ERROR, CRITICAL, WARN, FATAL,"
    " in any case, or a number of 0 or more"
)
EXAMPLE = "name=level directives, as in INFO,torch=WARNING,mylib.data=DEBUG"


@pytest.fixture
def level_names(monkeypatch):
    """Names that a test registers with stdlib are gone after it."""
    for table in ("_levelToName", "_nameToLevel"):
        monkeypatch.setattr(logging, table, dict(getattr(logging, table)))


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("TRACE", 5),
        ("DEBUG", 10),
        ("debug", 10),
        (" Info ", 20),
        ("SUCCESS", 25),
        ("success", 25),
        ("WARNING", 30),
        ("warn", 30),
        ("ERROR", 40),
        ("CRITICAL", 50),
        ("fatal", 50),
        ("NOTSET", 0),
        ("15", 15),
        (0, 0),
        (15, 15),
        (logging.ERROR, 40),
    ],
)
def test_names_in_any_case_and_numbers_are_levels(level, expected):
    assert expected == parse_level(level, "argument level")


def test_names_registered_with_stdlib_and_loguru_are_levels(level_names):
    logging.addLevelName(33, "levels-test-a")
    logging.addLevelName(34, "LEVELS-TEST-B")
    loguru_logger.level("levels-test-c", no=36)
    levels = [parse_level(f"levels-test-{one}", "x") for one in "abc"]
    assert [33, 34, 36] == levels


def test_a_standard_name_keeps_its_number_when_another_level_is_renamed_to_it(level_names):
    logging.addLevelName(45, "DEBUG")
    assert 10 == parse_level("DEBUG", "x")


@pytest.mark.parametrize("level", ["LOUD", "", "-1", "1.5", "Level 25", -1, "\u0663"])
def test_a_level_that_does_not_exist_is_named_with_its_source(level):
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is compared
        parse_level(level, "argument level")
    assert f"argument level={level!r} is not a log level; {ACCEPTED}" == str(raised.value)


@pytest.mark.parametrize("level", [1.5, True, None, b"INFO", logging])
def test_a_level_of_another_type_is_named_with_its_source(level):
    with pytest.raises(TypeError) as raised:
        parse_level(level, "argument level")
    assert f"argument level={level!r} is not a log level; {ACCEPTED}" == str(raised.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INFO", (20, ())),
        ("15", (15, ())),
        ("INFO,torch=WARNING,mylib.data=DEBUG", (20, (("torch", 30), ("mylib.data", 10)))),
        ("torch=warning", (None, (("torch", 30),))),
        (" torch = error , debug ", (10, (("torch", 40),))),
        # The last of two for one logger counts.
        ("a=INFO,b=INFO,a=DEBUG", (None, (("b", 20), ("a", 10)))),
    ],
)
def test_directives_are_a_level_for_all_and_levels_for_some(text, expected):
    assert expected == parse_directives(text, "x")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", ""),
        ("INFO,", ""),
        (",", ""),
        ("INFO,DEBUG", "DEBUG"),
        ("=DEBUG", "=DEBUG"),
        ("INFO, =DEBUG", "=DEBUG"),
        ("INFO;torch=DEBUG", "INFO;torch=DEBUG"),
        ("INFO torch=DEBUG", "INFO torch=DEBUG"),
        ("torch=INFO=DEBUG", "torch=INFO=DEBUG"),
    ],
)
def test_a_malformed_directive_is_named(text, part):
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is compared
        parse_directives(text, "variable X")
    message = f"variable X={text!r} is malformed at {part!r}; expected one level and {EXAMPLE}"
    assert message == str(raised.value)


def test_a_directive_with_a_level_that_does_not_exist_names_the_logger():
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is compared
        parse_directives("INFO,torch=LOUD", "variable X")
    assert f"variable X: torch='LOUD' is not a log level; {ACCEPTED}" == str(raised.value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("other", 20),
        ("", 20),
        ("torch", 30),
        ("torch.nn", 30),
        ("torchvision", 20),
        ("torch.distributed", 10),
        ("torch.distributed.run", 10),
    ],
)
def test_the_nearest_directive_counts_for_a_logger_and_its_children(name, expected):
    for directives in (
        (("torch", 30), ("torch.distributed", 10)),
        (("torch.distributed", 10), ("torch", 30)),
    ):
        rules = LevelRules(20, directives)
        assert (expected, 10) == (rules.for_logger(name), rules.lowest())


def test_a_stdlib_level_is_the_same_severity_in_loguru(level_names):
    logging.addLevelName(37, "LEVELS-TEST-NEW")
    logging.addLevelName(45, "DEBUG")
    logging.addLevelName(46, "")
    names = LevelNames()
    expected = {
        10: "DEBUG",
        20: "INFO",
        25: 25,
        0: "NOTSET",
        -5: 0,
        37: "LEVELS-TEST-NEW",
        45: 45,  # not 10, which is what loguru's DEBUG means
        46: 46,
        60: 60,
    }
    assert expected == {number: names.loguru_level(number) for number in expected}
    assert 37 == loguru_logger.level("LEVELS-TEST-NEW").no
