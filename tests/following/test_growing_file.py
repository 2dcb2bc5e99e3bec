"""A file that is still written to gives whole records, under whatever name it has."""

from __future__ import annotations

import gzip
import os
import time
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import TIME, record, records

from ranklog.following import growing_file
from ranklog.following.growing_file import GrowingFile, read_fingerprint
from ranklog.line_format import LAYOUTS, Damage, JsonLayout, Layout, Record, TextLayout, encode

LAYOUT = TextLayout()


def line(number: int, **fields: object) -> bytes:
    time = TIME + timedelta(seconds=number)
    return encode(record(time=time, message=f"{number}", **fields), LAYOUT)


def opened(path: Path, layout: Layout = LAYOUT) -> GrowingFile:
    is_gzip = path.suffix == ".gz"
    return GrowingFile(
        layout, str(path), read_fingerprint(str(path), is_gzip=is_gzip), 0.0, is_gzip=is_gzip
    )


def read(file: GrowingFile, now: float = 0.0, size: int = 1 << 20) -> bytes:
    return file.read(now, size)


def test_the_last_record_is_held_until_it_is_flushed_or_followed(tmp_path: Path) -> None:
    path = tmp_path / "script.log"
    path.write_bytes(line(1))
    file = opened(path)
    assert (read(file, 5.0), file.given_offset) == (b"", 0)
    with open(path, "ab") as out:
        out.write(line(2))
    assert (read(file, 6.0), file.given_offset) == (line(1), len(line(1)))
    assert (file.flush(), file.given_offset) == (line(2), path.stat().st_size)
    changed_at = file.changed_at
    assert (file.flush(), read(file, 7.0), file.changed_at) == (b"", b"", changed_at)


def test_what_was_written_long_ago_changed_long_ago(tmp_path: Path) -> None:
    path = tmp_path / "script.log"
    path.write_bytes(line(1))
    os.utime(path, (time.time() - 100,) * 2)
    file = opened(path)
    read(file, 5.0)
    assert file.changed_at == pytest.approx(-95.0, abs=5.0)


def test_a_record_in_the_middle_of_its_write_is_not_flushed_but_marked_as_cut_at_the_end(
    tmp_path: Path,
) -> None:
    path = tmp_path / "script.log"
    path.write_bytes(line(1) + line(2)[:-4])
    file = opened(path)
    assert (read(file) + file.flush(), file.flush()) == (line(1), b"")
    assert file.end() == line(2)[:-4] + b"\n    ~ cut\n"


def test_a_record_whose_next_line_is_being_written_is_not_flushed(tmp_path: Path) -> None:
    path = tmp_path / "script.log"
    long = line(1, exception="E: one\ntwo")
    path.write_bytes(long[:-3])
    file = opened(path)
    assert (read(file), file.flush(), file.given_offset) == (b"", b"", 0)
    with open(path, "ab") as out:
        out.write(long[-3:])
    assert (read(file), file.flush()) == (b"", long)


def test_a_renamed_file_is_known_and_another_in_its_place_is_not_taken_for_it(
    tmp_path: Path,
) -> None:
    path, piece = tmp_path / "script.log", tmp_path / "script.20261006T000000.000000Z.log"
    path.write_bytes(line(1))
    file = opened(path)
    read(file)
    path.rename(piece)
    path.write_bytes(line(8) + line(9) + line(10))
    assert (read(file, 5.0), file.moved_at) == (b"", 5.0)
    assert not file.is_same(read_fingerprint(str(path), is_gzip=False))
    assert file.is_same(read_fingerprint(str(piece), is_gzip=False))
    file.path = str(piece)
    with open(piece, "ab") as out:
        out.write(line(2))
    assert read(file) == line(1)


def test_an_inode_that_is_used_again_deceives_nobody(tmp_path: Path) -> None:
    path = tmp_path / "script.log"
    path.write_bytes(line(1) + line(2))
    file = opened(path)
    read(file)
    inode = path.stat().st_ino
    for number in range(20):  # file systems differ in when they do it
        path.unlink()
        path.write_bytes(line(3) * (number + 1))
        if path.stat().st_ino == inode:
            break
    assert (read(file, 5.0), file.moved_at) == (b"", 5.0)


def test_a_file_that_was_compressed_meanwhile_is_read_on(tmp_path: Path) -> None:
    path = tmp_path / "script.20261006T000000.000000Z.log"
    path.write_bytes(line(1) + line(2))
    file = opened(path)
    read(file)
    packed = Path(f"{path}.gz")
    packed.write_bytes(gzip.compress(line(1) + line(2) + line(3)))
    path.unlink()
    assert (read(file, 5.0), file.moved_at) == (b"", 5.0)
    assert file.is_same(read_fingerprint(str(packed), is_gzip=True))
    file.path, file.is_gzip, file.moved_at = str(packed), True, None
    assert (read(file), file.flush()) == (line(2), line(3))


