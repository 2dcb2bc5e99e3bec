"""Full disks, missing rights, no descriptors: training goes on, and the loss is told once."""

import os
import re
import resource
import shutil
import subprocess
import sys
import threading

import pytest
from rank_files import TIMEOUT_SECONDS, line, messages, names, user_messages, with_helpers

from logging_helpers import init_logging, log_master, shutdown_logging
from ranklog.line_format import JsonLayout, TextLayout

STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\+00:00"
FULL = "No space left on device"


def fill(disk):
    """Take all the room there is; returns the file to remove."""
    with open(disk / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            return disk / "filler"


@pytest.mark.parametrize("layout", [TextLayout(), JsonLayout()], ids=["text", "json"])
def test_a_full_disk_costs_the_records_of_its_time_and_nothing_else(
    layout, make_file, small_disk, capsys
):
    file = make_file(directory=small_disk / "logs", layout=layout)
    file.write(line("first", layout))
    filler = fill(small_disk)
    size = len(line(f"{0:09d}", layout))
    # Until the page that the file has is full, in the middle of a record, and then on.
    fitting = (4096 - len(line("first", layout))) // size
    for number in range(fitting + 50):
        file.write(line(f"{number:09d}", layout))
    filler.unlink()
    for number in range(3):
        file.write(line(f"after {number}", layout))
    found, damage = messages(small_disk)
    assert ["first", *(f"{number:09d}" for number in range(fitting))] == found[: fitting + 1]
    assert ["after 0", "after 1", "after 2"] == found[-3:]
    (told,) = found[fitting + 1 : -3]
    assert re.fullmatch(rf"50 records were lost between {STAMP} and {STAMP}: {FULL}", told)
    assert 1 == damage.cut_records + damage.foreign_lines
    assert [
        f"ranklog: cannot write to {file.path}: {FULL}; records are lost to the file"
        " until this is over, the console goes on",
        f"ranklog: {file.path} can be written to again; 50 records were lost: {FULL}",
    ] == capsys.readouterr().err.splitlines()


def test_on_a_full_disk_the_console_gets_everything(small_disk, capsys):
    init_logging(run_dir=small_disk)
    filler = fill(small_disk)
    for number in range(100):
        log_master(f"{number:0500d}")
    assert 100 == len(re.findall(r"INFO     0\d{499}\n", capsys.readouterr().err))
    filler.unlink()
    log_master("after")
    shutdown_logging()
    kept = user_messages(small_disk)
    assert [f"{number:0500d}" for number in range(len(kept) - 1)] + ["after"] == kept
    log = (small_disk / "logs" / "script.log").read_text()
    assert [str(100 - (len(kept) - 1))] == re.findall(r"ranklog:notice:0 - (\d+) records", log)


def test_shutdown_on_a_full_disk_does_not_raise(small_disk):
    init_logging(run_dir=small_disk)
    fill(small_disk)
    log_master("x" * 5000)
    shutdown_logging()


def test_an_episode_of_several_threads_is_one(make_file, small_disk, capsys):
    file = make_file(directory=small_disk / "logs")
    filler = fill(small_disk)
    barrier = threading.Barrier(4)

    def work():
        barrier.wait()
        for _ in range(50):
            file.write(line("x" * 5000))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    filler.unlink()
    file.write(line("after"))
    told, after = messages(small_disk)[0]
    assert "after" == after
    assert re.fullmatch(rf"200 records were lost between {STAMP} and {STAMP}: {FULL}", told)
    assert 2 == len(capsys.readouterr().err.splitlines())


def test_a_stderr_that_logs_what_is_said_of_a_full_disk_goes_on(small_disk, monkeypatch):
    class Logging:
        def write(self, text):
            log_master(f"stderr: {text}")

        def flush(self):
            pass

    init_logging(run_dir=small_disk)
    filler = fill(small_disk)
    monkeypatch.setattr(sys, "stderr", Logging())
    for _ in range(3):
        log_master("x" * 5000)
    filler.unlink()
    log_master("after")
    monkeypatch.undo()
    assert "after" in user_messages(small_disk)


@pytest.mark.parametrize("fault", ["full", "removed"])
def test_a_child_forked_in_an_episode_does_not_tell_what_its_parent_lost(
    fault, run_dir, monkeypatch
):
    init_logging(run_dir=run_dir)
    log_master("first")
    if fault == "full":
        monkeypatch.setattr(os, "write", _full)
    else:
        (run_dir / "logs" / "script.log").unlink()
    for _ in range(3):
        log_master("lost")
    child = os.fork()
    if child == 0:
        try:
            monkeypatch.undo()
            _look_again()
            log_master("child")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    monkeypatch.undo()
    _look_again()
    log_master("parent")
    notices = re.findall(r"ranklog:notice:0 - (.*?) between", _log_text(run_dir))
    # All that is in a file goes with it: the banner, "first", three that were lost.
    assert ["3 records were lost" if fault == "full" else "5 records were lost"] == notices
    expected = ["first", "child", "parent"] if fault == "full" else ["child", "parent"]
    assert expected == user_messages(run_dir)


def _full(descriptor, data):
    raise OSError(28, FULL)


def _look_again():
    from logging_helpers import session

    session._session.outputs.file.file._next_check = 0.0


def _log_text(run_dir):
    return (run_dir / "logs" / "script.log").read_text()


def test_what_the_disk_of_one_writer_has_torn_no_other_glues_its_record_to(make_file, small_disk):
    ours, others = (make_file(directory=small_disk / "logs") for _ in range(2))
    ours.write(line("x" * 3000))
    filler = fill(small_disk)
    ours.write(line("y" * 3000))  # torn at the end of the page
    filler.unlink()
    others.write(line("whole"))  # it does not know of anything
    ours.write(line("after"))
    found, damage = messages(small_disk)
    assert ["x" * 3000, "whole", "after"] == [found[0], found[1], found[3]]
    assert found[2].startswith("1 record was lost")
    assert 1 == damage.cut_records


def test_without_file_descriptors_records_go_on_into_the_file_that_is_open(
    make_file, logs, clock, capsys
):
    file = make_file(max_bytes=300)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, os.listdir("/proc/self/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        for number in range(30):
            file.write(line(f"{number}"))
            clock.advance(11)  # rotation is tried again, and said once
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert highest >= 0
    assert ["script_1.log"] == names(logs)
    file.write(line("30"))
    assert ["script_1.TIME.log", "script_1.log"] == names(logs)[1:]
    assert [str(number) for number in range(31)] == messages(logs)[0]
    said = f"ranklog: cannot rotate {file.path}: Too many open files; it grows on\n"
    assert said == capsys.readouterr().err


def test_a_removed_file_is_made_again_once_there_are_descriptors(make_file, logs, clock):
    file = make_file()
    (logs / "script_1.log").unlink()
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        for number in range(3):
            clock.advance(1)
            file.write(line(f"{number}"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    file.write(line("kept"))
    told, kept = messages(logs)[0]
    assert ("kept", True) == (kept, told.startswith("3 records were lost"))


AS_NOBODY = """
import os, sys
from rank_files import line, notice
from logging_helpers.outputs.rank_file import RankFile
from logging_helpers.settings.resolve import Rotation
from ranklog.line_format import TextLayout
os.setgroups([]); os.setgid(65534); os.setuid(65534)
logs = sys.argv[1]
file = RankFile(logs, 1, TextLayout(), Rotation(max_bytes=300), notice)
for number in range(3): file.write(line(f"{number}"))
os.chmod(logs, 0o500)
for number in range(3, 10): file.write(line(f"{number}"))
file._next_check = 0
file.write(line("10"))
os.chmod(logs, 0o000)
file._next_check = 0
file.write(line("11"))
os.chmod(logs, 0o700)
os.unlink(file.path)
os.chmod(logs, 0o500)
file._next_check = 0
for number in range(12, 20): file.write(line(f"{number}"))
os.chmod(logs, 0o700)
file.write(line("20"))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_directory_without_rights_is_no_loss_while_the_file_is_open(logs, child_environment):
    logs.mkdir(parents=True)
    os.chown(logs, 65534, 65534)
    for parent in logs.parents:
        if parent.owner() == "root" and parent.stat().st_mode & 0o001 == 0:
            parent.chmod(0o755)
    environ = with_helpers(child_environment)
    command = [sys.executable, "-c", AS_NOBODY, str(logs)]
    done = subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=TIMEOUT_SECONDS
    )
    path = logs / "script_1.log"
    assert [
        f"ranklog: cannot rotate {path}: Permission denied; it grows on",
        f"ranklog: cannot write to {path}: Permission denied; records are lost to the file"
        " until this is over, the console goes on",
        f"ranklog: {path} can be written to again; 8 records were lost:"
        " the file was removed or replaced",
    ] == done.stderr.splitlines()
    # The file was removed with 0 to 11 in it, none of them after the last look.
    told, kept = messages(logs)[0]
    assert ("20", True) == (kept, told.startswith("8 records were lost between"))


def test_a_run_directory_removed_and_made_again_by_others_is_gone_on_with(run_dir, monkeypatch):
    init_logging(run_dir=run_dir)
    log_master("lost")
    shutil.rmtree(run_dir)
    (run_dir / "logs").mkdir(parents=True)
    from logging_helpers import session

    monkeypatch.setattr(session._session.outputs.file.file, "_next_check", 0.0)
    log_master("noticed")
    log_master("kept")
    shutdown_logging()
    assert ["noticed", "kept"] == user_messages(run_dir)
