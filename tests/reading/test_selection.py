"""What a person may say of the records that are wanted."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from strategies import record

from ranklog.line_format import LAYOUTS, Origin, encode
from ranklog.line_format.rank_sets import RankSet
from ranklog.selection import EVERYTHING, Filter, Selection, level_number, make_selection

UTC = timezone.utc
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, EVERYTHING),
        (dict.fromkeys(("rank", "level", "logger", "since", "until", "grep")), EVERYTHING),
        ({"rank": "0,3-5,-1"}, Selection(ranks=RankSet(((0, 0), (3, 5), (-1, -1))))),
        ({"rank": 2}, Selection(ranks=RankSet(((2, 2),)))),
        ({"rank": -1}, Selection(ranks=RankSet(((-1, -1),)))),
        ({"rank": [0, -1]}, Selection(ranks=RankSet(((0, 0), (-1, -1))))),
        ({"rank": range(2)}, Selection(ranks=RankSet(((0, 0), (1, 1))))),
        ({"rank": "all"}, EVERYTHING),
        ({"level": "warning"}, Selection(level=30)),
        ({"level": " WARN "}, Selection(level=30)),
        ({"level": "Success"}, Selection(level=25)),
        ({"level": 33}, Selection(level=33)),
        ({"level": "33"}, Selection(level=33)),
        ({"level": 0}, EVERYTHING),
        ({"logger": "a.b"}, Selection(logger="a.b")),
        ({"since": "10m"}, Selection(since=timedelta(minutes=10))),
        ({"until": " 1.5 h "}, Selection(until=timedelta(hours=1.5))),
        ({"since": "250ms"}, Selection(since=timedelta(milliseconds=250))),
        ({"since": "2d", "until": "3s"}, Selection(since=timedelta(2), until=timedelta(0, 3))),
        ({"since": timedelta(1)}, Selection(since=timedelta(1))),
        ({"since": "2026-10-05 12:00"}, Selection(since=NOON)),
        ({"since": "2026-10-05T12:00:00Z"}, Selection(since=NOON)),
        ({"since": "2026-10-05 14:00:00+02:00"}, Selection(since=NOON)),
        ({"until": datetime(2026, 10, 5, 12)}, Selection(until=NOON)),
        ({"until": NOON.astimezone(timezone(timedelta(hours=2)))}, Selection(until=NOON)),
        ({"grep": "a|b"}, Selection(grep=re.compile("a|b"))),
        ({"grep": re.compile("a", re.I)}, Selection(grep=re.compile("a", re.I))),
        ({"attempt": 2}, Selection(attempt=2)),
        ({"attempt": " LAST "}, Selection(attempt="last")),
        ({"attempt": "3"}, Selection(attempt=3)),
    ],
)
def test_filters_are_what_was_said(filters: Any, expected: Selection) -> None:
    assert expected == make_selection(filters)


def test_a_view_says_which_attempt_it_is_about_unless_told_otherwise() -> None:
    found = [make_selection(one, attempt="last").attempt for one in ({}, {"attempt": "all"})]
    assert ["last", "all"] == found


LONG = "9" * 5_000


@pytest.mark.parametrize(
    ("filters", "kind", "message"),
    [
        ({"ranks": 1}, TypeError, "'ranks' is no filter; accepted are rank, level, logger, since,"),
        ({"rank": "x"}, ValueError, "rank='x' is malformed at 'x'; accepted are "),
        ({"rank": "3-1"}, ValueError, "rank='3-1' has a range that runs backwards; accepted"),
        ({"rank": []}, ValueError, "rank='' is malformed at ''; accepted are "),
        ({"rank": 1.5}, TypeError, "rank=1.5 is not a set of ranks; accepted are "),
        ({"rank": True}, TypeError, "rank=True is not a set of ranks; accepted are "),
        ({"rank": LONG}, ValueError, f"rank='{LONG}' is malformed at '{LONG}'; accepted are "),
        ({"level": "LOUD"}, ValueError, "level='LOUD' is no level; accepted are TRACE, DEBUG, "),
        ({"level": -1}, ValueError, "level=-1 is no level; accepted are TRACE, "),
        ({"level": True}, ValueError, "level=True is no level; accepted are TRACE, "),
        ({"level": "²"}, ValueError, "level='²' is no level; accepted are TRACE, "),
        ({"level": LONG}, ValueError, f"level='{LONG}' is no level; accepted are TRACE, "),
        ({"logger": 3}, TypeError, "logger=3 is no name of a logger; accepted is text"),
        ({"since": "soon"}, ValueError, "since='soon' is no time; accepted are times such as "),
        ({"until": "10 w"}, ValueError, "until='10 w' is no time; accepted are times such as "),
        ({"since": f"{LONG}d"}, ValueError, f"since='{LONG}d' is no time; accepted are times "),
        ({"since": 5}, TypeError, "since=5 is no time; accepted are times such as "),
        (
            {"since": "0001-01-01 00:00+14:00"},
            ValueError,
            "since='0001-01-01 00:00+14:00' is no time; accepted are times such as ",
        ),
        ({"grep": "("}, ValueError, "grep='(' is no regular expression: missing ), unterminated"),
        ({"grep": b"a"}, TypeError, "grep=b'a' is no pattern of text"),
        ({"grep": re.compile(b"a")}, TypeError, "grep=re.compile(b'a') is no pattern of text"),
        ({"attempt": 0}, ValueError, "attempt=0 is none; accepted are 'last', 'all' and 1, 2, 3"),
        ({"attempt": "first"}, ValueError, "attempt='first' is none; accepted are 'last', "),
        ({"attempt": True}, ValueError, "attempt=True is none; accepted are 'last', "),
        ({"attempt": LONG}, ValueError, f"attempt='{LONG}' is none; accepted are 'last', "),
    ],
)
def test_what_is_malformed_is_named_with_its_value_and_what_is_accepted(
    filters: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as caught:
        make_selection(filters)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("layout", [layout() for layout in LAYOUTS.values()])
@pytest.mark.parametrize(
    ("fields", "number"),
    [
        ({"level": "INFO"}, 20),
        ({"level": "Level 33"}, 33),
        ({"level": "INFO", "extra": {"levelno": 50}}, 20),
        ({"level": "LOUD", "extra": {"levelno": 33}}, 33),
        ({"level": "LOUD", "extra": {"a": "{", "levelno": 33, "b": 1}}, 33),
        ({"level": "LOUD"}, 0),
        ({"level": "LOUD", "message": '{"levelno":50}'}, 0),
        ({"level": "LOUD", "message": '\n    = {"levelno":50}', "extra": {"levelno": 33}}, 33),
        ({"level": "LOUD", "exception": '"extra":{"levelno":50}', "extra": {"levelno": 33}}, 33),
        ({"level": "Level ²"}, 0),
        ({"level": f"Level {LONG}"}, 0),
    ],
)
def test_a_level_has_its_number_and_one_of_the_programs_own_says_it(
    layout: Any, fields: dict[str, Any], number: int
) -> None:
    one = record(**fields)
    assert number == level_number(one.level, encode(one, layout))


@pytest.mark.parametrize(
    ("filters", "keeps"),
    [
        ({}, [True, True, True, True]),
        ({"rank": "0"}, [True, False, True, False]),
        ({"rank": "-1"}, [False, False, False, True]),
        ({"level": "INFO"}, [True, False, False, True]),
        ({"logger": "a"}, [True, True, False, True]),
        ({"logger": "a.b"}, [False, True, False, False]),
    ],
)
def test_an_origin_decides_by_rank_level_and_logger(filters: Any, keeps: list[bool]) -> None:
    origins = [
        Origin("INFO", 0, None, "a", "f", 1),
        Origin("DEBUG", 1, None, "a.b", "f", 1),
        Origin("TRACE", None, None, "ab", "f", 1),
        Origin("ERROR", 7, None, "a", "f", 1),
    ]
    chosen = Filter(make_selection(filters), 8)
    assert keeps == [chosen.keeps(origin, b"") for origin in origins]
    assert bool(filters) is chosen.looks_at_origins
