"""The command `ranklog follow`, on real processes that write, rotate and die."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest
from strategies import TIME, banner, record
from support import TIMEOUT_SECONDS

import ranklog
from ranklog.line_format import TextLayout, encode, live_name

WRITER = """
import logging, sys
from logging_helpers import init_logging
init_logging(run_dir=sys.argv[1], rotation=40_000, console_ranks="0", level="INFO", compression="gz")
log = logging.getLogger("w")
for number in range(int(sys.argv[2])):
    log.info("%s/%d", sys.argv[3], number)
"""
HANGS = """
import sys, time
from logging_helpers import init_logging
import logging
init_logging(run_dir=sys.argv[1])
logging.getLogger("w").info("ready")
time.sleep(60)
"""
RECORDS = 1_500


@contextmanager
def following(run_dir: Path, out: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A follower that prints to `out`; ended by its pid."""
    command = [sys.executable, "-m", "ranklog", "follow", str(run_dir), *arguments]
    with open(out, "wb") as stream, open(f"{out}.err", "wb") as errors:
        process = subprocess.Popen(command, stdout=stream, stderr=errors)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def end(process: subprocess.Popen[bytes], number: int = signal.SIGINT) -> int:
    process.send_signal(number)
    return process.wait(timeout=TIMEOUT_SECONDS)


