"""Writing to a rank's file, and going on when it is taken away."""

import errno
import os
import re
import resource
import shutil
import subprocess
import sys

import pytest
from rank_files import line, messages, names, with_helpers

from logging_helpers.outputs import cut_marks
from logging_helpers.outputs.open_log import lock_exclusive
from ranklog.line_format import JsonLayout, TextLayout

STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\+00:00"


def removed(count):
    return rf"{count} lost between {STAMP} and {STAMP}: the file was removed or replaced"


def assert_messages(expected, found):
    """Compare whole messages, each expected one a regular expression."""
    assert len(expected) == len(found), found
    for pattern, message in zip(expected, found, strict=True):
        assert re.fullmatch(pattern, message), (pattern, message)


WRITE_FOUR = """
import sys
from rank_files import line, notice
from logging_helpers.outputs.rank_file import RankFile
from logging_helpers.settings.resolve import Rotation
from ranklog.line_format import TextLayout
file = RankFile(sys.argv[1], 1, TextLayout(), Rotation(max_bytes=1 << 20), notice)
for text in ("short", "two\\nlines", "x" * 100_000, "é"):
    file.write(line(text))
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace counts system calls")
def test_a_record_is_one_write_and_one_lseek(logs, tmp_path, child_environment):
    trace = tmp_path / "trace"
    environ = with_helpers(child_environment)
    command = ["strace", "-y", "-o", str(trace), sys.executable, "-c", WRITE_FOUR, str(logs)]
    subprocess.run(command, env=environ, check=True, timeout=60)
    calls = [
        (text.partition("(")[0], int(text.rpartition("= ")[2]))
        for text in trace.read_text().splitlines()
        if f"<{logs}/script_1.log>" in text.partition(",")[0] and "exit" not in text
    ]
    sizes = [len(line(text)) for text in ("short", "two\nlines", "x" * 100_000, "é")]
    ends = [sum(sizes[: number + 1]) for number in range(len(sizes))]
    wanted = [
        call
        for size, end in zip(sizes, ends, strict=True)
        for call in (("write", size), ("lseek", end))
    ]
    at_opening = [("flock", 0), ("fstat", 0)]
    closing = [("fstat", 0), ("close", 0)]
    known = {"newfstatat": "fstat"}
    assert at_opening + wanted + closing == [
        (known.get(name, name), value) for name, value in calls
    ]


def test_writers_of_one_file_append_behind_each_other(make_file, logs):
    files = [make_file(), make_file()]
    for number in range(6):
        files[number % 2].write(line(f"{number}"))
    assert ["0", "1", "2", "3", "4", "5"] == messages(logs)[0]
    assert ["script_1.log"] == names(logs)


@pytest.mark.parametrize("replacement", [None, b"", line("of another program")])
def test_a_file_that_is_removed_or_replaced_is_noticed_within_a_second(
    replacement, make_file, logs, clock, capsys
):
    file = make_file()
    path = logs / "script_1.log"
    file.write(line("gone"))
    path.unlink()
    if replacement is not None:
        path.write_bytes(replacement)
    clock.advance(0.99)
    file.write(line("gone too"))
    clock.advance(0.01)
    file.write(line("noticed"))  # and written again; counted are all others since the last look
    file.write(line("kept"))
    of_others = ["of another program"] if replacement else []
    expected = [*of_others, removed("2 records were"), "noticed", "kept"]
    assert_messages(expected, messages(logs)[0])
    said = capsys.readouterr().err
    assert (
        f"ranklog: {path} can be written to again;"
        " 2 records were lost: the file was removed or replaced\n" == said
    )


def test_who_logs_less_than_once_a_second_loses_nothing(make_file, logs, clock, capsys):
    """Records of an earlier look are not counted: somebody may have copied the file."""
    file = make_file()
    file.write(line("kept by whoever copied the file"))
    clock.advance(1)
    file.write(line("a look"))
    (logs / "script_1.log").unlink()
    clock.advance(1)
    file.write(line("the first after it"))
    assert ["the first after it"] == messages(logs)[0]
    assert "" == capsys.readouterr().err


def test_a_file_moved_away_is_left_whole_and_nothing_is_called_lost(make_file, logs, clock, capsys):
    file = make_file()
    file.write(line("a"))
    (logs / "script_1.log").rename(logs / "script_1.log.old")
    file.write(line("b"))
    clock.advance(1)
    file.write(line("c"))
    file.write(line("d"))
    contents = {path.name: path.read_bytes() for path in logs.iterdir()}
    assert {
        "script_1.log": line("d"),
        "script_1.log.old": line("a") + line("b") + line("c"),
    } == contents
    assert "" == capsys.readouterr().err


def test_a_directory_that_is_removed_is_made_again(make_file, logs, clock):
    file = make_file()
    shutil.rmtree(logs.parent)
    file.write(line("lost"))
    clock.advance(1)
    file.write(line("noticed"))
    file.write(line("kept"))
    assert_messages([removed("1 record was"), "noticed", "kept"], messages(logs)[0])


def test_while_the_directory_cannot_be_made_again_records_are_counted(
    make_file, logs, clock, capsys
):
    file = make_file()
    file.write(line("lost"))
    shutil.rmtree(logs.parent)
    logs.parent.write_text("a file in the way")
    for number in range(5):
        clock.advance(1)
        file.write(line(f"{number}"))
    logs.parent.unlink()
    file.write(line("kept"))
    assert_messages([removed("6 records were"), "kept"], messages(logs)[0])
    path = logs / "script_1.log"
    assert [
        f"ranklog: cannot write to {path}: Not a directory; records are lost to the file"
        " until this is over, the console goes on",
        f"ranklog: {path} can be written to again;"
        " 6 records were lost: the file was removed or replaced",
    ] == capsys.readouterr().err.splitlines()


def test_a_removed_file_is_noticed_by_the_rotation_as_well(make_file, logs, clock):
    file = make_file(max_bytes=100)
    (logs / "script_1.log").unlink()
    file.write(line("x" * 100))
    file.write(line("kept"))
    assert ["x" * 100, "kept"] == messages(logs)[0]


def test_a_descriptor_that_others_closed_costs_no_record(make_file, logs, capsys):
    file = make_file()
    file.write(line("a"))
    os.close(file._descriptor)
    file.write(line("b"))
    assert ["a", "b"] == messages(logs)[0]
    assert "" == capsys.readouterr().err


def test_a_descriptor_that_others_closed_and_have_now_is_left_to_them(
    make_file, logs, clock, tmp_path
):
    file = make_file()
    file.write(line("before"))
    number = file._descriptor
    os.close(number)
    theirs = os.open(tmp_path / "checkpoint", os.O_RDWR | os.O_CREAT)
    assert number == theirs  # the number is used again
    file.write(line("into the file of others"))
    clock.advance(1)
    file.write(line("into both"))
    file.write(line("into ours again"))
    os.write(theirs, b"weights")
    del file
    os.fstat(theirs)  # still open
    os.close(theirs)
    astray = line("into the file of others") + line("into both")
    assert astray + b"weights" == (tmp_path / "checkpoint").read_bytes()
    # When the number became somebody else's, nobody can know.
    told = (
        rf"up to 2 records were lost between {STAMP} and {STAMP}: the program closed the"
        " file's descriptor, and used its number for another file"
    )
    assert_messages(["before", told, "into both", "into ours again"], messages(logs)[0])


@pytest.fixture
def limited_size():
    """Let no file of this process grow beyond a size: a real short write, then EFBIG."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("layout", [TextLayout(), JsonLayout()], ids=["text", "json"])