def test_a_short_file_is_still_known_when_it_has_grown(tmp_path: Path) -> None:
    path = tmp_path / "script.log"
    path.write_bytes(line(1)[:39])
    assert read_fingerprint(str(path), is_gzip=False) == b""
    path.write_bytes(line(1)[:40])
    file = opened(path)
    path.write_bytes(line(1) + line(2))
    assert file.is_same(read_fingerprint(str(path), is_gzip=False))
    assert read(file) == line(1)
    assert len(file.fingerprint) == growing_file.FINGERPRINT_BYTES
    assert not opened(tmp_path / "gone.log").is_same(b"")


@pytest.mark.parametrize("content", [b"\x1f\x8b\x08", b"no gzip"])
def test_a_compressed_file_that_is_not_whole_yet_has_no_fingerprint(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "script.20261006T000000.000000Z.log.gz"
    path.write_bytes(content)
    with pytest.raises(OSError, match=r"end-of-stream|Not a gzipped file"):
        read_fingerprint(str(path), is_gzip=True)
    path.write_bytes(b"")
    assert read_fingerprint(str(path), is_gzip=True) == b""
    path.unlink()
    assert read_fingerprint(str(path), is_gzip=True) == b""


def test_a_file_that_was_cut_off_goes_on_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "script.log"
    path.write_bytes(b"".join(map(line, range(9))))
    file = opened(path)
    assert read(file, 0.0) + file.flush() == path.read_bytes()
    os.truncate(path, 5 * len(line(1)))
    assert read(file, 1.0) == b""
    with open(path, "ab") as out:
        out.write(line(20) + line(21))
    assert read(file, 2.0) == b""  # a network file system may have said an old size
    assert (read(file, 3.0), file.flush()) == (line(20), line(21))
    whole = path.read_bytes()
    os.truncate(path, 5 * len(line(1)))
    assert read(file, 4.0) == b""
    path.write_bytes(whole)
    assert (read(file, 9.0), file.flush()) == (b"", b"")


def test_a_damaged_compressed_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "script.20261006T000000.000000Z.log.gz"
    path.write_bytes(gzip.compress(line(1) * 5000, compresslevel=0)[:-700])
    file = opened(path)
    lines = read(file).count(b"\n")  # what is whole is given out, as by `merge`
    assert 0 < lines < 5000
    with pytest.raises(OSError, match="end-of-stream"):
        read(file)
    assert read(file) == b""  # and told of once
    path.write_bytes(gzip.compress(line(1) * 5000))
    assert (read(file) + file.flush()).count(b"\n") == 5000 - lines


def test_a_compressed_file_is_unpacked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "script.20261006T000000.000000Z.log.gz"
    data = b"".join(map(line, range(100)))
    path.write_bytes(gzip.compress(data))
    file = opened(path)
    opens: list[str] = []

    def count(path: str) -> gzip.GzipFile:
        opens.append(path)
        return opened_gzip(path)

    opened_gzip = growing_file.opened_gzip
    monkeypatch.setattr(growing_file, "opened_gzip", count)
    found = b"".join(read(file, size=1000) for _ in range(30))
    assert found + file.flush() == data
    assert opens == [str(path)]


@settings(max_examples=60)
@given(
    st.sampled_from(sorted(LAYOUTS)),
    st.lists(records(), min_size=1, max_size=5),
    st.lists(st.integers(0, 1500), max_size=8),
    st.integers(1, 300),
)
def test_any_split_of_the_bytes_gives_what_one_read_gives(
    name: str, written: list[Record], cuts: list[int], read_bytes: int
) -> None:
    layout = LAYOUTS[name]()
    data = b"".join(encode(one, layout, is_child=True) for one in written)
    with TemporaryDirectory() as directory:
        path = Path(directory, "script.log")
        path.write_bytes(data[:40])
        file = opened(path, layout)
        blocks: list[bytes] = []
        for cut in [*sorted(cuts), len(data)]:
            with open(path, "ab") as out:
                out.write(data[path.stat().st_size : cut])
            file.is_behind = True
            while file.is_behind:
                blocks.append(read(file, size=read_bytes))
        blocks.append(file.flush())
    assert b"".join(blocks) == data
    reader = layout.reader()
    parts = [item for block in blocks for item in reader.split(block, Damage()).items]
    assert parts == reader.split(data, Damage()).items


def test_a_file_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    path = tmp_path / "script.log"
    path.write_bytes(line(1))
    file = opened(path)
    path.unlink()
    os.symlink(path, path)
    with pytest.raises(OSError, match="symbolic links"):
        read(file)


def test_json_is_followed_as_well(tmp_path: Path) -> None:
    path = tmp_path / "script.jsonl"
    some = [encode(record(message=text), JsonLayout()) for text in "ab"]
    path.write_bytes(b"".join(some))
    file = opened(path, JsonLayout())
    assert [read(file), file.flush()] == some
