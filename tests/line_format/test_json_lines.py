"""The JSON layout, byte by byte."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from strategies import decode, record, records

from ranklog.line_format import Damage, JsonLayout, Record, encode

KEYS = ["timestamp", "level", "rank", "pid", "logger", "caller", "message", "exception", "extra"]
FULL = record(
    level="ERROR",
    pid=41233,
    message='step 72 "failed"\nsecond',
    exception="Traceback\n  x",
    extra={"epoch": 3, "batch": {"n": [72, None]}},
)
FULL_TEXT = (
    r'{"timestamp":"2026-10-05T23:50:00.123456+00:00","level":"ERROR","rank":3,"pid":41233,'
    r'"logger":"train.loop","caller":"run_step:214","message":"step 72 \"failed\"\nsecond",'
    r'"exception":"Traceback\n  x","extra":{"epoch":3,"batch":{"n":[72,null]}}}'
    "\n"
)
EMPTY = record(rank=None)
EMPTY_TEXT = (
    '{"timestamp":"2026-10-05T23:50:00.123456+00:00","level":"INFO","rank":null,"pid":null,'
    '"logger":"train.loop","caller":"run_step:214","message":"step 72",'
    '"exception":null,"extra":{}}\n'
)


def text(one: Record) -> str:
    return encode(one, JsonLayout()).decode()


def read(content: str) -> tuple[list[Record], Damage]:
    return decode(JsonLayout(), content.encode())


@pytest.mark.parametrize(("one", "expected"), [(FULL, FULL_TEXT), (EMPTY, EMPTY_TEXT)])
def test_a_record_is_one_flat_object_on_one_line(one: Record, expected: str) -> None:
    assert expected == text(one)
    assert ([one], Damage()) == read(expected)


@given(one=records())
@settings(max_examples=60)
def test_every_key_is_there_in_the_same_order(one: Record) -> None:
    content = text(one)
    assert content.count("\n") == 1
    assert list(json.loads(content)) == KEYS


@pytest.mark.parametrize(
    ("string", "written"),
    [
        ("\x00\x1b\r\n\t", r"\u0000\u001b\r\n\t"),
        ("\x7f\x85\x9b", r"\u007f\u0085\u009b"),
        ("\ud800", r"\ud800"),
        ("\\\udcff", r"\\\udcff"),
        ("\u2028日🎉", "\u2028日🎉"),
        ('"}\n{"', r"\"}\n{\""),
    ],
)
def test_a_string_is_escaped_where_a_terminal_or_a_reader_needs_it(
    string: str, written: str
) -> None:
    one = record(message=string)
    assert EMPTY_TEXT.replace("null", "3", 1).replace("step 72", written) == text(one)
    assert ([one], Damage()) == read(text(one))


def test_a_surrogate_pair_reads_back_as_the_character_it_encodes() -> None:
    ((back,), _) = read(text(record(message="\ud83c\udf89")))
    assert back.message == "🎉"


@pytest.mark.parametrize("function", ["f", "", "a:b", ":", "<lambda>", "a b|c"])
def test_the_line_is_what_follows_the_last_colon_of_the_caller(function: str) -> None:
    one = record(function=function)
    assert f'"caller":"{function}:214"' in text(one)
    assert ([one], Damage()) == read(text(one))


def change(**fields: object) -> str:
    """A line with keys of other values; a key set to `...` is left out."""
    values = json.loads(FULL_TEXT) | fields
    return json.dumps({k: v for k, v in values.items() if v is not ...}, separators=(",", ":"))


CASES = {
    # What is there beside two whole records; cut records; foreign lines.
    "an empty line": ("", 0, 0),
    "garbage": ("garbage", 0, 1),
    "a list": ("[1]", 0, 1),
    "a number": ("7", 0, 1),
    "a string": ('"x"', 0, 1),
    "an empty object": ("{}", 0, 1),
    "too deep": ("[" * 100_000, 0, 1),
    "zeros": ("\0" * 9, 0, 1),
    "zeros glued to an object": ("\0" * 9 + FULL_TEXT[:-1], 0, 1),
    "zeros in a message": (FULL_TEXT[:-1].replace("second", "\0"), 1, 0),
    "cut after one byte": (FULL_TEXT[:1], 1, 0),
    "cut in its first key": (FULL_TEXT[:5], 1, 0),
    "cut in its stamp": (FULL_TEXT[:30], 1, 0),
    "cut before its last brace": (FULL_TEXT[:-2], 1, 0),
    "cut and glued to a whole one": (FULL_TEXT[:60] + FULL_TEXT[:-1], 1, 0),
    "no timestamp": (change(timestamp=...), 0, 1),
    "no level": (change(level=...), 1, 0),
    "no extra": (change(extra=...), 1, 0),
    "extra null": (change(extra=None), 1, 0),
    "extra a list": (change(extra=[]), 1, 0),
    "message a number": (change(message=7), 1, 0),
    "exception a number": (change(exception=7), 1, 0),
    "rank a string": (change(rank="3"), 1, 0),
    "pid a string": (change(pid="3"), 1, 0),
    "caller without a line": (change(caller="f"), 1, 0),
    "caller a number": (change(caller=7), 1, 0),
    "a day 32": (change(timestamp="2026-10-32T00:00:00.000000+00:00"), 1, 0),
    "a time without a zone": (change(timestamp="2026-10-05T23:50:00.123456"), 1, 0),
    "a time before the year 1": (change(timestamp="0001-01-01T00:00:00.000000+14:00"), 1, 0),
    "a time that is a number": (change(timestamp=7), 1, 0),
}


@pytest.mark.parametrize(("line", "cut", "foreign"), CASES.values(), ids=CASES)
def test_a_line_that_is_no_record_is_counted_and_costs_no_other(
    line: str, cut: int, foreign: int
) -> None:
    read_back, damage = read(f"{FULL_TEXT}{line}\n{EMPTY_TEXT}")
    assert read_back == [FULL, EMPTY]
    assert (cut, foreign) == (damage.cut_records, damage.foreign_lines)


def test_raw_lines_are_kept_and_a_record_in_the_middle_of_one_is_read() -> None:
    """`faulthandler` writes pieces of lines; another process's record lands between them."""
    records, damage = read(f'{FULL_TEXT}Current:\n\n  File "x{EMPTY_TEXT}", line 3 in f\n')
    assert ([FULL, EMPTY], 0, 2) == (records, damage.cut_records, damage.foreign_lines)
    assert ['Current:\n\n  File "x', '", line 3 in f'] == [one.raw for one in records]


def test_a_stamp_of_another_zone_reads_back_in_utc() -> None:
    line = change(timestamp="2026-10-06T01:50:00.123456+02:00")
    ((back,), _) = read(f"{line}\n")
    assert back == FULL
    assert back.time.isoformat()[-6:] == "+00:00"