def wait_for(out: Path, pattern: str) -> str:
    """What is in `out` once it matches."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        text = out.read_text()
        if re.search(pattern, text, re.MULTILINE):
            return text
        time.sleep(0.05)
    raise AssertionError(f"{pattern!r} did not come: {text[-2000:]}")


def start(program: str, *arguments: str, rank: int = 0) -> subprocess.Popen[bytes]:
    environ = os.environ | {"RANK": f"{rank}", "WORLD_SIZE": "4"}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def test_of_live_writers_with_rotation_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with following(tmp_path / "run", out, "--raw") as follower:
        # Two of them share the file of rank 1.
        writers = [
            start(WRITER, str(tmp_path / "run"), f"{RECORDS}", f"writer{n}", rank=min(n, 1))
            for n in range(3)
        ]
        assert [writer.wait(timeout=TIMEOUT_SECONDS) for writer in writers] == [0, 0, 0]
        assert end(follower) == 0
    found = re.findall(r" - (writer\d/\d+)$", out.read_text(), re.MULTILINE)
    expected = sorted(f"writer{n}/{number}" for n in range(3) for number in range(RECORDS))
    assert sorted(found) == expected
    assert Path(f"{out}.err").read_text() == ""
    assert len(list((tmp_path / "run" / "logs").glob("script_1.*"))) > 3


def test_a_rank_that_is_ended_leaves_its_stacks_on_the_screen(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with following(tmp_path / "run", out, "--window", "0.2") as follower:
        rank = start(HANGS, str(tmp_path / "run"))
        try:
            wait_for(out, "w:<module>:6 - ready$")
            rank.terminate()
            assert rank.wait(timeout=TIMEOUT_SECONDS) == -signal.SIGTERM
        finally:
            rank.kill()
            rank.wait()
        text = wait_for(
            out, "^--- below an earlier record, .* - ready$\n(?:.*\n)*.*line 7 in <module>"
        )
        assert end(follower, signal.SIGTERM) == 0
    assert text.count(" - ready") == 2


def test_json_has_what_a_line_cannot_say(tmp_path: Path) -> None:
    run, out = tmp_path / "run", tmp_path / "out"
    run.mkdir()
    path = run / "script.log"
    path.write_bytes(encode(banner(7), TextLayout()) + encode(record(message="a"), TextLayout()))
    with following(run, out, "--json") as follower:
        wait_for(out, '"message":"a"')
        with open(path, "ab") as stream:
            stream.write(b"Current thread 0x00007f0000000740 (most recent call first):\n")
        wait_for(out, '"is_continued":true')
        assert end(follower) == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    keys = ["timestamp", "level", "rank", "pid", "logger", "caller", "message", "exception"]
    assert [*keys, "extra", "raw", "late_seconds", "is_continued"] == list(lines[1])
    stacks = "Current thread 0x00007f0000000740 (most recent call first):"
    assert [("started", 7, None, False), ("a", 7, None, False), ("a", 7, stacks, True)] == [
        (line["message"], line["pid"], line["raw"], line["is_continued"]) for line in lines
    ]


def test_a_library_follows_as_well_and_goes_on_where_it_was_closed(tmp_path: Path) -> None:
    path, position = tmp_path / "script.log", tmp_path / "position"
    some = [encode(record(message=text), TextLayout()) for text in "abc"]
    path.write_bytes(some[0] + some[1])
    for expected in (["a"], ["b"], ["c"]):
        records = ranklog.follow(
            tmp_path, window_seconds=0.01, poll_seconds=0.01, resume=str(position)
        )
        assert expected == [one.record.message for one in islice(records, len(expected))]
        records.close()
        path.write_bytes(b"".join(some))


def test_a_pipe_that_is_closed_ends_it_also_where_nothing_comes(tmp_path: Path) -> None:
    (tmp_path / "script.log").write_bytes(encode(record(message="x"), TextLayout()))
    command = [sys.executable, "-m", "ranklog", "follow", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline()
            process.stdout.close()
            assert process.wait(timeout=TIMEOUT_SECONDS) == 0
            assert process.stderr.read() == b""
        finally:
            process.kill()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no such files here")
def test_what_is_not_there_and_what_cannot_be_read_is_said_at_once(tmp_path: Path) -> None:
    fine, broken, missing = (tmp_path / name for name in ("a.log", "script_1.log", "missing"))
    some = encode(record(message="x"), TextLayout())
    fine.write_bytes(some)
    os.mkfifo(broken)
    with following(missing, tmp_path / "out", str(fine), str(broken)) as follower:
        wait_for(tmp_path / "out.err", "missing: nothing(.|\n)*seek|seek(.|\n)*missing: nothing")
        broken.unlink()
        broken.write_bytes(some)
        wait_for(tmp_path / "out", " - x\n.* - x$")
        assert end(follower) == 1
    assert {
        f"ranklog: {missing}: nothing is there; waiting for it",
        f"ranklog: {broken}: Illegal seek",
    } == set(Path(f"{tmp_path}/out.err").read_text().splitlines())


def test_whoever_says_it_twice_ends_a_follower_that_nobody_reads(tmp_path: Path) -> None:
    (tmp_path / "script.log").write_bytes(encode(record(message="x"), TextLayout()) * 5_000)
    command = [sys.executable, "-m", "ranklog", "follow", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.read(1) == b"2"  # it has begun, and the pipe is full soon
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            time.sleep(0.05)
            process.send_signal(signal.SIGINT)  # as timeout(1) does: the process, and its group
            with pytest.raises(subprocess.TimeoutExpired):  # what is left is still wanted
                process.wait(timeout=1.0)
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=TIMEOUT_SECONDS) == 130
        finally:
            process.kill()


@pytest.mark.parametrize("arguments", [["--window", "x"], ["--level", "LOUD"], []])
def test_a_wrong_follow_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    position = tmp_path / "position"
    position.write_text("{}")
    arguments = arguments or ["--resume", str(position)]
    out = tmp_path / "out"
    with following(tmp_path, out, *arguments) as follower:
        assert follower.wait(timeout=TIMEOUT_SECONDS) == 2
    assert re.search("LOUD|--window|position", Path(f"{out}.err").read_text())


def test_a_rank_whose_clock_is_behind_is_marked_as_late_once(tmp_path: Path) -> None:
    def write(rank: int, seconds: float, message: str) -> None:
        one = record(time=TIME + timedelta(seconds=seconds), rank=rank, message=message)
        with open(tmp_path / live_name(rank, ".log"), "ab") as stream:
            stream.write(encode(one, TextLayout()))
        wait_for(out, f" - {message}$")

    out = tmp_path / "out"
    with following(tmp_path, out, "--window", "0.02") as follower:
        for number in range(4):
            write(0, number, f"ahead {number}")
            write(1, number - 60, f"behind {number}")
        write(1, 9, "set right")  # as by NTP
        write(0, 5, "now it is the other one")
        assert end(follower) == 0
    shown = [line for line in out.read_text().splitlines() if "behind" in line or "---" in line]
    marks = [line for line in shown if line.startswith("---")]
    assert ["--- late by 1m00s:", "--- late by 4.000s:"] == marks
    assert shown.index(marks[0]) == 0
    assert len(shown) == 4 + len(marks)
