"""Setting up, changing and ending logging in one process."""

import io
import logging
import os
import platform

import pytest
from support import contents, file_names, messages, run_python, user_records

import ranklog
from logging_helpers import init_logging, is_master, log_master, shutdown_logging
from logging_helpers.session import current_setup
from ranklog import __version__


def kinds(run_dir, name="script.log"):
    """The project's own records and the messages of a file, in its order."""
    return [
        "start" if record.is_banner else record.extra["exit"] if record.is_end else record.message
        for record in ranklog.read(run_dir / "logs" / name)
    ]


def test_the_guides_files_are_all_there_is(run_dir):
    for rank in range(3):
        init_logging(run_dir=run_dir, rank=rank)
        logging.info("rank %d", rank)
    shutdown_logging()
    assert [run_dir / "logs"] == list(run_dir.iterdir())
    assert ["script.log", "script_1.log", "script_2.log"] == file_names(run_dir)
    assert ["start", "rank 2", "shutdown"] == kinds(run_dir, "script_2.log")


def test_without_a_run_dir_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    init_logging()
    logging.info("x")
    shutdown_logging()
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("file_format", ["text", "json"])
def test_the_same_arguments_change_nothing(run_dir, monkeypatch, file_format):
    monkeypatch.setenv("RANK", "0")
    root = logging.getLogger()
    stream = io.StringIO()

    def start():
        init_logging("INFO", run_dir, True, stream=stream, file_format=file_format)

    start()
    logging.info("x")
    before = (contents(run_dir), stream.getvalue(), root.level, list(root.handlers))
    setup = current_setup()
    start()
    assert before == (contents(run_dir), stream.getvalue(), root.level, list(root.handlers))
    assert setup is current_setup()


def test_other_levels_go_on_in_the_same_file(run_dir):
    init_logging("INFO", run_dir)
    logging.debug("hidden")
    init_logging("DEBUG", run_dir, show_rank=True, rotation=None)
    logging.debug("shown")
    shutdown_logging()
    assert ["start", "shown", "shutdown"] == kinds(run_dir)


def test_a_new_rank_gets_a_new_file_and_the_old_one_ends(run_dir, monkeypatch):
    init_logging(run_dir=run_dir)
    logging.info("before")
    monkeypatch.setenv("RANK", "2")
    logging.info("the file keeps its identity until init_logging is called")
    init_logging(run_dir=run_dir)
    logging.info("after")
    shutdown_logging()
    assert ["script.log", "script_2.log"] == file_names(run_dir)
    text = "the file keeps its identity until init_logging is called"
    assert ["start", "before", text, "reconfigured"] == kinds(run_dir)
    assert ["start", "after", "shutdown"] == kinds(run_dir, "script_2.log")


def test_rank_0_that_had_no_rank_before_ends_one_attempt_before_the_next(run_dir, monkeypatch):
    init_logging(run_dir=run_dir)
    logging.info("before")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "4")
    init_logging(run_dir=run_dir)
    logging.info("after")
    shutdown_logging()
    expected = ["start", "before", "reconfigured", "start", "after", "shutdown"]
    assert expected == kinds(run_dir)


def test_another_format_gets_another_file(run_dir):
    init_logging(run_dir=run_dir)
    init_logging(run_dir=run_dir, file_format="json")
    shutdown_logging()
    assert ["start", "reconfigured"] == kinds(run_dir)
    assert ["start", "shutdown"] == kinds(run_dir, "script.jsonl")


def test_no_run_dir_any_more_ends_the_file(run_dir):
    init_logging(run_dir=run_dir)
    init_logging()
    logging.info("console only")
    shutdown_logging()
    assert ["start", "reconfigured"] == kinds(run_dir)


def test_a_restart_appends_and_begins_with_a_banner(run_dir):
    for attempt in range(2):
        init_logging(run_dir=run_dir)
        logging.info("attempt %d", attempt)
        shutdown_logging()
    assert ["start", "attempt 0", "shutdown", "start", "attempt 1", "shutdown"] == kinds(run_dir)


