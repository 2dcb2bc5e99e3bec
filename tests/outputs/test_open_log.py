"""Opening a rank's file on a directory that others can write to."""

import errno
import fcntl
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from rank_files import line, messages, names

from logging_helpers.outputs import open_log as open_log_module
from logging_helpers.outputs.cut_marks import is_cut
from logging_helpers.outputs.open_log import lock_exclusive, make_directory, open_log, open_regular
from ranklog.line_format import JsonLayout, TextLayout

CUT = TextLayout.cut_mark
FULL_PERMISSION = 0o666


@pytest.fixture
def opened():
    """Open a log, and close it after the test."""
    descriptors = []

    def open_it(path, cut_mark=CUT):
        descriptors.append(open_log(str(path), cut_mark).descriptor)
        return descriptors[-1]

    yield open_it
    for descriptor in descriptors:
        os.close(descriptor)


def plant_link(path):
    target = path.with_name("victim")
    target.write_text("precious\n")
    path.symlink_to(target)


def plant_socket(path):
    with socket.socket(socket.AF_UNIX) as planted:
        # A path of a socket is short, those of tests are long.
        here = os.open(path.parent, os.O_PATH)
        planted.bind(f"/proc/self/fd/{here}/{path.name}")
        os.close(here)


PLANTED = {
    "link": (plant_link, errno.ELOOP, "a symbolic link, which is not followed"),
    "dangling link": (
        lambda path: path.symlink_to("nowhere"),
        errno.ELOOP,
        "a symbolic link, which is not followed",
    ),
    "fifo": (os.mkfifo, errno.EINVAL, "not a regular file"),
    "socket": (plant_socket, errno.ENXIO, "not a regular file"),
    "directory": (Path.mkdir, errno.EISDIR, "Is a directory"),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("what", PLANTED)
def test_what_is_planted_in_place_of_the_file_is_refused_and_named(what, tmp_path):
    plant, number, reason = PLANTED[what]
    path = tmp_path / "script.log"
    plant(path)
    descriptors = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match=reason) as raised:
        open_log(str(path), CUT)
    error = raised.value
    assert (number, reason, str(path)) == (error.errno, error.strerror, error.filename)
    assert descriptors == os.listdir("/proc/self/fd")
    if what == "link":
        assert "precious\n" == (tmp_path / "victim").read_text()


def test_a_device_is_refused():
    with pytest.raises(OSError, match="not a regular file: '/dev/null'"):
        open_regular("/dev/null", os.O_RDWR)


def test_directories_may_be_links(tmp_path, opened):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "scratch")
    os.write(opened(tmp_path / "run" / "logs" / "script.log"), line("x"))
    assert line("x") == (tmp_path / "scratch" / "logs" / "script.log").read_bytes()


def test_missing_directories_are_made_and_nothing_else(tmp_path, opened):
    opened(tmp_path / "a" / "b" / "logs" / "script.log")
    made = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert ["a", "a/b", "a/b/logs", "a/b/logs/script.log"] == made


def test_a_file_in_the_way_of_a_directory_is_refused(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(NotADirectoryError):
        open_log(str(tmp_path / "run" / "logs" / "script.log"), CUT)


def test_making_a_directory_that_another_rank_has_just_made_is_fine(tmp_path, monkeypatch):
    real = os.mkdir

    def made_by_another_first(path):
        if os.path.isdir(os.path.dirname(path)):
            real(path)
        real(path)

    monkeypatch.setattr(open_log_module.os, "mkdir", made_by_another_first)
    make_directory(str(tmp_path / "a" / "b"))
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o077])
def test_the_mode_is_what_the_umask_leaves_of_0666(umask, tmp_path, opened):
    before = os.umask(umask)
    try:
        opened(tmp_path / "logs" / "script.log")
    finally:
        os.umask(before)
    modes = [
        stat.S_IMODE(path.stat().st_mode)
        for path in (tmp_path / "logs" / "script.log", tmp_path / "logs")
    ]
    assert [FULL_PERMISSION & ~umask, 0o777 & ~umask] == modes


