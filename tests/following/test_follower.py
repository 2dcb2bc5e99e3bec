"""A live run is followed: rotations, new ranks, stacks, restarts of the follower."""

from __future__ import annotations

import gzip
import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from strategies import TIME, banner, record

from logging_helpers.outputs.rank_file import RankFile
from logging_helpers.settings.resolve import Rotation
from ranklog import Damage
from ranklog.following import follower, growing_source
from ranklog.following.follower import Follower
from ranklog.following.window import Given
from ranklog.line_format import LAYOUTS, TextLayout, encode
from ranklog.selection import Filters, make_selection

LAYOUT = TextLayout()
STACKS = (
    b'Current thread 0x00007f0000000740 (most recent call first):\n  File "x.py", line 3 in f\n'
)


class Run:
    """A run that is written to, and a follower with a clock of its own."""

    def __init__(self, logs: Path, resume: Path | None = None, **filters: str) -> None:
        self.logs = logs
        self.now = 1e6
        self.damage = Damage()
        wanted: Filters = filters  # type: ignore[assignment] # some of them
        self.follower = Follower(
            logs,
            make_selection(wanted),
            self.damage,
            resume=None if resume is None else str(resume),
            clock=lambda: self.now,
        )

    def write(self, name: str, *data: bytes) -> None:
        self.logs.mkdir(exist_ok=True)
        with open(self.logs / name, "ab") as out:
            out.write(b"".join(data))

    def poll(self, seconds: float = 0.0) -> list[Given]:
        self.now += seconds
        return self.follower.poll()

    def said(self, seconds: float = 3.0) -> list[str]:
        """Messages given out in the next `seconds`."""
        found = []
        for _ in range(int(seconds / 0.25)):
            found += messages(self.poll(0.25))
        return found


def messages(given: Iterable[Given]) -> list[str]:
    return [
        text.decode()
        for some in given
        for item, lot in zip(some.items, some.lots, strict=True)
        for text in lot.origin.source.reader.messages([item])
    ]


def line(number: float, text: str = "", rank: int = 0, **fields: object) -> bytes:
    time = TIME + timedelta(seconds=number)
    return encode(record(time=time, message=text or f"{number}", rank=rank, **fields), LAYOUT)


