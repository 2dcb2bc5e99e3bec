"""The text layout, byte by byte."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from strategies import HEADER, banner, decode, record, records

from ranklog.line_format import Damage, Record, TextLayout, encode

STAMP = "2026-10-05 23:50:00.123456+00:00"
TRACEBACK = 'Traceback (most recent call last):\n  File "loop.py", line 214, in run_step'
STEP = record(
    level="ERROR",
    message="step 72 failed\na second line of the message",
    exception=TRACEBACK,
    extra={"epoch": 3, "batch": 72},
)
STEP_TEXT = """\
2026-10-05 23:50:00.123456+00:00 | ERROR    | r0003 | train.loop:run_step:214 - step 72 failed
    | a second line of the message
    ! Traceback (most recent call last):
    !   File "loop.py", line 214, in run_step
    = {"epoch":3,"batch":72}
"""
A = record(message="a", exception="E: a")
B = record(message="b\nb2", exception="E: b", extra={"b": 1})
C = record(message="c")
CRASH = """\
Fatal Python error: Segmentation fault

Current thread 0x00007f0000000740 (most recent call first):
  File "loop.py", line 3 in step
    ~ not a guard of ours
"""


def text(one: Record, *, is_child: bool = False) -> str:
    return encode(one, TextLayout(), is_child=is_child).decode()


def read(content: str) -> tuple[list[Record], Damage]:
    return decode(TextLayout(), content.encode())


def test_a_record_is_laid_out_as_the_design_shows() -> None:
    assert text(STEP) == STEP_TEXT
    assert ([STEP], Damage()) == read(STEP_TEXT)


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "INFO     | r0003 | train.loop:run_step:214 - step 72"),
        ({"level": "CRITICAL"}, "CRITICAL | r0003 | train.loop:run_step:214 - step 72"),
        ({"level": "Level 25"}, "Level 25 | r0003 | train.loop:run_step:214 - step 72"),
        ({"level": "Level 7"}, "Level 7  | r0003 | train.loop:run_step:214 - step 72"),
        ({"level": "Level 1000"}, "Level 1000 | r0003 | train.loop:run_step:214 - step 72"),
        ({"level": "Level x"}, r"Level\x20x | r0003 | train.loop:run_step:214 - step 72"),
        ({"level": "Level \u0663"}, "Level\\x20\u0663 | r0003 | train.loop:run_step:214 - step 72"),
        ({"level": "A LOUD|ONE"}, r"A\x20LOUD\x7cONE | r0003 | train.loop:run_step:214 - step 72"),
        ({"level": ""}, "         | r0003 | train.loop:run_step:214 - step 72"),
        ({"rank": None}, "INFO     | r---- | train.loop:run_step:214 - step 72"),
        ({"rank": 0}, "INFO     | r0000 | train.loop:run_step:214 - step 72"),
        ({"rank": 12345}, "INFO     | r12345 | train.loop:run_step:214 - step 72"),
        ({"logger": "__main__", "line": 0}, "INFO     | r0003 | __main__:run_step:0 - step 72"),
        ({"logger": "", "function": ""}, "INFO     | r0003 | ::214 - step 72"),
        ({"function": "<module>"}, "INFO     | r0003 | train.loop:<module>:214 - step 72"),
        (
            {"logger": "a b:c|d\\e\nf\x85g\ud800"},
            r"INFO     | r0003 | a\x20b\x3ac\x7cd\x5ce\x0af\x85g\ud800:run_step:214 - step 72",
        ),
        ({"message": ""}, "INFO     | r0003 | train.loop:run_step:214 - "),
        ({"message": "a - b | c"}, "INFO     | r0003 | train.loop:run_step:214 - a - b | c"),
        ({"message": "  | in"}, "INFO     | r0003 | train.loop:run_step:214 -   | in"),
        (
            {"message": "日本 \u2028 🎉"},
            "INFO     | r0003 | train.loop:run_step:214 - 日本 \u2028 🎉",
        ),
    ],
)
def test_a_header_has_a_fixed_form(fields: dict[str, object], line: str) -> None:
    one = record(**fields)
    assert f"{STAMP} | {line}\n" == text(one)
    assert ([one], Damage()) == read(text(one))


@pytest.mark.parametrize(
    ("rank", "field"), [(3, "r0003/41233"), (None, "r----/41233"), (12345, "r12345/41233")]
)
def test_only_a_child_writes_its_pid(rank: int | None, field: str) -> None:
    one = record(rank=rank, pid=41233)
    child = text(one, is_child=True)
    assert f"{STAMP} | INFO     | {field} | train.loop:run_step:214 - step 72\n" == child
    assert ([one], Damage()) == read(child)
    assert f"{STAMP} | INFO     | {field[:-6]} | train.loop:run_step:214 - step 72\n" == text(one)


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        ({"message": "a\nb"}, "a\n    | b\n"),
        ({"message": "a\n"}, "a\n    | \n"),
        ({"message": "\n\nb"}, "\n    | \n    | b\n"),
        ({"message": "a\r\n\tb\x1b[0m\x00"}, "a\\x0d\n    | \tb\\x1b[0m\\x00\n"),
        ({"message": "a\x85\x9b\x7f\ud800"}, "a\\x85\\x9b\\x7f\\ud800\n"),
        ({"message": f"a\n{HEADER}"}, f"a\n    | {HEADER}\n"),
        ({"message": "a\n    ~ cut\nb"}, "a\n    |     ~ cut\n    | b\n"),
        ({"exception": ""}, "step 72\n    ! \n"),
        ({"exception": "E: x\n\n  y"}, "step 72\n    ! E: x\n    ! \n    !   y\n"),
        ({"exception": f"E\n{HEADER}\x1b"}, f"step 72\n    ! E\n    ! {HEADER}\\x1b\n"),
        ({"extra": {"a": "b\n\x1b\x9b日"}}, 'step 72\n    = {"a":"b\\n\\u001b\\u009b日"}\n'),
        ({"extra": {"a": "\ud800"}}, 'step 72\n    = {"a":"\\ud800"}\n'),
    ],
)
def test_further_lines_begin_with_a_guard(fields: dict[str, object], lines: str) -> None:
    expected = f"{STAMP} | INFO     | r0003 | train.loop:run_step:214 - {lines}"
    assert expected == text(record(**fields))


@given(one=records(json_exact=False))
@settings(max_examples=80)
def test_every_line_is_a_header_or_begins_with_a_guard(one: Record) -> None:
    header, *others = text(one, is_child=True).removesuffix("\n").split("\n")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00", header[:32], re.ASCII)
    site, _, _ = header[32:].partition(":")
    assert list(header[32:35]) == [" ", "|", " "]
    assert site
    assert {"    | ", "    ! ", "    = "} >= {line[:6] for line in others}


@given(one=records(json_exact=False))
@settings(max_examples=80)
def test_any_name_reads_back_exactly(one: Record) -> None:
    ((back,), damage) = read(text(one))
    assert (one.logger, one.function, one.level) == (back.logger, back.function, back.level)
    assert Damage() == damage


FORGED = f"\n{HEADER}\n{text(banner(7))}    ~ cut\n    = {{}}\n{HEADER}"


@pytest.mark.parametrize("field", ["message", "exception", "logger", "function", "level", "extra"])
def test_no_field_forges_a_record(field: str) -> None:
    one = record(**{field: {FORGED: [FORGED]} if field == "extra" else FORGED})
    assert ([one], Damage()) == read(text(one))


CUT = "\n    ~ cut\n"
B_HEADER, B_REST = text(B).split("\n", 1)
CASES = {
    # What is there beside A before it and C after it; cut records; foreign lines, which stacks
    # are not.
    "cut in its stamp": ("2026-10-05 23:5" + CUT, 1, 0),
    "cut in its first byte": ("2" + CUT, 1, 0),
    "cut in its level": (B_HEADER[:40] + CUT, 1, 0),
    "cut in its message": (B_HEADER + CUT, 1, 0),
    "cut in the first blank of a guard": (B_HEADER + "\n " + CUT, 1, 0),
    "cut in a guard": (B_HEADER + "\n    |" + CUT, 1, 0),
    "cut after a guard": (B_HEADER + "\n    | " + CUT, 1, 0),
    "cut in the second line": (B_HEADER + "\n    | b" + CUT, 1, 0),
    "cut in the exception's guard": (B_HEADER + "\n    | b2\n    !" + CUT, 1, 0),
    "cut in the exception": (B_HEADER + "\n    | b2\n    ! E" + CUT, 1, 0),
    "cut in the extra fields": (text(B).removesuffix("}\n") + CUT, 1, 0),
    "cut before its last newline": (text(B).removesuffix("\n") + CUT, 1, 0),
    "cut at a line's end, as only its writer knows": (B_HEADER + "\n" + CUT, 1, 0),
    "marked twice by two openers": (B_HEADER + CUT + CUT, 1, 0),
    "the mark cut as well": (B_HEADER + "\n    ~ c" + CUT, 1, 0),
    "the mark of a torn header cut as well": (B_HEADER[:20] + "\n    ~ c" + CUT, 1, 1),
    "two cut in a row": (B_HEADER + CUT + B_HEADER[:50] + CUT, 2, 0),
    "raw lines of a crash": (CRASH, 0, 1),
    "raw lines of a crash, cut": (CRASH + "  Fi" + CUT, 1, 1),
    "one raw line, cut": ("  File" + CUT, 1, 0),
    "a raw line before a cut that is none": ("raw\n" + CUT, 0, 1),
    "further lines below garbage": ("garbage\n" + B_REST, 0, 4),
    "a header in a name in a finished raw line": (f'  File "{HEADER}", line 3 in f\n', 0, 0),
    "a header in a line of no record": (f"raw\n    | {HEADER}\n    ! {HEADER}\n", 0, 3),
    "a header glued to a torn guard": (B_HEADER + "\n    |", 1, 0),
    "zeros": ("\0" * 9 + CUT, 1, 0),
    "zeros glued to a header": ("\0" * 9 + text(B), 0, 4),
    "zeros in a header": (text(B).replace("run_step", "\0"), 1, 0),
    "zeros in a message": (text(B).replace("b2", "\0"), 1, 0),
    "zeros in an exception": (text(B).replace("E: b", "\0"), 1, 0),
    "extra fields that are no JSON": (text(B).replace('{"b":1}', '{"b":'), 1, 0),
    "extra fields that are no object": (text(B).replace('{"b":1}', '["b"]'), 1, 0),
    "extra fields too deep": (text(B).replace('{"b":1}', "[" * 100_000), 1, 0),
    "a day 32": (text(B).replace("10-05", "10-32"), 1, 0),
    "a line number too long": (text(B).replace("214", "9" * 5000), 0, 4),
    "a stamp of another zone": (text(B).replace("+00:00", "+01:00"), 0, 4),
    "digits that are not ASCII": (text(B).replace("214", "21\u0664"), 0, 4),
    "an empty line": ("\n", 0, 0),
}


@pytest.mark.parametrize(("content", "cut", "foreign"), CASES.values(), ids=CASES)
def test_what_was_cut_or_is_foreign_is_counted_and_costs_no_other_record(
    content: str, cut: int, foreign: int
) -> None:
    records, damage = read(text(A) + content + text(C))
    assert ([A, C], cut, foreign) == (records, damage.cut_records, damage.foreign_lines)


@pytest.mark.parametrize(
    ("content", "cut", "foreign"),
    [("", 0, 0), (B_HEADER + CUT, 1, 0), ("2026" + CUT, 1, 0), (B_REST, 0, 3), (CUT, 0, 0)],
)
def test_a_file_may_begin_with_damage(content: str, cut: int, foreign: int) -> None:
    records, damage = read(content + text(C))
    assert ([C], cut, foreign) == (records, damage.cut_records, damage.foreign_lines)


def test_stacks_of_a_thread_that_was_collecting_garbage_are_no_damage() -> None:
    stacks = "Thread 0x00007f13540aeb80 (most recent call first):\n  Garbage-collecting\n  <no Python frame>\n"
    records, damage = read(text(A) + stacks)
    assert ([A], stacks.rstrip("\n"), Damage()) == (records, records[0].raw, damage)


def test_a_file_may_end_with_damage() -> None:
    records, damage = read(text(A) + CRASH)
    assert (records, damage.cut_records, damage.foreign_lines) == ([A], 0, 1)
    assert CRASH.rstrip("\n") == records[0].raw


def test_raw_lines_are_kept_beside_the_record_above_them() -> None:
    records, _ = read("lost\n" + text(A) + CRASH + CRASH + text(B) + text(C) + "raw\n" + CUT)
    raw = [(CRASH + CRASH).rstrip("\n"), None, "raw"]
    assert ([A, B, C], raw) == (records, [one.raw for one in records])


@pytest.mark.parametrize(
    ("torn", "foreign"),
    [("Current thr", 4), ('  File "loop.py", line', 3), (" ", 4), ("2026-10-05 23:5", 4)],
)
def test_a_record_that_landed_in_the_middle_of_a_raw_line_is_read(torn: str, foreign: int) -> None:
    """Of another process or thread, while `faulthandler` wrote: pieces, no whole lines."""
    content = text(A) + CRASH + torn + text(B, is_child=True) + ", line 3 in f\n" + CRASH + text(C)
    records, damage = read(content)
    assert ([A, replace(B, pid=None), C], 0, foreign) == (records, *counts(damage))
    assert [CRASH + torn, ", line 3 in f\n" + CRASH.rstrip("\n"), None] == [r.raw for r in records]


@pytest.mark.parametrize(
    ("before", "rest"),
    [(", line 3 in ", "step\n"), (", line 3 in step", "\n"), (", line 3", " in step\n")],
)
def test_a_record_that_landed_in_a_frame_that_looks_finished_is_read(
    before: str, rest: str
) -> None:
    """The rest of the frame stands below it, and below what else landed there."""
    frame = '  File "loop.py"'
    content = text(A) + CRASH + frame + before + text(B, is_child=True) + text(A) + rest
    records, _ = read(content + frame + ", line 4 in main\n\n" + text(C))
    assert [A, replace(B, pid=None), A, C] == records


@pytest.mark.parametrize("below", ["", '  File "loop.py", line 4 in main\n', text(C)])
def test_a_function_named_like_a_header_is_no_record(below: str) -> None:
    frame = f'  File "loop.py", line 3 in {HEADER}\n'
    records, _ = read(text(A) + CRASH + frame + below)
    assert [A, *([C] if below == text(C) else [])] == records
    assert records[0].raw is not None
    assert HEADER in records[0].raw


def counts(damage: Damage) -> tuple[int, int]:
    return damage.cut_records, damage.foreign_lines


def test_the_raw_text_of_a_record_is_bounded() -> None:
    (one,), damage = read(text(A) + "x\n" * 30_000)
    assert one.raw is not None
    assert (20_000, 30_000) == (len(one.raw.split("\n")), damage.foreign_lines)


def test_damage_names_the_first_five_examples_cut_to_200_characters() -> None:
    content = text(B)[:99] + CUT + "".join(f"{'x' * 300}{n}\n" for n in range(9))
    _, damage = read(content)
    header = text(B).split("\n")[0]
    assert (
        Damage(cut_records=1, foreign_lines=9, examples=[header[:99], *4 * ["x" * 200]]) == damage
    )
    assert (bool(damage), bool(Damage())) == (True, False)
