"""What the console shows, and what it survives."""

import io
import logging
import os
import pty
import re
import subprocess
import sys
import time
from datetime import datetime

import pytest
from loguru import logger as loguru_logger

from logging_helpers import init_logging, log_master
from logging_helpers.outputs.console import Console, wants_colour

CLOCK = "12:34:56.789"


def at_a_fixed_time(text):
    return re.sub(r"^\[\d\d:\d\d:\d\d\.\d{3}\]", "[12:34:56.789]", text, flags=re.MULTILINE)


def printed(message, *, level="INFO", number=20, label="", exception=None, stream=None):
    stream = stream or io.StringIO()
    write(Console(stream, label), message, level=level, number=number, exception=exception)
    return stream.getvalue()


def write(console, message, *, level="INFO", number=20, exception=None):
    labels = console.labels(level, number)
    console.write(CLOCK, labels, message, message.isprintable(), exception)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("label", "level", "message", "line"),
    [
        ("", "INFO", "This is a message", "[12:34:56.789] INFO     This is a message\n"),
        ("[0] ", "INFO", "Worker ready", "[12:34:56.789] [0] INFO     Worker ready\n"),
        ("[17] ", "CRITICAL", "x", "[12:34:56.789] [17] CRITICAL x\n"),
        ("", "Level 35", "x", "[12:34:56.789] Level 35 x\n"),
        ("", "DEBUG", "", "[12:34:56.789] DEBUG    \n"),
    ],
)
def test_a_line_is_the_guides(label, level, message, line):
    assert line == printed(message, level=level, label=label)


def test_an_exception_follows_its_message():
    expected = "[12:34:56.789] ERROR    failed\nTraceback:\n  x\n"
    assert expected == printed("failed", level="ERROR", number=40, exception="Traceback:\n  x")


@pytest.mark.parametrize(
    ("environ", "show_rank", "line"),
    [
        ({"RANK": "3", "WORLD_SIZE": "8"}, True, "[12:34:56.789] [3] INFO     hello\n"),
        ({"RANK": "3", "WORLD_SIZE": "8"}, False, "[12:34:56.789] INFO     hello\n"),
        ({"RANK": "0", "WORLD_SIZE": "8"}, True, "[12:34:56.789] [0] INFO     hello\n"),
        ({"SKYPILOT_NODE_RANK": "1"}, True, "[12:34:56.789] [1] INFO     hello\n"),
        ({}, True, "[12:34:56.789] INFO     hello\n"),
    ],
)
def test_the_rank_is_shown_only_when_wanted_and_known(
    environ, show_rank, line, monkeypatch, capsys
):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    init_logging(show_rank=show_rank)
    logging.getLogger("guide").info("hello")
    loguru_logger.info("hello")
    out, err = capsys.readouterr()
    assert ("", line * 2) == (out, at_a_fixed_time(err))


def test_the_time_is_local_and_the_file_has_utc(run_dir, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setenv("TZ", "JST-9")
    time.tzset()
    try:
        init_logging(run_dir=run_dir, stream=stream)
        log_master("noon")
    finally:
        monkeypatch.undo()
        time.tzset()
    in_file = (run_dir / "logs/script.log").read_text().splitlines()
    utc = datetime.fromisoformat(in_file[2].split(" | ")[0])
    local = f"{(utc.hour + 9) % 24:02d}:{utc:%M:%S}.{utc.microsecond // 1000:03d}"
    assert f"[{local}] INFO     noon\n" == stream.getvalue()


@pytest.mark.parametrize(
    ("is_terminal", "environ", "expected"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"TERM": "dumb"}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"FORCE_COLOR": ""}, False),
        (True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
)
def test_colours_are_for_terminals_and_for_who_asks(is_terminal, environ, expected):
    assert expected == wants_colour(Terminal() if is_terminal else io.StringIO(), environ)


def test_a_stream_that_cannot_tell_gets_no_colour():
    closed = Terminal()
    closed.close()
    closed.isatty = None
    assert (False, False) == (wants_colour(closed, {}), wants_colour(object(), {}))


