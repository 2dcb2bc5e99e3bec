"""Which ranks print everything on the console."""

import io
import logging
import re

import pytest
from support import messages

from logging_helpers import init_logging, log_master
from ranklog.line_format.rank_sets import RankSet, parse_ranks

ACCEPTED = 'accepted are "all", or ranks and ranges such as "0,3-5,-1"'
LINE = re.compile(r"\[\d\d:\d\d:\d\d\.\d{3}\] \[3\] ([A-Z]+ +.*)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", RankSet()),
        (" ALL ", RankSet()),
        ("0", RankSet(((0, 0),))),
        (0, RankSet(((0, 0),))),
        (-1, RankSet(((-1, -1),))),
        ("0,3-5,-1", RankSet(((0, 0), (3, 5), (-1, -1)))),
        (" 0 , 3-5 ", RankSet(((0, 0), (3, 5)))),
        ("2-2", RankSet(((2, 2),))),
    ],
)
def test_all_ranks_and_ranges_are_taken_apart(text, expected):
    assert expected == parse_ranks(text, "x")


@pytest.mark.parametrize(
    ("ranks", "world_size", "expected"),
    [
        ("all", 8, [0, 1, 2, 3, 4, 5, 6, 7]),
        ("0", 8, [0]),
        ("0,3-5,-1", 8, [0, 3, 4, 5, 7]),
        ("-2", 8, [6]),
        ("-9", 8, []),
        ("9", 8, []),
        # From a time when the job was larger.
        ("0", 4, [0]),
        ("0-1,-1", 4, [0, 1, 3]),
        ("6", 4, [6]),
        # Without a world size nobody can tell who is the last.
        ("0,-1", None, [0]),
    ],
)
def test_a_set_includes_its_ranks(ranks, world_size, expected):
    chosen = parse_ranks(ranks, "x")
    assert expected == [rank for rank in range(8) if chosen.includes(rank, world_size)]


@pytest.mark.parametrize("text", ["all", "0", "-1", "3-5"])
def test_a_process_without_a_rank_is_always_included(text):
    assert parse_ranks(text, "x").includes(None, None)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", ""),
        ("0,", ""),
        ("none", "none"),
        ("1-", "1-"),
        ("0, x", "x"),
        ("--1", "--1"),
        ("1.5", "1.5"),
    ],
)
def test_a_malformed_set_is_named_with_its_source(text, part):
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is compared
        parse_ranks(text, "argument console_ranks")
    assert f"argument console_ranks={text!r} is malformed at {part!r}; {ACCEPTED}" == str(
        raised.value
    )


def test_a_range_that_runs_backwards_is_named():
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is compared
        parse_ranks("5-3", "x")
    assert f"x='5-3' has a range that runs backwards; {ACCEPTED}" == str(raised.value)


@pytest.mark.parametrize("value", [0.5, True, None, ["0"]])
def test_a_set_of_another_type_is_named(value):
    with pytest.raises(TypeError) as raised:
        parse_ranks(value, "argument console_ranks")
    assert f"argument console_ranks={value!r} is not a set of ranks; {ACCEPTED}" == str(
        raised.value
    )


def printed(stream):
    """What rank 3 printed, without its times."""
    return [LINE.fullmatch(line)[1] for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("argument", "variable", "prints_all"),
    [
        ("all", None, True),
        ("0,-1", None, True),
        ("0-2", None, False),
        ("all", "0", False),
        ("0", "3", True),
        ("0", "", False),
    ],
)
def test_the_others_print_warnings_and_their_files_stay_complete(
    monkeypatch, run_dir, argument, variable, prints_all
):
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "4")
    if variable is not None:
        monkeypatch.setenv("LOG_CONSOLE_RANKS", variable)
    stream = io.StringIO()
    init_logging(run_dir=run_dir, show_rank=True, stream=stream, console_ranks=argument)
    logging.info("everything")
    log_master("never on rank 3")
    logging.warning("trouble")
    expected = ["INFO     everything", "WARNING  trouble"]
    assert expected[not prints_all :] == printed(stream)
    assert ["everything", "trouble"] == messages(run_dir)


def test_without_a_file_stdlib_itself_rejects_what_the_others_do_not_print(monkeypatch):
    monkeypatch.setenv("RANK", "3")
    init_logging(level="DEBUG", console_ranks="0")
    assert logging.WARNING == logging.getLogger().level


def test_the_variable_is_named_when_it_is_wrong(monkeypatch):
    monkeypatch.setenv("LOG_CONSOLE_RANKS", "first")
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is compared
        init_logging(console_ranks="0")
    assert (
        "environment variable LOG_CONSOLE_RANKS='first' is malformed at 'first'; " + ACCEPTED
        == str(raised.value)
    )
