"""Which files of a directory belong to a run, and in which order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support import run_python

import ranklog
from ranklog.files.discover import Source, discover
from ranklog.line_format import Damage, FileDamage


def make(directory: Path, *names: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        (directory / name).touch()


def names(sources: list[Source]) -> list[str]:
    return [Path(segment.path).name for source in sources for segment in source.segments]


@pytest.mark.parametrize(
    "expected",
    [
        [],
        ["script.log"],
        ["script.log", "script_2.log", "script_10.log"],
        ["script.jsonl", "script.log", "script_1.jsonl", "script_1.log"],
        [
            # A name sorts `.jsonl` and a live file before the pieces, time does not.
            "script.20261124T073145.123456Z.log.gz",
            "script.20261124T073145.123457Z.log",
            "script.20270101T000000.000000Z.log.gz",
            "script.log",
            "script_1.20261231T235959.999999Z.log",
            "script_1.log",
        ],
        # Compressed by hand before a restart wrote on.
        ["script.log.gz", "script.log"],
    ],
)
def test_segments_are_in_order_of_rank_format_and_rotation(
    tmp_path: Path, expected: list[str]
) -> None:
    make(tmp_path, *reversed(expected))
    assert expected == names(discover(tmp_path))


def test_a_piece_that_is_there_twice_is_read_once(tmp_path: Path) -> None:
    piece = "script.20261124T073145.123456Z.log"
    make(tmp_path, piece, f"{piece}.gz", "script.log")
    assert [piece, "script.log"] == names(discover(tmp_path))


def test_foreign_files_and_directories_are_passed_over(tmp_path: Path) -> None:
    make(
        tmp_path,
        ".script.log.lock",
        ".script.20261124T073145.123456Z.log.7.tmp",
        "script.log",
        "script.log.1",
        "script.config.log",
        "script_01.log",
        "train.log",
    )
    (tmp_path / "script_3.log").mkdir()
    (tmp_path / "script_4.log").symlink_to(tmp_path / "nowhere")
    assert names(discover(tmp_path)) == ["script.log"]


@pytest.mark.parametrize("given", [".", "logs", "logs/script_1.log"])
def test_a_run_its_logs_and_one_file_may_be_named(tmp_path: Path, given: str) -> None:
    make(tmp_path / "logs", "script_1.log")
    path = tmp_path / given
    (source,) = discover(path)
    expected = path if path.is_file() else tmp_path / "logs" / "script_1.log"
    assert (1, ".log", [expected]) == (
        source.rank,
        source.layout.suffix,
        [Path(segment.path) for segment in source.segments],
    )
    assert [source.segments] == [one.segments for one in discover(str(path))]


def test_files_beside_a_logs_directory_are_not_the_runs(tmp_path: Path) -> None:
    make(tmp_path, "script.log")
    make(tmp_path / "logs", "script_1.log")
    assert names(discover(tmp_path)) == ["script_1.log"]


def test_a_run_reached_by_a_link_is_read(tmp_path: Path) -> None:
    make(tmp_path / "real", "script.log")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "logs").symlink_to(tmp_path / "real")
    assert names(discover(tmp_path / "run")) == ["script.log"]


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    path = tmp_path / "no such {run}"
    with pytest.raises(FileNotFoundError) as caught:
        discover(path)
    assert f"no run directory or log file at {str(path)!r}" == str(caught.value)


def test_a_file_of_another_name_is_a_source_of_no_rank(tmp_path: Path) -> None:
    make(tmp_path, "train.log", "train.jsonl", "old.jsonl.gz")
    (tmp_path / "braces.txt").write_text("{}")
    found = discover(*sorted(tmp_path.iterdir()))
    assert [
        (None, ".jsonl", "braces.txt"),
        (None, ".jsonl", "old.jsonl.gz"),
        (None, ".jsonl", "train.jsonl"),
        (None, ".log", "train.log"),
    ] == [(one.rank, one.layout.suffix, Path(one.path).name) for one in found]


def test_patterns_and_several_paths_are_taken_and_a_file_named_twice_is_read_once(
    tmp_path: Path,
) -> None:
    for run in ("a", "b"):
        make(tmp_path / run / "logs", "script.log", "script_1.log")
    found = discover(tmp_path / "*" / "logs", tmp_path / "a", tmp_path / "b/logs/script.log")
    assert ["script.log", "script.log", "script_1.log", "script_1.log"] == names(found)
    assert len({source.path for source in found}) == 4


def test_one_file_reached_by_several_spellings_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "run" / "logs", "script.log")
    monkeypatch.chdir(tmp_path)
    found = discover("run", "./run/", "run/logs/../logs", str(tmp_path / "run"), "r*")
    assert [["run/logs/script.log"]] == [[one.path for one in source.segments] for source in found]


def test_a_name_with_the_signs_of_a_pattern_is_taken_as_it_is(tmp_path: Path) -> None:
    make(tmp_path / "run[1]", "script.log")
    make(tmp_path / "run1", "script_1.log")
    assert ["script.log"] == names(discover(tmp_path / "run[1]"))
    assert ["script.log", "script_1.log"] == names(discover(tmp_path / "run*"))
    with pytest.raises(FileNotFoundError, match="no run directory or log file at"):
        discover(tmp_path / "run[2-9]*")


def test_a_link_to_nowhere_is_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "old.log").symlink_to(tmp_path / "nowhere")
    make(tmp_path, "train.log")
    assert ["old.log"] == names(discover(tmp_path / "old.log"))
    assert ["old.log", "train.log"] == names(discover(tmp_path / "*.log"))
    damage = Damage()
    assert list(ranklog.read(tmp_path / "*.log", damage=damage)) == []
    assert [str(tmp_path / "old.log")] == list(damage.files)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_holds_nobody_up(tmp_path: Path) -> None:
    for name in ("script.log", "script_1.log.gz", "train.log", "plain.gz"):
        os.mkfifo(tmp_path / name)
    assert discover(tmp_path) == []
    paths = sorted(map(str, tmp_path.iterdir()))
    assert sorted(paths) == sorted(source.path for source in discover(*paths))
    damage = Damage()
    run = [*ranklog.read(paths, damage=damage), *ranklog.read(paths, rank="-1", since="1m")]
    assert run == []
    assert paths == sorted(damage.files)
    states = [(one.rank, one.status) for one in ranklog.silent(paths).ranks]
    assert [(0, "never wrote"), (1, "never wrote")] == states
    assert ranklog.first_error(paths).ranks == []


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs users")
def test_what_a_user_may_not_read_is_named(tmp_path: Path) -> None:
    make(tmp_path / "run" / "logs", "script.log", "script_1.log")
    make(tmp_path / "closed" / "logs", "script.log")
    (tmp_path / "run" / "logs" / "script.log").chmod(0)
    (tmp_path / "closed" / "logs").chmod(0)
    for path in [tmp_path, *tmp_path.parents]:
        if path.stat().st_uid == os.geteuid() and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o011)
    # Root again at the end, who may write what coverage measured.
    program = """
        import os, sys
        import ranklog
        from ranklog.line_format import text_reader
        damage = ranklog.Damage()
        read = ranklog.read
        is_root = os.geteuid() == 0
        if is_root:
            os.setgroups([]); os.setegid(65534); os.seteuid(65534)
        assert list(read(sys.argv[1] + "/run", damage=damage)) == []
        print(damage.files)
        try:
            read(sys.argv[1] + "/closed")
        except PermissionError as error:
            print(error.filename)
        if is_root:
            os.seteuid(0)
    """
    try:
        done = run_python(program, tmp_path)
    finally:
        (tmp_path / "closed" / "logs").chmod(0o700)
    expected = {str(tmp_path / "run/logs/script.log"): FileDamage(reason="Permission denied")}
    assert done.out.splitlines() == [str(expected), str(tmp_path / "closed/logs")]
    assert ("", 0) == (done.err, done.code)
