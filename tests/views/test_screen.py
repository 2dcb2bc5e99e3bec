"""What a person sees, on a terminal and elsewhere, and what a program reads."""

import builtins
import io
import json
import re
from datetime import timedelta

import pytest
from hypothesis import given
from strategies import record, records
from views.runs import TIME, ask, at, error, start, write

from ranklog import shown
from ranklog.line_format import JsonLayout, TextLayout, encode
from ranklog.screen import HUMAN, JSON, Column, Row, Screen, as_json, as_object

STYLED = re.compile(r"\x1b\[[0-9;]*m")
ESCAPE = b"\x1b]0;owned\x07\x1b[2J"


def screen(form=HUMAN, *, is_terminal=False, **environ):
    stream = io.BytesIO()
    return Screen(stream, form, environ, is_terminal=is_terminal), stream


def printed(ask_screen, **options):
    made, stream = screen(**options)
    ask_screen(made)
    return stream.getvalue().decode()


TABLE = (
    [Column("rank", is_number=True), Column("status"), Column("it said")],
    [
        Row(["0", "finished", "a"]),
        Row(["17", "ended", "two\nlines\tand a tab"], "red"),
        Row(["3", "", "\x1b[2J" + "x" * 300]),
    ],
)


def test_a_table_has_columns_as_wide_as_their_cells():
    lines = printed(lambda one: one.table(*TABLE)).split("\n")
    assert ["rank  status    it said", "   0  finished  a", "  17  ended     two…"] == lines[:3]
    assert r"   3            \x1b[2J" + "x" * 176 + "…" == lines[3]
    assert [""] == lines[4:]


def test_a_table_without_rows_has_its_titles():
    assert "rank  status  it said\n" == printed(lambda one: one.table(TABLE[0], []))


@pytest.mark.parametrize("colour", [{}, {"NO_COLOR": "1"}])
def test_on_a_terminal_a_table_keeps_its_first_columns_whole(colour):
    text = printed(lambda one: one.table(*TABLE), is_terminal=True, COLUMNS="40", **colour)
    assert bool(STYLED.search(text)) == (not colour)
    lines = STYLED.sub("", text).split("\n")
    assert ["rank  status    it said", "   0  finished  a", "  17  ended     two…"] == lines[:3]
    assert r"   3            \x1b[2J" + "x" * 16 + "…" == lines[3]
    assert all(len(line) <= 40 for line in lines)


@pytest.mark.parametrize(
    ("is_terminal", "environ", "has_colour"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (False, {"FORCE_COLOR": ""}, False),
    ],
)
def test_colour_is_for_terminals_unless_the_environment_says_otherwise(
    is_terminal, environ, has_colour
):
    text = printed(lambda one: one.line("x", "red"), is_terminal=is_terminal, **environ)
    assert ("\x1b[31mx\x1b[0m\n" if has_colour else "x\n") == text


def test_without_rich_everything_is_plain(monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest):
        if name.partition(".")[0] == "rich":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    text = printed(lambda one: one.table(*TABLE), is_terminal=True, COLUMNS="80")
    assert text.startswith("rank  status    it said\n   0  finished  a\n")
    assert "\x1b" not in text
    assert "x\n" == printed(lambda one: one.line("x", "bold red"), is_terminal=True)


def hostile_run(path):
    """Foreign raw lines, and a message of JSON, that would clear a terminal."""
    write(path, {0: [start(world_size=2), at(1, "fine"), b"foreign " + ESCAPE + b"\n"]})
    return write(path, {1: [error(2, "\x1b[2J\x9b31m", 1, "KeyError: '\x1b[2J'")]}, ".jsonl")


@pytest.mark.parametrize("view", ["merge", "first-error", "silent", "group", "ranks", "timeline"])
@pytest.mark.parametrize("colour", [{}, {"NO_COLOR": "1"}])
def test_no_log_speaks_to_a_terminal(tmp_path, view, colour):
    answer = ask(view, hostile_run(tmp_path), is_terminal=True, **colour)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", STYLED.sub("", answer.text))
    assert "\x1b[2J" not in answer.text
    assert "\x1b" not in answer.err
    if view == "merge":
        assert r"foreign \x1b]0;owned\x07\x1b[2J" in answer.text
        assert r"\x1b[2J\x9b31m" in answer.text


def test_a_pipe_gets_the_lines_as_they_were_and_json_as_text(tmp_path):
    answer = ask("merge", hostile_run(tmp_path))
    assert b"foreign " + ESCAPE + b"\n" in answer.out
    assert encode(error(2, "\x1b[2J\x9b31m", 1, "KeyError: '\x1b[2J'"), TextLayout()) in answer.out


