"""Which files of a directory belong to a run, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranklog.files.discover import Source, discover


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