@pytest.mark.parametrize("room", [1, 10, 11, 40, 80, -1])
@pytest.mark.parametrize("in_place", [True, False])
def test_a_short_write_becomes_a_cut_that_nobody_believes(
    layout, room, in_place, make_file, logs, limited_size, monkeypatch, capsys
):
    if not in_place:  # no descriptor left for it, say
        monkeypatch.setattr(cut_marks.os.path, "sameopenfile", lambda *_: False)
    file = make_file(layout=layout)
    file.write(line("whole", layout))
    torn = line("torn " + "x" * 100, layout)
    limited_size(len(line("whole", layout)) + (room if room > 0 else len(torn) - 2))
    file.write(torn)
    file.write(line("lost", layout))
    limited_size(1 << 30)
    file.write(line("kept", layout))
    found, damage = messages(logs)
    lost = rf"2 records were lost between {STAMP} and {STAMP}: File too large"
    assert_messages(["whole", lost, "kept"], found)
    # Of a single byte, overwritten by a newline, nothing is left.
    expected = 0 if (room, in_place) == (1, True) else 1
    assert expected == damage.cut_records + damage.foreign_lines
    assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.parametrize("layout", [TextLayout(), JsonLayout()], ids=["text", "json"])
@pytest.mark.parametrize("room", [0, 1, 4, 10])
def test_a_restart_without_room_for_the_mark_believes_no_torn_record_and_goes_on(
    layout, room, make_file, logs, limited_size, capsys
):
    """As after a crash on a full disk. A newline alone would make the torn record a whole one."""
    logs.mkdir(parents=True)
    path = logs / f"script_1{layout.suffix}"
    torn = line("torn " + "x" * 100, layout)[:-1]
    if layout.name == "json":
        torn = torn[:-9]
    path.write_bytes(line("whole", layout) + torn)
    limited_size(path.stat().st_size + (room if layout.name == "text" else 0))
    file = make_file(layout=layout)
    file.write(line("lost", layout))
    file.write(line("lost too", layout))
    limited_size(1 << 30)
    file.write(line("kept", layout))
    found, damage = messages(logs)
    lost = rf"2 records were lost between {STAMP} and {STAMP}: File too large"
    if 0 < room and layout.name == "text":
        lost = lost.replace("File too large", "No space left on device")
    assert_messages(["whole", lost, "kept"], found)
    assert 1 == damage.cut_records + damage.foreign_lines
    assert 2 == len(capsys.readouterr().err.splitlines())


