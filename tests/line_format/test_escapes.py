"""Escapes in names and messages."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from strategies import names, texts, visible

from ranklog.line_format.escapes import (
    escape_c1_json,
    escape_controls,
    escape_name,
    unescape_name,
)

EVERY_CHARACTER = "".join(map(chr, range(sys.maxunicode + 1)))


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("train.loop", "train.loop"),
        ("", ""),
        (" ", r"\x20"),
        ("a:b|c", r"a\x3ab\x7cc"),
        ("\\x20", r"\x5cx20"),
        ("\\ud800", r"\x5cud800"),
        ("\n\t\x00\x7f\x85", r"\x0a\x09\x00\x7f\x85"),
        ("\ud800\udfff", r"\ud800\udfff"),
        ("é\xa0\u3000日", "é\xa0\u3000日"),
    ],
)
def test_a_name_is_escaped_so_that_a_header_parses_in_one_way(name: str, escaped: str) -> None:
    assert escaped == escape_name(name)
    assert name == unescape_name(escaped)


@given(name=names())
def test_any_name_is_unescaped_exactly(name: str) -> None:
    assert name == unescape_name(escape_name(name))


def test_a_name_escapes_blank_separators_backslash_controls_and_surrogates_alone() -> None:
    escaped = {c for c in EVERY_CHARACTER if escape_name(c) != c}
    unsafe = {c for c in EVERY_CHARACTER if unicodedata.category(c) in ("Cc", "Cs")}
    assert unsafe | set(" :|\\") == escaped


def test_a_message_escapes_controls_but_newline_and_tab_alone() -> None:
    escaped = {c for c in EVERY_CHARACTER if escape_controls(c) != c}
    assert {c for c in EVERY_CHARACTER if unicodedata.category(c) == "Cc"} - {"\n", "\t"} == escaped


def test_what_a_message_escapes_is_never_called_printable() -> None:
    # The layout asks `isprintable` first.
    assert [c for c in EVERY_CHARACTER if c.isprintable() and escape_controls(c) != c] == []
    assert not "\n".isprintable()


@given(text=texts())
def test_the_escaped_message_is_what_a_person_sees(text: str) -> None:
    written = escape_controls(text).encode("utf-8", "backslashreplace")
    assert visible(text) == written.decode()


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ('"a"', '"a"'),
        ('"\x7f"', r'"\u007f"'),
        ('"é\x80\x9f\xa0"', '"é\\u0080\\u009f\xa0"'),
    ],
)
def test_json_escapes_del_and_c1_controls(text: str, escaped: str) -> None:
    assert escaped == escape_c1_json(text)