@contextmanager
def as_a_common_user() -> Iterator[None]:
    """Root may read all."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "logs")


def test_records_of_all_ranks_come_in_time_order_soon_after_they_were_written(run: Run) -> None:
    run.write("script.log", line(2), line(4))
    run.write("script_1.log", line(1, rank=1), line(3, rank=1))
    assert run.said(1.0) == ["1", "2", "3", "4"]
    run.write("script_1.log", line(6, rank=1))
    run.write("script.log", line(5))
    assert run.said(1.0) == ["5", "6"]
    assert not run.damage


def test_a_run_that_is_not_there_yet_is_waited_for_and_new_ranks_are_noticed(run: Run) -> None:
    assert run.said(1.0) == []
    run.write("script.log", line(1))
    assert run.said(1.5) == ["1"]
    run.write("script_1.jsonl", encode(record(message="json", rank=1), LAYOUTS["json"]()))
    assert run.said(1.5) == ["json"]


def test_a_record_that_comes_after_a_later_one_is_marked(run: Run) -> None:
    run.write("script.log", line(9))
    run.write("script_1.log", line(8, rank=1))
    assert run.said(1.5) == ["8", "9"]
    run.write("script_1.log", line(6.5, rank=1), line(10, rank=1))
    given = [one for _ in range(6) for one in run.poll(0.25)]
    assert [("6.5", 2.5), ("10", None)] == [(*messages([one]), one.late_seconds) for one in given]


@pytest.mark.parametrize("packs", [False, True], ids=["plain", "compressed"])
def test_rotations_lose_and_double_nothing(run: Run, packs: bool) -> None:
    """By the real writer; a piece may be compressed before all of it was read."""
    run.logs.mkdir()
    file = RankFile(str(run.logs), 0, LAYOUT, Rotation(max_bytes=400), lambda text: b"")
    found: list[str] = []
    for number in range(60):
        file.write(line(number))
        if packs and number % 3 == 0:
            for piece in run.logs.glob("script.*Z.log"):
                packed = Path(f"{piece}.gz")
                packed.write_bytes(gzip.compress(piece.read_bytes()))
                piece.unlink()
        if number % 7 == 0:
            found += messages(run.poll(0.3))
    found += run.said(3.0)
    assert found == [f"{number}" for number in range(60)]
    assert len(list(run.logs.iterdir())) > 10
    assert not run.damage


def test_a_new_file_of_a_few_bytes_is_not_taken_for_the_one_before(run: Run) -> None:
    run.write("script.log", line(1), line(2))
    assert run.said(1.0) == ["1", "2"]
    (run.logs / "script.log").rename(run.logs / "script.20261006T000000.000000Z.log")
    run.write("script.log", line(3)[:4])
    assert run.said(1.0) == []
    run.write("script.log", line(3)[4:])
    assert run.said(1.0) == ["3"]
    assert not run.damage


def test_what_a_slow_writer_adds_to_a_rotated_piece_is_read(run: Run) -> None:
    piece = "script.20261006T000000.000000Z.log"
    run.write("script.log", line(1))
    assert run.said(1.0) == ["1"]
    (run.logs / "script.log").rename(run.logs / piece)
    run.write("script.log", line(3))
    run.write(piece, line(2))
    assert run.said(2.0) == ["2", "3"]


def test_pieces_that_nobody_writes_to_any_more_are_let_go_and_never_read_again(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growing_source, "_QUIET_SECONDS", 5.0)
    piece = "script.20261006T000000.000000Z.log"
    run.write(piece, line(1))
    run.write("script.log", line(2))
    assert run.said(1.0) == ["1", "2"]
    assert run.said(8.0) == []
    packed = run.logs / f"{piece}.gz"
    packed.write_bytes(gzip.compress((run.logs / piece).read_bytes()))
    (run.logs / piece).unlink()
    run.write("script.log", line(3))
    assert run.said(8.0) == ["3"]


def test_a_file_that_no_listing_has_for_a_moment_is_not_given_up(run: Run) -> None:
    """As while a piece is compressed: its name goes before the other one is seen."""
    piece = run.logs / "script.20261006T000000.000000Z.log"
    run.write(piece.name, line(1), line(2))
    run.write("script.log", line(9))
    assert messages(run.poll()) == []
    packed = gzip.compress(piece.read_bytes() + line(3))
    piece.unlink()
    assert run.said(1.0) == ["1", "2", "9"]
    Path(f"{piece}.gz").write_bytes(packed)
    assert run.said(2.0) == ["3"]


def test_a_piece_that_is_compressed_between_listing_and_reading_is_read(run: Run) -> None:
    piece = run.logs / "script.20261006T000000.000000Z.log"
    run.write(piece.name, line(1))
    run.follower._discover(run.now)
    packed = gzip.compress(piece.read_bytes())
    piece.unlink()
    assert messages(run.poll()) == []
    Path(f"{piece}.gz").write_bytes(packed)
    assert run.said(2.0) == ["1"]


def test_a_file_that_is_gone_is_let_go(run: Run) -> None:
    run.write("script.log", line(1))
    run.write("script_1.log", line(2, rank=1))
    assert run.said(1.0) == ["1", "2"]
    (run.logs / "script.log").unlink()
    run.write("script_1.log", line(3, rank=1))
    assert run.said(15.0) == ["3"]
    (source, _) = run.follower._sources.values()
    assert source._files == []
    run.write("script.log", line(4))
    assert run.said(2.0) == ["4"]


def test_what_is_taken_away_and_brought_back_goes_on(run: Run) -> None:
    """As with a file system that is not mounted for a while."""
    piece = "script.20261006T000000.000000Z.log"
    run.write(piece, line(1))
    run.write("script.log", line(2))
    assert run.said(1.0) == ["1", "2"]
    away = run.logs.with_name("away")
    run.logs.rename(away)
    assert run.said(15.0) == []
    for name, number in ((piece, 3), ("script.log", 4)):
        with open(away / name, "ab") as out:
            out.write(line(number))
    away.rename(run.logs)
    assert run.said(3.0) == ["3", "4"]
    assert run.said(15.0) == []
    assert not run.damage


def test_a_directory_that_may_not_be_read_for_a_while_is_named_and_read_later() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own is private
        os.chmod(name, 0o755)
        run = Run(Path(name, "logs"))
        run.write("script.log", line(1))
        assert run.said(1.0) == ["1"]
        run.write("script.log", line(2))
        run.logs.chmod(0)
        with as_a_common_user():
            assert run.said(2.0) == []
            with pytest.raises(PermissionError):
                Run(run.logs).poll()
        run.logs.chmod(0o755)
        secret = run.logs / "script_1.log"
        run.write(secret.name, line(3))
        secret.chmod(0)
        with as_a_common_user():
            assert run.said(2.0) == ["2"]
        assert "Permission denied" in run.damage.files[str(secret)].describe()
        assert "Permission denied" in run.damage.files[str(run.logs)].describe()


def test_files_that_cannot_be_read_are_named(run: Run) -> None:
    run.write("script.log", line(1))
    broken, moment = (run.logs / f"script_1.2026100{day}T000000.000000Z.log.gz" for day in (5, 6))
    broken.write_bytes(b"\x1f\x8bno gzip at all")
    moment.write_bytes(gzip.compress(line(2, rank=1))[:20])
    run.write("script_2.log", line(3, rank=2))
    assert run.said(0.25) == []
    moment.write_bytes(gzip.compress(line(2, rank=1)))
    assert run.said(2.0) == ["1", "2", "3"]
    assert not run.damage
    assert messages(run.follower.end()) == []
    assert set(run.damage.files) == {str(broken)}


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
def test_a_window_that_is_no_time_to_wait_is_refused(tmp_path: Path, seconds: float) -> None:
    with pytest.raises(ValueError, match="accepted are seconds, 0 or more"):
        Follower(tmp_path, make_selection({}), Damage(), window_seconds=seconds)


def test_of_several_paths_those_that_are_there_are_followed(tmp_path: Path) -> None:
    first, second = tmp_path / "script.log", tmp_path / "script_1.log"
    first.write_bytes(line(1))
    some = Follower([first, second], make_selection({}), Damage())
    assert messages(some.poll()) == []
    second.write_bytes(line(2, rank=1))
    assert messages(some.end()) == ["1", "2"]


@pytest.mark.parametrize("packs", [False, True], ids=["plain", "compressed"])
def test_of_a_file_that_was_named_its_pieces_are_read_as_well(tmp_path: Path, packs: bool) -> None:
    old = tmp_path / "script.20261006T000000.000000Z.log"
    old.write_bytes(line(0, "before"))
    file = RankFile(str(tmp_path), 0, LAYOUT, Rotation(max_bytes=400, gzip=packs), lambda text: b"")
    file.write(line(0))
    position, found = tmp_path / "position", []
    for begin in range(1, 60, 20):
        some = Follower(file.path, make_selection({}), Damage(), resume=str(position))
        found += messages(some.poll())
        for number in range(begin, begin + 20):
            file.write(line(number))
        found += messages(some.end())
        for part in (0.3, 0.6):
            file.write(line(begin + 19 + part, "between"))
    expected = [f"{number}" for number in range(61)]
    assert [one for one in found if one != "between"] == expected
    assert found.count("between") == 4


def test_what_is_written_and_rotated_after_a_long_silence_is_read(run: Run) -> None:
    run.write("script.log", line(1))
    assert run.said(1.0) == ["1"]
    run.poll(700.0)
    run.write("script.log", line(2))
    (run.logs / "script.log").rename(run.logs / "script.20261006T000000.000000Z.log")
    run.write("script.log", line(3))
    assert run.said(2.0) == ["2", "3"]


def test_a_follower_that_was_stopped_for_long_has_what_it_had_read(run: Run) -> None:
    run.write("script.log", line(1))
    assert run.said(1.0) == ["1"]
    run.write("script.log", line(2))
    assert messages(run.poll()) == []
    (run.logs / "script.log").rename(run.logs / "script.20261006T000000.000000Z.log")
    assert messages(run.poll(0.01) + run.poll(0.01) + run.poll(700.0)) == []
    assert run.said(1.0) == ["2"]


def test_the_last_rank_is_known_once_somebody_says_how_many_there_are(tmp_path: Path) -> None:
    run = Run(tmp_path / "logs", rank="-1")
    run.write("script.log")  # made, and nothing written yet
    assert run.said(1.0) == []
    run.write("script.log", encode(banner(7, extra={"world_size": 2}), LAYOUT), line(1))
    run.write("script_1.log", line(2, rank=1))
    assert run.said(2.0) == ["2"]


@pytest.mark.parametrize("is_there", [True, False])
def test_a_file_of_no_rank_may_hold_records_of_any(tmp_path: Path, is_there: bool) -> None:
    run = Run(tmp_path / "logs", rank="3")
    run.write("script_1.log", line(0, rank=1))
    if not is_there:
        assert run.said(1.0) == []
    own = record(time=TIME, message="before", rank=None)
    run.write("script.log", encode(own, LAYOUT), line(1, "forked", rank=3))
    assert run.said(2.0) == ["forked"]


def test_stacks_below_a_record_that_was_given_out_come_with_it_again(run: Run) -> None:
    run.write("script.log", line(1))
    assert run.said(1.0) == ["1"]
    run.write("script.log", STACKS[:70])
    assert [one for _ in range(2) for one in run.poll(0.1)] == []
    run.write("script.log", STACKS[70:])
    given = [one for _ in range(8) for one in run.poll(0.25)]
    assert [(line(1) + STACKS, STACKS)] == [(*one.items, one.more) for one in given]
    run.write("script.log", line(2))
    assert run.said(1.0) == ["2"]
    assert not run.damage


def test_a_record_that_landed_in_the_middle_of_stacks_is_given_out(run: Run) -> None:
    run.write("script.log", line(1))
    assert run.said(1.0) == ["1"]
    run.write("script.log", b'  File "x', line(2, "worker"), b'y.py", line 3 in f\n', line(3))
    assert run.said(2.0) == ["1", "worker", "3"]


def test_a_torn_record_is_never_given_out(run: Run) -> None:
    run.write("script.log", line(1), line(2)[:-5])
    assert run.said(2.0) == ["1"]
    run.write("script.log", b"\n    ~ cut\n", line(3))
    assert run.said(2.0) == ["3"]
    assert run.damage.cut_records == 1


def test_only_what_is_wanted_is_given_out(tmp_path: Path) -> None:
    run = Run(tmp_path / "logs", rank="1", level="WARNING", grep="[ab]")
    run.write("script.log", line(1, "a", level="ERROR"))
    run.write(
        "script_1.log",
        line(2, "a", 1, level="INFO"),
        line(3, "b", 1, level="ERROR"),
        line(4, "c", 1, level="ERROR"),
    )
    assert run.said(1.5) == ["b"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"attempt": "1"}, ["started", "started", "old", "x"]),
        ({"attempt": "2"}, ["started", "y", "started", "z"]),
        ({"attempt": "last"}, ["started", "y", "started", "z", "started"]),
        ({"since": "1s"}, ["x", "started", "y", "started", "z", "started"]),
        ({}, ["started", "started", "old", "x", "started", "y", "started", "z", "started"]),
    ],
    ids=str,
)
def test_since_and_attempt_begin_in_what_is_there(
    tmp_path: Path, filters: dict[str, str], expected: list[str]
) -> None:
    first = [encode(banner(7), LAYOUT), line(60, "x")]
    run = Run(tmp_path / "logs", **filters)
    again = encode(banner(8, time=TIME + timedelta(seconds=60.5)), LAYOUT)
    run.write("script.log", *first, again, line(61, "y"))
    # The second attempt of rank 1 comes later, and a third.
    run.write("script_1.log", encode(banner(9, rank=1), LAYOUT), line(59, "old", rank=1))
    found = run.said(1.5)
    for pid in (10, 11):
        second = encode(banner(pid, rank=1, time=TIME + timedelta(seconds=pid + 60)), LAYOUT)
        run.write("script_1.log", second, *([line(71, "z", rank=1)] if pid == 10 else []))
    assert found + run.said(1.5) == expected


def test_a_follower_goes_on_where_another_ended(tmp_path: Path) -> None:
    position = tmp_path / "position"
    run = Run(tmp_path / "logs", position)
    run.write("script.log", line(1), line(2))
    run.write("script_1.log", line(1.5, rank=1))
    assert run.said(1.5) == ["1", "1.5", "2"]
    run.write("script.log", line(3))
    assert messages(run.follower.end()) == ["3"]

    (run.logs / "script.log").rename(run.logs / "script.20261006T000000.000000Z.log")
    run.write("script.log", line(4))
    again = Run(tmp_path / "logs", position)
    assert again.said(1.5) == ["4"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "position"]


def test_a_follower_that_was_killed_loses_nothing_and_doubles_at_most_what_it_held(
    tmp_path: Path,
) -> None:
    position = tmp_path / "position"
    run = Run(tmp_path / "logs", position)
    run.write("script.log", *map(line, range(5)))
    assert run.said(1.5) == ["0", "1", "2", "3", "4"]
    run.write("script.log", *map(line, range(5, 9)))
    run.poll(1.1)  # read, and still held: notes that it is not given out
    run.poll(0.1)
    assert json.loads(position.read_text())["positions"]
    again = Run(tmp_path / "logs", position)
    assert again.said(1.5)[-4:] == ["5", "6", "7", "8"]


def test_a_position_outlives_a_follower_that_found_nothing(tmp_path: Path) -> None:
    """As where the file system is mounted late, or by another choice of ranks."""
    position, logs = tmp_path / "position", tmp_path / "logs"
    run = Run(logs, position)
    run.write("script.log", line(1), line(2))
    run.write("script_1.log", line(3, rank=1), line(4, rank=1))
    assert messages(run.follower.end()) == ["1", "2", "3", "4"]
    run.write("script.log", line(5))
    logs.rename(tmp_path / "away")
    assert Run(logs, position).said(1.5) == []
    (tmp_path / "away").rename(logs)
    assert messages(Run(logs, position, rank="0").follower.end()) == ["5"]
    assert messages(Run(logs, position).follower.end()) == []


def test_a_file_with_one_short_record_is_known_again_when_it_has_grown(tmp_path: Path) -> None:
    run = Run(tmp_path / "logs", tmp_path / "position")
    run.write("script.log", line(1))
    assert len(line(1)) < 128
    assert messages(run.follower.end()) == ["1"]
    run.write("script.log", line(2), line(3))
    again = Run(tmp_path / "logs", tmp_path / "position")
    assert messages(again.follower.end()) == ["2", "3"]


def test_a_record_in_the_middle_of_its_write_is_given_out_by_the_next_follower(
    tmp_path: Path,
) -> None:
    run = Run(tmp_path / "logs", tmp_path / "position")
    run.write("script.log", line(1), line(2)[:-5])
    assert messages(run.follower.end()) == ["1"]
    run.write("script.log", line(2)[-5:], line(3))
    again = Run(tmp_path / "logs", tmp_path / "position")
    assert messages(again.follower.end()) == ["2", "3"]
    assert not again.damage


def test_pieces_that_were_let_go_are_not_asked_for_by_the_next_follower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growing_source, "_QUIET_SECONDS", 5.0)
    run = Run(tmp_path / "logs", tmp_path / "position")
    run.write("script.20261006T000000.000000Z.log", line(1))
    run.write("script.log", line(2))
    assert run.said(8.0) == ["1", "2"]
    assert messages(run.follower.end()) == []
    again = Run(tmp_path / "logs", tmp_path / "position")
    again.write("script.log", line(3))
    assert messages(again.follower.end()) == ["3"]
    assert not again.damage


def test_a_position_that_cannot_be_written_is_refused_at_first_and_told_of_later(
    tmp_path: Path,
) -> None:
    place = tmp_path / "place"
    run = Run(tmp_path / "logs", place / "position")
    with pytest.raises(ValueError, match="place/position' cannot be written: No such file"):
        run.poll()
    place.mkdir()
    run.write("script.log", line(1))
    assert run.said(1.5) == ["1"]
    shutil.rmtree(place)  # any reason will do, such as a full disk
    run.write("script.log", line(2))
    assert run.said(1.5) == ["2"]
    (note,) = run.damage.notes
    assert "place/position' cannot be written: No such file" in note
    place.mkdir()
    run.write("script.log", line(3))
    assert messages(run.follower.end()) == ["3"]
    assert [path.name for path in place.iterdir()] == ["position"]


def test_an_end_does_not_wait_until_all_is_read(tmp_path: Path) -> None:
    run = Run(tmp_path / "logs", tmp_path / "position")
    count = 60_000
    run.write("script.log", *(line(number, "x" * 80) for number in range(count)))
    begun = len(messages(run.poll()))
    some = len(messages(run.follower.end(seconds=-1.0)))
    assert 0 < begun + some < count
    assert run.damage.notes == ["ended before all that is there was read"]
    assert not run.damage
    again = Run(tmp_path / "logs", tmp_path / "position")
    assert begun + some + len(messages(again.follower.end())) == count


def test_a_position_of_another_kind_is_refused_by_name(tmp_path: Path) -> None:
    position = tmp_path / "position"
    position.write_text("[]")
    with pytest.raises(ValueError, match="position' is no file that an earlier follow left"):
        Run(tmp_path / "logs", position)


@pytest.mark.parametrize("age", [0, 100], ids=["fresh", "old"])
def test_what_is_there_comes_in_order_however_files_differ_in_length(run: Run, age: float) -> None:
    run.write("script.log", *(line(number / 100) for number in range(30_000)))
    for rank, last in enumerate((40, 120), 1):
        run.write(f"script_{rank}.log", *(line(number, rank=rank) for number in range(last)))
    for path in run.logs.iterdir():
        os.utime(path, (time.time() - age,) * 2)
    given = [one for _ in range(2000) for one in run.poll(0.001)] + run.poll(1.0)
    assert {one.late_seconds for one in given} == {None}
    items = [item for one in given for item in one.items]
    assert len(items) == 30_160
    assert [item[:26] for item in items] == sorted(item[:26] for item in items)


def test_no_more_of_what_is_there_is_held_than_is_needed_to_put_it_in_order(run: Run) -> None:
    size = 0
    for piece in range(4):
        some = [line(piece * 1000 + number / 100, "x" * 400) for number in range(5_000)]
        run.write(f"script.20261006T00000{piece}.000000Z.log", *some)
        run.write(
            "script_1.log", *(line(piece * 1000 + number / 10, rank=1) for number in range(9000))
        )
        size += sum(map(len, some))
    held = [0]
    count = 0
    for _ in range(200):
        count += len(messages(run.poll(0.01)))
        held.append(sum(len(item) for lot in run.follower._window.held() for item in lot.items))
    count += len(messages(run.poll(1.0)))
    assert count == 4 * (5_000 + 9_000)
    assert max(held) < size / 2


def test_what_was_written_before_the_end_is_given_out_at_the_end(run: Run) -> None:
    run.write("script.log", line(1), line(2)[:-3])
    assert messages(run.follower.end()) == ["1"]
    assert run.damage.cut_records == 1


def test_an_idle_run_is_looked_at_less_often(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(follower.time, "sleep", slept.append)
    run.write("script.log", line(1), line(2))
    for _ in range(6):
        run.poll(0.01)
        run.follower.wait(0.05)
    run.write("script.log", line(3))
    run.poll(0.01)
    run.follower.wait(0.05)
    assert [0.05, 0.1, 0.15, 0.2, 0.2, 0.2, 0.05] == pytest.approx(slept)