def test_the_descriptor_appends_is_not_inherited_and_holds_a_shared_lock(tmp_path, opened):
    path = tmp_path / "script.log"
    descriptor = opened(path)
    assert (False, os.O_APPEND) == (
        os.get_inheritable(descriptor),
        fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND,
    )
    with open(path) as other:
        assert not lock_exclusive(other.fileno())
        fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_a_program_started_without_standard_streams_prints_nothing_into_the_log(
    closed, tmp_path, child_environment
):
    path = tmp_path / "script.log"
    program = f"""
import os
for number in {closed}: os.close(number)
from logging_helpers.outputs.open_log import open_log
descriptor = open_log({str(path)!r}, b"").descriptor
for number in (1, 2):
    try: os.write(number, b"printed")
    except OSError: pass
os.write(descriptor, b"%d\\n" % descriptor)
os._exit(0)
"""
    command = [sys.executable, "-c", program]
    subprocess.run(command, env=child_environment, check=True, timeout=30, capture_output=True)
    assert int(path.read_text()) >= 3


@pytest.mark.parametrize("layout", [TextLayout(), JsonLayout()], ids=["text", "json"])
@pytest.mark.parametrize("length", [1, 20, 40, -2])
def test_a_file_that_was_cut_short_is_marked_when_it_is_opened(layout, length, tmp_path, opened):
    path = tmp_path / f"script_1{layout.suffix}"
    whole, torn = line("whole", layout), line("torn", layout)[:length]
    path.write_bytes(whole + torn)
    os.write(opened(path, layout.cut_mark), line("next", layout))
    assert whole + torn + layout.cut_mark + line("next", layout) == path.read_bytes()
    found, damage = messages(tmp_path)
    assert (["whole", "next"], 1) == (found, damage.cut_records + damage.foreign_lines)


@pytest.mark.parametrize("content", [b"", line("whole"), line("two\nlines")])
def test_a_file_that_ends_well_is_left_as_it_is(content, tmp_path, opened):
    (tmp_path / "script.log").write_bytes(content)
    opened(tmp_path / "script.log")
    assert content == (tmp_path / "script.log").read_bytes()


MEANWHILE = {
    "what looked torn was being written": (lambda file: file.write(b"rest\n"), False),
    "it still is": (lambda file: file.write(b"re"), False),
    "its writer marked it in place": (
        lambda file: os.pwrite(file.fileno(), b"\n", os.fstat(file.fileno()).st_size - 1),
        False,
    ),
    "nothing": (lambda file: None, True),
}


@pytest.mark.parametrize(("happen", "expected"), MEANWHILE.values(), ids=MEANWHILE.keys())
def test_a_record_that_is_just_being_written_is_not_marked_as_cut(happen, expected, tmp_path):
    with open(tmp_path / "script.log", "w+b", buffering=0) as file:
        file.write(line("whole") + b"2026-10-05 ")
        size = os.fstat(file.fileno()).st_size
        waits = []

        def sleep(seconds):
            waits.append(seconds)
            happen(file)

        assert (expected, 1) == (is_cut(file.fileno(), size, sleep), len(waits))


def test_a_file_rotated_and_removed_while_it_is_opened_is_not_used(tmp_path, opened, monkeypatch):
    path = tmp_path / "script.log"
    real = open_log_module.lock_shared
    tries = []

    def lock_after_another_has_removed(descriptor):
        tries.append(descriptor)
        if len(tries) < 3:
            path.unlink()
        return real(descriptor)

    monkeypatch.setattr(open_log_module, "lock_shared", lock_after_another_has_removed)
    os.write(opened(path), line("x"))
    assert (3, line("x"), ["script.log"]) == (len(tries), path.read_bytes(), names(tmp_path))


def test_a_file_that_a_compressor_holds_is_not_used(tmp_path):
    path = tmp_path / "script.log"
    with open(path, "w") as compressor:
        assert lock_exclusive(compressor.fileno())
        descriptors = os.listdir("/proc/self/fd")
        with pytest.raises(OSError, match="taken away while it was opened"):
            open_log(str(path), CUT)
        assert descriptors == os.listdir("/proc/self/fd")


def test_a_file_system_without_locks_is_written_to_all_the_same(tmp_path, opened, monkeypatch):
    def no_locks(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    os.write(opened(tmp_path / "script.log"), line("x"))
    assert line("x") == (tmp_path / "script.log").read_bytes()
