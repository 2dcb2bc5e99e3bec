"""Rotation by size, and what becomes of the pieces."""

import gzip
import os
from datetime import datetime, timedelta, timezone

import pytest
from rank_files import NoLocks, line, messages, names

from logging_helpers import init_logging, log_master, shutdown_logging
from logging_helpers.outputs import open_log, rotation
from logging_helpers.settings.resolve import Rotation
from ranklog.line_format import JsonLayout

LOCK = ".script_1.log.lock"
LIVE = "script_1.log"


@pytest.fixture
def fixed_time(monkeypatch):
    """Let every rotation happen at the same time."""
    time = datetime(2026, 11, 24, 7, 31, 45, 123456, tzinfo=timezone.utc)

    class Fixed(datetime):
        @classmethod
        def now(cls, tz=None):
            return time.astimezone(tz)

    monkeypatch.setattr(rotation, "datetime", Fixed)
    return time


def test_before_the_first_rotation_there_is_the_file_and_nothing_else(make_file, logs):
    size = len(line("0"))
    file = make_file(max_bytes=3 * size)
    file.write(line("0"))
    file.write(line("1"))
    assert [LIVE] == sorted(os.listdir(logs))
    file.write(line("2"))  # the limit is reached
    assert [LOCK, "script_1.TIME.log", LIVE] == names(logs)
    assert {0, 3 * size} == {(logs / name).stat().st_size for name in os.listdir(logs)}


def test_the_limit_is_of_bytes_and_not_of_characters(make_file, logs):
    text = "é" * 100  # 200 bytes
    file = make_file(max_bytes=2 * len(line(text)) - 150)
    file.write(line(text))
    assert [LIVE] == names(logs)
    file.write(line(text))
    assert [LOCK, "script_1.TIME.log", LIVE] == names(logs)


def test_bytes_of_other_writers_count(make_file, logs):
    files = [make_file(max_bytes=5 * len(line("0"))) for _ in range(3)]
    for number in range(5):
        files[number % 3].write(line(f"{number}"))
    assert [LOCK, "script_1.TIME.log", LIVE] == names(logs)


def test_without_a_limit_nothing_is_rotated(make_file, logs):
    make_file().write(line("x" * 1_000_000))
    assert [LIVE] == names(logs)


def test_a_new_limit_counts_from_the_next_record_on(make_file, logs):
    file = make_file()
    file.write(line("0"))
    file.set_rotation(Rotation(max_bytes=10))
    assert [LIVE] == names(logs)
    file.write(line("1"))
    assert [LOCK, "script_1.TIME.log", LIVE] == names(logs)


def test_a_piece_is_named_by_its_time_and_never_overwritten(make_file, logs, fixed_time):
    logs.mkdir(parents=True)
    taken = "script_1.20261124T073145.123457Z.log.gz"
    (logs / taken).write_bytes(gzip.compress(line("taken")))
    file = make_file(max_bytes=10)
    for number in range(3):
        file.write(line(f"{number}"))
    assert [
        LOCK,
        "script_1.20261124T073145.123456Z.log",
        taken,
        "script_1.20261124T073145.123458Z.log",
        "script_1.20261124T073145.123459Z.log",
        LIVE,
    ] == sorted(os.listdir(logs))
    assert ["0", "taken", "1", "2"] == messages(logs)[0]


def test_the_descriptor_keeps_its_number_and_is_not_inherited(make_file):
    file = make_file(max_bytes=10)
    before = file._descriptor
    file.write(line("x"))
    assert (before, False) == (file._descriptor, os.get_inheritable(before))


@pytest.mark.parametrize(
    ("rank", "suffix", "start"),
    [(None, ".log", "script"), (0, ".log", "script"), (10, ".jsonl", "script_10")],
)
def test_every_rank_and_format_has_names_of_its_own(rank, suffix, start, make_file, logs):
    layout = JsonLayout() if suffix == ".jsonl" else None
    make_file(rank=rank, layout=layout, max_bytes=10).write(line("x", layout))
    expected = [f".{start}{suffix}.lock", f"{start}.TIME{suffix}", f"{start}{suffix}"]
    assert expected == names(logs)


@pytest.mark.parametrize("planted", ["link", "fifo"])
def test_a_planted_lock_file_is_not_followed(planted, make_file, logs, tmp_path, capsys):
    file = make_file(max_bytes=10)
    if planted == "link":
        (logs / LOCK).symlink_to(tmp_path / "victim")
    else:
        os.mkfifo(logs / LOCK)
    file.write(line("0"))
    file.write(line("1"))
    assert (["0", "1"], False) == (messages(logs)[0], (tmp_path / "victim").exists())
    reason = "a symbolic link, which is not followed" if planted == "link" else "not a regular file"
    assert (
        f"ranklog: cannot rotate {logs / LIVE}: {reason}; it grows on\n" == capsys.readouterr().err
    )


def test_times_in_names_are_utc(make_file, logs):
    before = datetime.now(timezone.utc)
    make_file(max_bytes=10).write(line("x"))
    (name,) = [name for name in os.listdir(logs) if name.startswith("script_1.2")]
    stamp = name.removeprefix("script_1.").removesuffix("Z.log")
    time = datetime.strptime(stamp, "%Y%m%dT%H%M%S.%f").replace(tzinfo=timezone.utc)
    assert timedelta(0) <= time - before < timedelta(seconds=60)


def test_log_master_rotates_like_any_call(run_dir):
    # The banner leaves it to the first record.
    init_logging(run_dir=run_dir, rotation=10)
    log_master("x")
    shutdown_logging()
    assert [".script.log.lock", *["script.TIME.log"] * 2, "script.log"] == names(run_dir / "logs")


def test_without_locks_two_that_rotate_at_once_do_not_overwrite_each_others_piece(
    make_file, logs, fixed_time, monkeypatch
):
    """The one looks for a free name, and the other takes it before it renames."""
    monkeypatch.setattr(open_log, "fcntl", NoLocks())
    ours, theirs = make_file(max_bytes=10), make_file(max_bytes=10)
    rename, is_first = os.rename, iter([True])

    def rename_after_theirs(source, target):
        if next(is_first, False):
            rotation.rotate(theirs.descriptor, str(logs), 1, theirs.layout, 10, theirs._reopen)
            theirs.write(line("theirs"))
        rename(source, target)

    monkeypatch.setattr(rotation.os, "rename", rename_after_theirs)
    ours.write(line("ours"))
    ours.write(line("ours again"))
    found, damage = messages(logs)
    assert ["ours", "ours again", "theirs"] == sorted(found)
    assert not damage


def test_without_locks_a_rotation_that_fails_leaves_no_empty_piece(make_file, logs, monkeypatch):
    monkeypatch.setattr(open_log, "fcntl", NoLocks())
    file = make_file(max_bytes=10)

    def fail(source, target):
        raise PermissionError(13, "Permission denied", source)

    monkeypatch.setattr(rotation.os, "rename", fail)
    file.write(line("x"))
    assert [LOCK, LIVE] == names(logs)
