"""Launchers that tell a process its rank after it has started, as Ray Train does."""

import logging
import os

import pytest
from support import messages, user_records

import ranklog
from logging_helpers import get_rank_info, init_logging, is_master, log_master


def _names(run_dir):
    return sorted(os.listdir(run_dir / "logs"))


def _become(monkeypatch, rank, world_size=4):
    monkeypatch.setenv("RANK", str(rank))
    monkeypatch.setenv("WORLD_SIZE", str(world_size))


def test_init_again_goes_on_in_the_right_file_and_removes_the_wrong_one(run_dir, monkeypatch):
    init_logging(run_dir=run_dir)
    assert ["script.log"] == _names(run_dir)
    _become(monkeypatch, 2)
    init_logging(run_dir=run_dir)
    logging.info("right")
    assert ["script_2.log"] == _names(run_dir)
    assert [(2, "right")] == [(r.rank, r.message) for r in user_records(run_dir)]


def test_the_wrong_file_stays_with_an_end_record_if_something_was_logged(run_dir, monkeypatch):
    init_logging(run_dir=run_dir)
    logging.info("before")
    _become(monkeypatch, 2)
    init_logging(run_dir=run_dir)
    assert ["script.log", "script_2.log"] == _names(run_dir)
    first, second, last = ranklog.read(run_dir / "logs" / "script.log")
    assert (True, "before", True) == (first.is_banner, second.message, last.is_end)
    assert "reconfigured" == last.extra["exit"]


def test_the_wrong_file_stays_if_it_was_there_before(run_dir, monkeypatch):
    (run_dir / "logs").mkdir(parents=True)
    (run_dir / "logs" / "script.log").write_text("an older run's\n")
    init_logging(run_dir=run_dir)
    _become(monkeypatch, 2)
    init_logging(run_dir=run_dir)
    assert ["script.log", "script_2.log"] == _names(run_dir)


def test_the_wrong_file_stays_if_somebody_else_writes_to_it(run_dir, monkeypatch):
    init_logging(run_dir=run_dir)
    fcntl = pytest.importorskip("fcntl")
    with open(run_dir / "logs" / "script.log") as other:
        fcntl.flock(other, fcntl.LOCK_SH)  # as every writer does
        _become(monkeypatch, 2)
        init_logging(run_dir=run_dir)
    assert ["script.log", "script_2.log"] == _names(run_dir)


def test_rank_0_goes_on_in_the_file_it_had_without_a_rank(run_dir, monkeypatch):
    init_logging(run_dir=run_dir)
    logging.info("before")
    _become(monkeypatch, 0)
    init_logging(run_dir=run_dir)
    logging.info("after")
    assert ["script.log"] == _names(run_dir)
    assert [(None, "before"), (0, "after")] == [(r.rank, r.message) for r in user_records(run_dir)]


def test_the_identity_follows_at_once_and_the_older_log_is_said_once(run_dir, monkeypatch, capsys):
    init_logging(run_dir=run_dir)
    assert is_master()
    _become(monkeypatch, 2)
    log_master("of nobody")
    log_master("of nobody")
    assert (2, False) == (get_rank_info().rank, is_master())
    assert capsys.readouterr().err == (
        "ranklog: this process is rank 2 now, but was without a rank when logging was set up, and"
        " its log goes on as that; call init_logging() again with the same arguments\n"
    )
    assert [] == messages(run_dir)
    init_logging(run_dir=run_dir)
    get_rank_info()
    assert "" == capsys.readouterr().err


def test_an_identity_known_from_before_the_start_is_an_older_logs_too(monkeypatch, capsys):
    _become(monkeypatch, 2)
    assert 2 == get_rank_info().rank
    monkeypatch.delenv("RANK")
    monkeypatch.delenv("WORLD_SIZE")
    init_logging()
    _become(monkeypatch, 2)
    assert not is_master()
    assert "ranklog: this process is rank 2 now, but was without a rank" in capsys.readouterr().err
