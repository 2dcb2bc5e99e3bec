"""Run directories that cannot be used, belong to others, or name the job."""

import logging
import os
import stat
import tempfile
from pathlib import Path

import pytest
from support import file_names, messages, run_python

from logging_helpers import init_logging
from logging_helpers.session import current_setup

NOBODY = 65534


def test_a_run_dir_that_is_a_file_is_an_error_and_changes_nothing(tmp_path):
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    file = tmp_path / "run"
    file.write_text("precious")
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is compared
        init_logging(run_dir=file)
    assert (
        f"argument run_dir={str(file)!r} is a file, or has one where {str(file / 'logs')!r}"
        " needs a directory; accepted is a directory"
    ) == str(raised.value)
    assert before == (root.level, list(root.handlers))
    assert (None, "precious") == (current_setup(), file.read_text())


@pytest.mark.parametrize("place", ["above", "logs"])
def test_a_file_in_the_place_of_a_directory_is_an_error(tmp_path, place):
    run_dir = tmp_path / "above" / "run" if place == "above" else tmp_path / "run"
    (tmp_path / "run").mkdir()
    (tmp_path / "above" if place == "above" else run_dir / "logs").write_text("")
    with pytest.raises(ValueError, match="is a file, or has one where"):
        init_logging(run_dir=run_dir)
    assert current_setup() is None


def test_a_run_dir_that_is_a_file_leaves_the_old_outputs(run_dir, tmp_path):
    init_logging(run_dir=run_dir)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a file"):
        init_logging("DEBUG", run_dir=tmp_path / "file")
    logging.debug("hidden")
    logging.info("goes on")
    assert ["goes on"] == messages(run_dir)


AS_NOBODY = f"""
    import logging, os, sys
    import logging_helpers
    # Names are loaded when first asked for, which nobody may do from this test's directories.
    from logging_helpers import *
    if os.geteuid() == 0:  # root may write everywhere
        os.setgroups([])
        os.setgid({NOBODY})
        os.setuid({NOBODY})
    run_dir = sys.argv[1]
"""


@pytest.fixture(autouse=True)
def uncovered_children(monkeypatch):
    """Nobody may write what coverage measured in a process."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture
def open_path():
    """A directory that everybody can look into; pytest's own are private."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)
        os.chmod(directory, 0o755)


def forbid_writing(path):
    """Make it another user's, for root and for whoever else runs the tests."""
    path.chmod(0o555 if path.is_dir() else 0o444)


def test_another_users_run_dir_is_warned_of_once_and_the_program_goes_on(open_path):
    run_dir = open_path / "run"
    forbid_writing(open_path)
    ended = run_python(
        AS_NOBODY
        + """
    for _ in range(3):
        logging_helpers.init_logging(run_dir=run_dir)
        logging.info("goes on")
    """,
        run_dir,
    )
    first, *lines = ended.err.splitlines()
    assert (
        f"ranklog: cannot write to {run_dir}: Permission denied; logging to the console only"
    ) == first
    assert ["INFO     goes on"] * 3 == [line[15:] for line in lines]
    assert (0, "", []) == (ended.code, ended.out, list(open_path.iterdir()))


def test_another_users_log_file_is_named(open_path):
    run_dir = open_path / "run"
    init_logging(run_dir=run_dir)
    file = run_dir / "logs" / "script.log"
    forbid_writing(file)
    ended = run_python(AS_NOBODY + "    logging_helpers.init_logging(run_dir=run_dir)\n", run_dir)
    assert (
        f"ranklog: cannot write to {file}: Permission denied; logging to the console only\n"
    ) == ended.err


def test_strict_raises_for_another_users_run_dir_and_changes_nothing(open_path):
    forbid_writing(open_path)
    ended = run_python(
        AS_NOBODY
        + """
    try:
        logging_helpers.init_logging(run_dir=run_dir, strict=True)
    except PermissionError as error:
        print(error.filename, error.strerror, logging.getLogger().handlers, sep=", ")
    """,
        open_path / "run",
    )
    assert (0, f"{open_path / 'run'}, Permission denied, []\n", "") == (
        ended.code,
        ended.out,
        ended.err,
    )


def test_a_run_dir_that_becomes_usable_is_used_by_the_next_call(tmp_path, capsys):
    # A dangling link is what even root cannot make a directory at.
    link, target = tmp_path / "run", tmp_path / "disk" / "run"
    link.symlink_to(target)
    with pytest.raises(FileNotFoundError):
        init_logging(run_dir=link, strict=True)
    assert current_setup() is None
    init_logging(run_dir=link)
    file = link / "logs"
    assert (
        f"ranklog: cannot write to {file}: No such file or directory; logging to the console only\n"
    ) == capsys.readouterr().err
    target.mkdir(parents=True)
    init_logging(run_dir=link)
    logging.info("now")
    assert ["now"] == messages(target)


def test_a_run_dir_that_others_may_write_to_is_made_under_the_umask(run_dir):
    before = os.umask(0o027)
    try:
        init_logging(run_dir=run_dir)
    finally:
        os.umask(before)
    modes = [
        stat.S_IMODE(path.stat().st_mode) for path in (run_dir, run_dir / "logs" / "script.log")
    ]
    assert [0o750, 0o640] == modes


def test_job_id_names_the_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYPILOT_NODE_RANK", "1")
    monkeypatch.setenv("SKYPILOT_TASK_ID", "sky-2026/task 1")
    init_logging(run_dir=tmp_path / "{job_id}" / "{run}")
    logging.info("x")
    assert ["sky-2026_task_1"] == [path.name for path in tmp_path.iterdir()]
    assert ["script_1.log"] == file_names(tmp_path / "sky-2026_task_1" / "{run}")


def test_a_job_id_that_nobody_knows_is_an_error_and_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is compared
        init_logging(run_dir=tmp_path / "{job_id}")
    assert (
        f"argument run_dir={str(tmp_path / '{job_id}')!r} has {{job_id}}, but no launcher gave this"
        " job an id (such as SKYPILOT_TASK_ID, or torchrun --rdzv-id)"
    ) == str(raised.value)
    assert (None, []) == (current_setup(), list(tmp_path.iterdir()))
