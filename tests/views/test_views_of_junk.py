"""Whatever is in the files, no view ends in a traceback, and what it prints can be read."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import banner, end, records
from views.runs import ask, write

from ranklog.line_format import JsonLayout, TextLayout, encode
from ranklog.views import VIEWS

COMMANDS = [view.command for view in VIEWS if view.command != "follow"]
STACKS = b'Fatal Python error: Aborted\n\nThread 0x1f (most recent call first):\n  File "a", line 1 in f\n'
OWN = st.sampled_from(
    (banner(7), banner(8, extra={"world_size": "many", "host": 5}), end(), end(extra={"exit": [1]}))
)
LINES = st.binary(max_size=40) | st.sampled_from(
    (STACKS, b"\0" * 50, b"{", b'{"timestamp":"', b"\n")
)


def contents(layout):
    written = (records() | OWN).map(lambda one: encode(one, layout))
    return st.lists(written | LINES | written.map(lambda data: data[:-9]), max_size=6)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(contents(TextLayout()), contents(JsonLayout()))
def test_no_view_ends_in_a_traceback(tmp_path_factory, text, json_lines):
    path = tmp_path_factory.mktemp("run")
    write(path, {0: text, 1: text[:1]})
    write(path, {1: json_lines, 2: json_lines[1:]}, ".jsonl")
    for command in COMMANDS:
        for form in ((), ("--json",), ("--raw",)):
            answer = ask(command, path, *form)
            assert answer.code in (0, 1), answer.err
            assert all(line.startswith("ranklog: ") for line in answer.err.splitlines())
            if form == ("--json",):
                assert all(json.loads(line) for line in answer.text.split("\n")[:-1])
