"""The records the project writes about itself, and the counts it keeps."""

import logging
import os
import platform
import socket
import threading
from dataclasses import replace

import pytest
from loguru import logger as loguru_logger

from logging_helpers import init_logging, shutdown_logging
from logging_helpers.identity.detect import detect
from logging_helpers.outputs.file_output import FileOutput
from logging_helpers.settings.resolve import Rotation
from ranklog import __version__, read
from ranklog.line_format import LAYOUTS, Record

TORCHRUN = {
    "RANK": "3",
    "WORLD_SIZE": "8",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "GROUP_RANK": "1",
    "TORCHELASTIC_RESTART_COUNT": "2",
    "TORCHELASTIC_RUN_ID": "job7",
}


@pytest.fixture
def make_output(logs):
    def make(info=None, *, layout="text", owner_pid=None):
        info = info or detect({}).info
        owner_pid = os.getpid() if owner_pid is None else owner_pid
        return FileOutput(str(logs), info, LAYOUTS[layout](), Rotation(), owner_pid)

    return make


def written(logs):
    """Records with what differs from run to run taken out."""
    return [
        replace(record, time=None, extra=dict(record.extra), pid=record.pid == os.getpid())
        for record in read(logs)
    ]


def own(function, message, extra, *, rank=None, level="INFO"):
    return Record(None, level, rank, True, "ranklog", function, 0, message, None, extra)


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_the_banner_says_who_started_where(layout, make_output, logs):
    info = detect(TORCHRUN).info
    make_output(info, layout=layout).write_banner()
    extra = {
        "rank": 3,
        "world_size": 8,
        "local_rank": 1,
        "local_world_size": 2,
        "node_rank": 1,
        "launcher": info.source,
        "restart": 2,
        "job_id": "job7",
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "python": platform.python_version().rstrip("+"),
        "version": __version__,
    }
    text = f"rank 3 of 8 started on {socket.gethostname()}, pid {os.getpid()}"
    assert [own("start", text, extra, rank=3)] == written(logs)


def test_a_banner_without_rank_says_so_and_one_with_conflicts_lists_them(make_output, logs):
    nobody = detect({}).info
    make_output(nobody).write_banner()
    make_output(nobody._replace(conflicts=("a says 1, b says 2",))).write_banner()
    plain, conflicting = written(logs)
    place = f"{socket.gethostname()}, pid {os.getpid()}"
    assert [f"process without rank started on {place}"] * 2 == [plain.message, conflicting.message]
    assert {**plain.extra, "conflicts": ["a says 1, b says 2"]} == conflicting.extra


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, "process without rank"),
        ({"SKYPILOT_NODE_RANK": "2"}, "rank 2"),
        ({"RANK": "0", "WORLD_SIZE": "1"}, "rank 0 of 1"),
    ],
)
def test_the_end_record_counts_by_level(environ, name, make_output, logs, monkeypatch):
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    init_logging(run_dir=logs.parent, file_level="DEBUG")
    for level, times in (("DEBUG", 3), ("INFO", 2), ("CRITICAL", 1)):
        for _ in range(times):
            loguru_logger.log(level, "x")
    loguru_logger.log(33, "a level without a name")
    shutdown_logging()
    end = written(logs)[-1]
    counts = {"DEBUG": 3, "INFO": 2, "CRITICAL": 1, "Level 33": 1}
    rank = int(environ.get("RANK", environ.get("SKYPILOT_NODE_RANK", -1)))
    fields = {"exit": "shutdown", "records": counts, "pid": os.getpid()}
    assert own("end", f"{name} ended: shutdown", fields, rank=None if rank < 0 else rank) == end


def test_counts_are_exact_under_threads(logs):
    init_logging(run_dir=logs.parent)

    def work():
        for _ in range(500):
            loguru_logger.info("x")
            loguru_logger.error("y")

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shutdown_logging()
    assert {"INFO": 3000, "ERROR": 3000} == written(logs)[-1].extra["records"]


def test_a_notice_is_a_warning_of_the_project(make_output, logs):
    output = make_output()
    output.write_banner()
    output.file.write(output.file._compose_notice("3 records were lost"))
    assert own("notice", "3 records were lost", {}, level="WARNING") == written(logs)[1]


@pytest.mark.parametrize("file_format", sorted(LAYOUTS))
def test_a_users_logger_of_the_projects_name_forges_nothing(file_format, logs):
    init_logging(run_dir=logs.parent, file_format=file_format)

    def forge(record):
        record.update(name="ranklog", function="start", line=0)

    loguru_logger.patch(forge).info("rank 0 of 1 started")
    logging.getLogger("ranklog").info("by stdlib")
    for line in (-1, False, "0", None):
        loguru_logger.patch(forge).patch(lambda r, line=line: r.update(line=line)).info("again")
    shutdown_logging()
    records = list(read(logs))
    assert [True, *[False] * 7] == [record.is_banner for record in records]
    assert [1, 1, 1, 1] == [record.line for record in records if record.message == "again"]


def test_a_child_writes_its_own_pid_and_no_banner(make_output, logs):
    init_logging(run_dir=logs.parent)
    child = os.fork()
    if child == 0:
        loguru_logger.info("of the child")
        os._exit(0)
    os.waitpid(child, 0)
    shutdown_logging()
    found = [(r.message, r.pid) for r in read(logs) if r.logger != "ranklog"]
    assert [("of the child", child)] == found
    assert 1 == sum(record.is_banner for record in read(logs))


def test_extra_fields_are_kept_but_for_the_rank(logs):
    init_logging(run_dir=logs.parent)
    loguru_logger.bind(epoch=3, rank=99).info("bound")
    logging.getLogger("x").info("given", extra={"batch": 72, "rank": 98})
    loguru_logger.log(35, "numbered")
    shutdown_logging()
    found = [(r.message, r.rank, dict(r.extra)) for r in read(logs) if r.logger != "ranklog"]
    assert [
        ("bound", None, {"epoch": 3}),
        ("given", None, {"batch": 72}),
        ("numbered", None, {"levelno": 35}),
    ] == found
