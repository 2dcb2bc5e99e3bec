"""The bytes of one file, whatever becomes of its name."""

from __future__ import annotations

import gzip
import io
import os
import sys
from pathlib import Path

import pytest
from run_files import at, lay_out
from support import run_python

from ranklog.files.content import PlainFile, blocks
from ranklog.files.discover import Segment
from ranklog.line_format import Damage, FileDamage, TextLayout, live_name

CONTENT = bytes(range(256)) * 10


def segment(path: Path) -> Segment:
    return Segment(str(path), None, path.suffix == ".gz")


def make(path: Path, content: bytes = CONTENT) -> Path:
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("name", ["script.log", "script.log.gz"])
@pytest.mark.parametrize("size", [1, 100, 1 << 20])
@pytest.mark.parametrize("offset", [0, 1, 2_559, 2_560, 9_999])
def test_blocks_are_the_content_from_an_offset_on(
    tmp_path: Path, name: str, size: int, offset: int
) -> None:
    damage = Damage()
    found = list(blocks(segment(make(tmp_path / name)), size, damage, offset))
    assert (CONTENT[offset:], Damage(), {}) == (b"".join(found), damage, damage.files)
    assert all(0 < len(block) <= size for block in found)


def test_a_file_that_is_renamed_between_two_reads_is_read_on(tmp_path: Path) -> None:
    path = make(tmp_path / "script.log")
    damage = Damage()
    reads = blocks(segment(path), 1_000, damage)
    found = [next(reads)]
    path.rename(tmp_path / "script.1.log")
    make(path, b"a new one")
    found.append(next(reads))
    (tmp_path / "script.1.log").rename(tmp_path / "script.2.log")
    assert (CONTENT, Damage()) == (b"".join([*found, *reads]), damage)


def test_a_file_in_the_working_directory_is_found_again_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path("script.log"))
    reads = blocks(segment(Path("script.log")), 1_000, Damage())
    first = next(reads)
    Path("script.log").rename("script.1.log")
    assert first + b"".join(reads) == CONTENT


@pytest.mark.parametrize("is_renamed", [False, True])
@pytest.mark.parametrize("reads_before", [0, 1])
def test_a_piece_that_is_compressed_meanwhile_is_read_on(
    tmp_path: Path, is_renamed: bool, reads_before: int
) -> None:
    path = piece = make(tmp_path / "script.log")
    damage = Damage()
    reads = blocks(segment(path), 1_000, damage)
    found = [next(reads) for _ in range(reads_before)]
    if is_renamed and reads_before:
        piece = path.rename(tmp_path / "script.1.log")
        found.append(next(reads))
    make(Path(f"{piece}.gz"))
    piece.unlink()
    assert (CONTENT, Damage()) == (b"".join([*found, *reads]), damage)


@pytest.mark.parametrize("name", ["script.log", "script.log.gz"])
def test_a_file_that_is_gone_is_named(tmp_path: Path, name: str) -> None:
    damage = Damage()
    assert list(blocks(segment(tmp_path / name), 1_000, damage)) == []
    assert {str(tmp_path / name): FileDamage(reason="No such file or directory")} == damage.files


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_file_that_is_removed_while_it_is_read_is_named(
    tmp_path: Path, is_replaced: bool
) -> None:
    path = make(tmp_path / "script.log")
    damage = Damage()
    reads = blocks(segment(path), 1_000, damage)
    first = next(reads)
    with path.open("rb"):  # nobody is given its inode meanwhile
        path.unlink()
        if is_replaced:
            make(path, b"another")
        assert (CONTENT[:1_000], []) == (first, list(reads))
    reason = f"{path} was removed while it was read"
    assert {str(path): FileDamage(reason=reason)} == damage.files


def test_a_directory_and_a_pipe_are_named_and_hold_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.log")
    damage = Damage()
    for path in (tmp_path, tmp_path / "pipe.log"):
        assert list(blocks(segment(path), 1_000, damage)) == []
    assert {
        str(tmp_path): FileDamage(reason="Is a directory"),
        str(tmp_path / "pipe.log"): FileDamage(reason="Illegal seek"),
    } == damage.files


@pytest.mark.parametrize("keep", [1, 9, 300, -4])
def test_a_truncated_gzip_file_gives_what_is_there_and_is_named(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "script.log.gz"
    content = os.urandom(2_000)
    path.write_bytes(gzip.compress(content)[:keep])
    damage = Damage()
    found = b"".join(blocks(segment(path), 100, damage))
    assert content.startswith(found)
    assert (found == content) is (keep < 0)
    assert ([str(path)], 1) == (list(damage.files), damage.unreadable)


def test_a_plain_file_is_a_raw_stream(tmp_path: Path) -> None:
    path = make(tmp_path / "script.log")
    file = PlainFile(str(path), 10)
    assert (True, 2_560, CONTENT[5:9]) == (file.readable(), file.size(), file.read_at(5, 4))
    assert (CONTENT[10:13], CONTENT[13:], b"") == (file.read(3), file.read(), file.read(1))
    assert CONTENT[7:] == io.BufferedReader(PlainFile(str(path), 7)).read()


@pytest.mark.skipif(sys.platform == "win32", reason="needs ulimit")
def test_a_run_has_more_ranks_than_there_are_descriptors(tmp_path: Path) -> None:
    layout = TextLayout()
    logs = tmp_path / "logs"
    logs.mkdir()
    for rank in range(300):
        data = lay_out(layout, [at(10 * step + rank % 10, f"{step}", rank) for step in range(3)])
        (logs / live_name(rank, ".log")).write_bytes(data)
    program = """
        import resource, sys
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        import ranklog
        damage = ranklog.Damage()
        records = list(ranklog.read(sys.argv[1], damage=damage))
        assert records == sorted(records, key=lambda one: (one.time, one.rank))
        print(len(records), len({one.rank for one in records}), damage)
        print(len(ranklog.silent(sys.argv[1]).ranks))
    """
    done = run_python(program, tmp_path)
    assert ("", 0) == (done.err, done.code)
    assert done.out.splitlines() == [f"900 300 {Damage()}", "300"]