def test_a_record_is_coloured_by_its_level(tmp_path):
    write(tmp_path, {0: [at(0, "fine"), error(1, "bad - | ", 0, "KeyError")]})
    answer = ask("merge", tmp_path, FORCE_COLOR="1")
    assert STYLED.sub("", answer.text).encode() == ask("merge", tmp_path).out
    assert (
        "\x1b[2m2024-10-05 23:50:00.123456+00:00\x1b[0m | \x1b[32mINFO    \x1b[0m | " in answer.text
    )
    assert (
        "\x1b[31mERROR   \x1b[0m | r0000 | train.loop:run_step:214 - bad - | \n\x1b[2m    ! T"
        in answer.text
    )


@given(records())
def test_a_record_as_json_is_one_line_with_every_key_and_exact(written):
    made, stream = screen(JSON)
    made.record(written)
    data = stream.getvalue()
    assert data.count(b"\n") == 1
    assert data.endswith(b"\n")
    found = json.loads(data)
    assert list(found) == [
        "timestamp", "level", "rank", "pid", "logger", "caller", "message", "exception", "extra", "raw",
    ]  # fmt: skip
    for key in ("level", "rank", "pid", "logger", "message", "exception", "raw"):
        assert getattr(written, key) == found[key]
    assert f"{written.function}:{written.line}" == found["caller"]
    assert written.time.isoformat(timespec="microseconds") == found["timestamp"]


def test_lone_surrogates_survive_json():
    for message in (
        "\ud800",
        "a\udcffb",
        "\udc00\ud800",
        "\U0001f600",
        "\\ud800",
        "\x85\u2028\x7f",
    ):
        made, stream = screen(JSON)
        made.record(record(message=message))
        assert message == json.loads(stream.getvalue())["message"]


def test_json_gives_back_what_a_json_file_held(tmp_path):
    written = record(
        message="\ud800 \x00 \x1b\n", exception="T\n\udcff", extra={"\x7f": [1.5, None]}
    )
    write(tmp_path, {0: [written]}, ".jsonl")
    data = ask("merge", tmp_path, "--json").out
    fields = json.loads(data)
    del fields["raw"]
    assert json.loads(encode(written, JsonLayout())) == fields


def test_answers_are_json_all_the_way_down():
    assert {
        "1": [TIME.isoformat(timespec="microseconds"), None],
        "record": as_object(record()),
        "row": {"cells": ["a"], "style": "red"},
    } == as_json({1: (TIME, None), "record": record(), "row": Row(["a"], "red")})


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"), (0.0, "0.000s"), (0.1234, "0.123s"), (59.9, "59.900s"), (60, "1m00s"),
        (119.6, "2m00s"), (125, "2m05s"), (3599.7, "1h00m"), (3725, "1h02m"), (172_799, "47h59m"),
        (172_800, "2d00h"), (360_000, "4d04h"), (-0.25, "-0.250s"), (-125, "-2m05s"),
    ],
)  # fmt: skip
def test_spans_are_shown_as_short_as_they_can_be_read(seconds, text):
    assert text == shown.shown_seconds(seconds)


def test_times_of_a_column_leave_out_the_day_they_share():
    assert ["23:50:00.123", "-", "23:50:01.123"] == shown.shown_times(
        [TIME, None, TIME + timedelta(seconds=1)]
    )
    assert ["2024-10-05 23:50:00.123", "2024-10-06 23:50:00.123"] == shown.shown_times(
        [TIME, TIME + timedelta(days=1)]
    )
    assert ["-"] == shown.shown_times([None])


def test_ranks_are_shown_as_ranges():
    assert ("", "3", "0-3,7,9-10") == tuple(
        map(shown.shown_ranks, ((), (3,), (7, 0, 1, 2, 3, 10, 9, 9)))
    )
    assert ("rank 3", "ranks 1-2") == (shown.named_ranks([3]), shown.named_ranks([1, 2]))


def test_a_text_is_shortened_to_what_fits():
    assert ("abc", "ab…", "abc…") == tuple(
        shown.shortened(*one) for one in (("abc", 3), ("abcd", 3), ("abc\nd", 9))
    )


def test_names_of_levels_and_paths_do_not_speak_to_a_terminal_either(tmp_path):
    path = tmp_path / "\x1b[2J\n"
    write(path, {0: [at(0, level="\x1b[2J", extra={"levelno": 45}), b"x\n"]})
    for view in ("ranks", "group", "timeline"):
        answer = ask(view, path, is_terminal=True)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", STYLED.sub("", answer.text))
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", answer.err)
        assert 1 == answer.err.count("\n")


def test_json_holds_no_number_that_json_has_not_and_any_depth(tmp_path):
    deep = "[" * 400 + "]" * 400
    line = encode(record(extra={"it": 0}), JsonLayout()).decode()
    write(tmp_path, {0: [line.replace('{"it":0}', f'{{"a":NaN,"b":{deep}}}').encode()]}, ".jsonl")
    for view in ("merge", "silent"):
        answer = ask(view, tmp_path, "--json")
        (found,) = (
            json.loads(text, parse_constant=pytest.fail) for text in answer.text.splitlines()
        )
        extra = found.get("extra") or found["last"]["extra"]
        assert "nan" == extra["a"]
        assert ["a", "b"] == list(extra)