def test_a_record_that_another_process_appends_to_a_torn_one_stays_whole(
    make_file, logs, limited_size
):
    ours, others = make_file(), make_file()
    limited_size(60)
    ours.write(line("torn"))
    limited_size(1 << 30)
    others.write(line("of another process"))
    ours.write(line("kept"))
    lost = rf"1 record was lost between {STAMP} and {STAMP}: File too large"
    assert_messages(["of another process", lost, "kept"], messages(logs)[0])


def test_a_short_write_that_the_next_one_completes_loses_nothing(make_file, logs, monkeypatch):
    file = make_file()
    real = os.write
    short = [True]

    def write(descriptor, data):
        return real(descriptor, data[:50] if short and short.pop() else data)

    monkeypatch.setattr(os, "write", write)
    file.write(line("whole"))
    monkeypatch.undo()
    found, damage = messages(logs)
    assert (["whole"], 1) == (found, damage.cut_records)


def failing(number, count):
    """An ``os.write`` that fails `count` times, and then writes."""
    real, left = os.write, [number] * count

    def write(descriptor, data):
        if left:
            code = left.pop()
            raise OSError(code, os.strerror(code))
        return real(descriptor, data)

    return write


@pytest.mark.parametrize("number", [errno.EIO, errno.EDQUOT, errno.ENOSPC, errno.EAGAIN])
def test_an_error_is_said_once_and_told_in_the_file_when_it_is_over(
    number, make_file, logs, monkeypatch, capsys
):
    file = make_file()
    monkeypatch.setattr(os, "write", failing(number, 5))
    for attempt in range(8):
        file.write(line(f"{attempt}"))
    monkeypatch.undo()
    reason = re.escape(os.strerror(number))
    lost = rf"5 records were lost between {STAMP} and {STAMP}: {reason}"
    assert_messages([lost, "5", "6", "7"], messages(logs)[0])
    path = logs / "script_1.log"
    assert [
        f"ranklog: cannot write to {path}: {os.strerror(number)}; records are lost to the file"
        " until this is over, the console goes on",
        f"ranklog: {path} can be written to again; 5 records were lost: {os.strerror(number)}",
    ] == capsys.readouterr().err.splitlines()


def test_a_file_that_is_kept_after_all_can_be_opened_again_at_once(make_file, logs):
    """By `init_logging`, while a thread still holds the one that was replaced."""
    first = make_file()
    first.write(line("a"))
    assert not first.remove_if_size(1)
    second = make_file()
    second.write(line("b"))
    assert not second.remove_if_size(1)  # the first has it open
    first.write(line("c"))
    assert messages(logs)[0] == ["a", "b", "c"]
    # Both still keep others from taking it for one that nobody writes to.
    second.close()
    descriptor = os.open(first.path, os.O_RDWR)
    assert not lock_exclusive(descriptor)
    os.close(descriptor)