def test_the_banner_tells_who_runs_where(run_dir, monkeypatch):
    variables = {
        "RANK": "1",
        "WORLD_SIZE": "4",
        "LOCAL_RANK": "1",
        "LOCAL_WORLD_SIZE": "2",
        "NODE_RANK": "0",
        "OMPI_COMM_WORLD_RANK": "3",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    init_logging(run_dir=run_dir)
    (banner,) = ranklog.read(run_dir)
    host, pid = banner.extra["host"], os.getpid()
    expected = {
        "rank": 1,
        "world_size": 4,
        "local_rank": 1,
        "local_world_size": 2,
        "node_rank": 0,
        "launcher": "env",
        "restart": None,
        "job_id": None,
        "host": platform.node(),
        "pid": pid,
        "python": platform.python_version(),
        "version": __version__,
        "conflicts": ["OMPI_COMM_WORLD_RANK=3 disagrees, RANK=1 used"],
    }
    assert expected == banner.extra
    assert (pid, f"rank 1 of 4 started on {host}, pid {pid}") == (banner.pid, banner.message)


def test_the_end_record_counts_the_records_by_level(run_dir):
    init_logging("DEBUG", run_dir)
    for level, times in ((10, 3), (20, 2), (40, 1)):
        for _ in range(times):
            logging.log(level, "x")
    shutdown_logging()
    *_, end = ranklog.read(run_dir)
    assert end.is_end
    assert ("shutdown", {"DEBUG": 3, "INFO": 2, "ERROR": 1}) == (
        end.extra["exit"],
        end.extra["records"],
    )
    assert "process without rank ended: shutdown" == end.message


def test_banner_and_end_go_to_the_file_only_whatever_the_levels(run_dir, caplog, capsys):
    init_logging("CRITICAL", run_dir)
    shutdown_logging()
    assert ["start", "shutdown"] == kinds(run_dir)
    assert ([], "") == (caplog.records, capsys.readouterr().err)


def test_a_second_shutdown_does_nothing(run_dir):
    init_logging(run_dir=run_dir)
    shutdown_logging()
    before = contents(run_dir)
    shutdown_logging()
    assert (before, None) == (contents(run_dir), current_setup())


def test_what_is_logged_after_shutdown_reaches_nothing_of_ours(run_dir):
    init_logging(run_dir=run_dir, stream=(stream := io.StringIO()))
    shutdown_logging()
    logging.warning("x")
    log_master("y")
    assert ([], "") == (user_records(run_dir), stream.getvalue())


def test_an_explicit_rank_names_file_and_master(run_dir):
    init_logging(run_dir=run_dir, rank=3)
    log_master("not here")
    logging.info("here")
    assert (False, ["script_3.log"], ["here"]) == (
        is_master(),
        file_names(run_dir),
        messages(run_dir),
    )


def test_a_relative_run_dir_is_that_of_the_call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    init_logging(run_dir="run")
    monkeypatch.chdir("/")
    logging.info("x")
    shutdown_logging()
    assert ["start", "x", "shutdown"] == kinds(tmp_path / "run")


def test_a_disabled_stream_costs_the_file_nothing(run_dir):
    stream = io.StringIO()
    stream.close()
    init_logging(run_dir=run_dir, stream=stream)
    logging.info("x")
    assert ["x"] == messages(run_dir)


def test_logging_is_set_up_anew_after_shutdown(run_dir):
    code = """
        import logging, sys, logging_helpers
        for turn in range(3):
            logging_helpers.init_logging(run_dir=sys.argv[1])
            logging.info("turn %d", turn)
            logging_helpers.shutdown_logging()
    """
    ended = run_python(code, run_dir)
    assert (0, 3) == (ended.code, ended.err.count("INFO     turn"))
    assert ["turn 0", "turn 1", "turn 2"] == messages(run_dir)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        # Lightning's own launcher tells neither RANK nor how many processes a node has.
        (
            {"NODE_RANK": "1", "LOCAL_RANK": "0", "WORLD_SIZE": "4"},
            "nothing tells how many processes a node has;"
            " NODE_RANK=1 * WORLD_SIZE=4 + LOCAL_RANK=0 = 4 used as rank",
        ),
        # A script gives all processes of an MPI job the same RANK: each is a master.
        (
            {"OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "4"}
            | {"RANK": "0", "WORLD_SIZE": "4"},
            "OMPI_COMM_WORLD_RANK=3 disagrees, RANK=0 used",
        ),
    ],
)
def test_a_rank_that_others_may_have_too_is_said_once(monkeypatch, capsys, variables, said):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for level in ("INFO", "DEBUG"):
        init_logging(level)
    assert f"ranklog: {said}\n" == capsys.readouterr().err