@pytest.mark.parametrize(
    ("number", "colour"),
    [(10, "36"), (20, "32"), (25, "32"), (30, "33"), (40, "31"), (50, "1;31"), (60, "1;31")],
)
def test_the_level_chooses_the_colour_of_its_own_name_only(number, colour):
    expected = f"[12:34:56.789] [3] \x1b[{colour}mX       \x1b[0m text\n"
    assert expected == printed("text", level="X", number=number, label="[3] ", stream=Terminal())


ON_A_TERMINAL = """
import logging
from logging_helpers import init_logging
init_logging()
logging.getLogger("x").warning("seen")
"""


@pytest.mark.parametrize(
    ("variable", "level"),
    [("UNSET", "\x1b[33mWARNING \x1b[0m"), ("NO_COLOR", "WARNING ")],
)
def test_a_real_terminal_shows_colours_unless_told_not_to(variable, level, child_environment):
    outer, inner = pty.openpty()
    environ = {**child_environment, variable: "1", "TERM": "xterm"}
    command = [sys.executable, "-c", ON_A_TERMINAL]
    subprocess.run(command, stderr=inner, env=environ, check=True, timeout=30)
    os.close(inner)
    shown = os.read(outer, 4096).decode()
    os.close(outer)
    assert f"{level} seen\r\n" == shown.partition("] ")[2]


@pytest.mark.parametrize(
    ("message", "plain", "coloured"),
    [
        ("two\nlines\tand a tab", "two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b[31mred\x1b[0m", "red", "\x1b[31mred\x1b[0m\x1b[0m"),
        ("\x1b[1;38:5:1mleft on", "left on", "\x1b[1;38:5:1mleft on\x1b[0m"),
        ("\x1b[2J\x1b[H", "\\x1b[2J\\x1b[H", "\\x1b[2J\\x1b[H"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07", "\\x1b]0;title\\x07"),
        ("over\rwritten\x08\x7f", "over\\x0dwritten\\x08\\x7f", "over\\x0dwritten\\x08\\x7f"),
        ("\x9b31m\x85\x00", "\\x9b31m\\x85\\x00", "\\x9b31m\\x85\\x00"),
        ("{braces} <red>é日本</red>", "{braces} <red>é日本</red>", "{braces} <red>é日本</red>"),
    ],
)
def test_controls_are_escaped_but_for_newline_tab_and_colours(message, plain, coloured):
    assert f"[12:34:56.789] INFO     {plain}\n" == printed(message)
    start = "[12:34:56.789] \x1b[32mINFO    \x1b[0m "
    assert f"{start}{coloured}\n" == printed(message, stream=Terminal())


def test_an_exceptions_controls_are_escaped_too():
    assert "[12:34:56.789] INFO     x\n\\x1b[2J\n" == printed("x", exception="\x1b[2J")


def test_stderr_is_looked_up_at_each_write(monkeypatch):
    init_logging()
    streams = [io.StringIO(), io.StringIO()]
    for number, stream in enumerate(streams):
        monkeypatch.setattr(sys, "stderr", stream)
        logging.getLogger("x").info("to stream %d", number)
    monkeypatch.undo()
    lines = [f"[12:34:56.789] INFO     to stream {number}\n" for number in (0, 1)]
    assert lines == [at_a_fixed_time(stream.getvalue()) for stream in streams]


class Counting(io.StringIO):
    def __init__(self):
        super().__init__()
        self.calls = []

    def write(self, text):
        self.calls.append(text)

    def flush(self):
        self.calls.append("flush")


def test_a_record_is_one_write_and_one_flush():
    stream = Counting()
    write(Console(stream, ""), "a\nb", exception="c\nd")
    assert ["[12:34:56.789] INFO     a\nb\nc\nd\n", "flush"] == stream.calls


def test_what_the_streams_encoding_cannot_hold_is_escaped():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", errors="strict", newline="\n")
    for message in ("é日本", "\ud800"):
        write(Console(stream, ""), message)
    start = b"[12:34:56.789] INFO     "
    assert start + b"\\xe9\\u65e5\\u672c\n" + start + b"\\ud800\n" == raw.getvalue()
