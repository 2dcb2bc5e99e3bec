"""Hypothesis strategies for records, and what files give back of them."""

from __future__ import annotations

import math
import os
import re
import unicodedata
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from ranklog import line_format
from ranklog.line_format import BANNER_FUNCTION, BANNER_LOGGER, Damage, Layout, Record

# A busy machine is no finding. Where a change is judged, the same examples are tried each time;
# elsewhere others, and what they find becomes a test.
settings.register_profile(
    "ranklog",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ranklog")

TIME = datetime(2026, 10, 5, 23, 50, 0, 123456, tzinfo=timezone.utc)
HEADER = "2026-10-05 23:50:00.123456+00:00 | INFO     | r0007 | x:f:1 - forged"

_HOSTILE_MESSAGES = (
    HEADER,
    f"\n{HEADER}",
    f"first\n{HEADER}\n    = {{}}",
    "\n    ~ cut\n",
    "    ~ cut",
    "    | a\n    ! b\n    = {}\n",
    "a\r\nb\rc\vd\fe\x1cf\x85g\u2028h\u2029i",
    "\x1b[31mred\x1b[0m \x9b31m",
    " - ",
    "\n",
    "\n\n ",
    "\\x1b \\ud800 \\",
    "\udcff\ud800",
    '"}\n{"timestamp":"',
)
_HOSTILE_NAMES = (
    "",
    " ",
    "a b",
    "a:b",
    "a|b",
    "a\\x20b",
    "\\",
    "a\nb",
    "a\tb\x85",
    "<module>",
    "Foo.<locals>.<lambda>",
    "x - y",
    "\ud800\udc00",
    "\u3000\xa0\u2028",
    "日本",
    BANNER_LOGGER,
    BANNER_FUNCTION,
)
_HOSTILE_LEVELS = ("Level 25", "Level 0", "Level  5", "Level 25 ", "Level \u0663", "-", "INFO|")

_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")

# Surrogates are left out of Hypothesis's default alphabet.
_any_text = st.text(st.characters(exclude_categories=()), max_size=40)


def _holds_no_pair(text: str) -> bool:
    """Whether JSON can tell `text` from the one whose surrogate pairs are joined."""
    return _PAIR.search(text) is None


def texts() -> st.SearchStrategy[str]:
    """Messages and tracebacks: anything, and what would harm a careless layout."""
    lines = st.lists(st.sampled_from(_HOSTILE_MESSAGES) | _any_text, max_size=4).map("\n".join)
    return (_any_text | st.sampled_from(_HOSTILE_MESSAGES) | lines).filter(_holds_no_pair)


def names(*, json_exact: bool = False) -> st.SearchStrategy[str]:
    """Logger and function names."""
    strategy = st.sampled_from(_HOSTILE_NAMES) | _any_text
    return strategy.filter(_holds_no_pair) if json_exact else strategy


def levels() -> st.SearchStrategy[str]:
    """Level names, usual and hostile."""
    usual = st.sampled_from(("TRACE", "DEBUG", "INFO", "WARNING", "CRITICAL"))
    numbered = st.integers(0, 10_000).map(lambda number: f"Level {number}")
    return usual | numbered | st.sampled_from(_HOSTILE_LEVELS) | names(json_exact=True)


def extras() -> st.SearchStrategy[dict[str, Any]]:
    """Extra fields that JSON can hold, non-finite numbers aside."""
    text = texts()
    leaves = (
        st.none()
        | st.booleans()
        | st.integers(-(10**200), 10**200)
        | st.floats()
        | st.sampled_from((math.nan, math.inf, -math.inf))
        | text
    )
    keys = text | st.sampled_from(("", "rank", "=", "a\nb", "\x7f\x9b", "日本"))
    values = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=6,
    )
    return st.dictionaries(keys, values, max_size=3)


def records(*, json_exact: bool = True) -> st.SearchStrategy[Record]:
    """Whole records."""
    name = names(json_exact=json_exact)
    return st.builds(
        Record,
        time=st.datetimes(timezones=st.just(timezone.utc)),
        level=levels(),
        rank=st.none() | st.integers(0, 200_000),
        pid=st.integers(1, 4_194_304),
        logger=name,
        function=name,
        line=st.integers(0, 100_000),
        message=texts(),
        exception=st.none() | texts(),
        extra=extras(),
    )


def record(**fields: Any) -> Record:
    """A plain record with some fields of its own."""
    plain = Record(TIME, "INFO", 3, None, "train.loop", "run_step", 214, "step 72", None, {})
    return replace(plain, **fields)


def banner(pid: int, /, **fields: Any) -> Record:
    """The record a process starts with."""
    own = {"logger": "ranklog", "function": "start", "line": 0, "message": "started"}
    return record(**(own | {"extra": {"pid": pid}} | fields))


def end(**fields: Any) -> Record:
    """The record of a clean end."""
    return record(
        **({"logger": "ranklog", "function": "end", "line": 0, "message": "end"} | fields)
    )


def as_json_reads(written: Record) -> Record:
    """What a JSON file gives back of a record."""
    return replace(written, extra=_as_read(written.extra))


def as_text_reads(written: Record, *, is_child: bool) -> Record:
    """What a text file without a banner gives back of a record."""
    return replace(
        written,
        pid=written.pid if is_child else None,
        message=visible(written.message),
        exception=None if written.exception is None else visible(written.exception),
        extra=_as_read(written.extra),
    )


def visible(text: str) -> str:
    """Control characters and lone surrogates as the escapes that text files show."""
    return "".join(map(_visible_character, text))


def _visible_character(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cc" and character not in "\n\t":
        return f"\\x{ord(character):02x}"
    return f"\\u{ord(character):04x}" if category == "Cs" else character


def _as_read(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _as_read(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_read(item) for item in value]
    return value


def decode(layout: Layout, data: bytes) -> tuple[list[Record], Damage]:
    """Records and damage of a file's bytes, which end in a newline."""
    assert data == b"" or data.endswith(b"\n")
    damage = Damage()
    return list(line_format.decode(data, layout, damage)), damage
