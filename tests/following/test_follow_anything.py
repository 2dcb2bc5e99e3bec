"""Whatever writers, rotations and storage do, and in whatever order, all records come, and once."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from test_follower import Run, line, messages

RANKS = 3


class Story:
    """A run to which things happen, and followers of it, one after the other."""

    def __init__(self, directory: Path) -> None:
        self.logs, self.position = directory / "logs", directory / "position"
        self.logs.mkdir()
        self.run = Run(self.logs, self.position)
        self.written: list[str] = []
        self.found: list[str] = []
        self.unwritten = [b""] * RANKS  # the rest of a record, where its write took two
        self.pieces = 0

    def take(self, seconds: float) -> None:
        # A record whose second half came later comes again.
        self.found += messages(one for one in self.run.poll(seconds) if not one.more)

    def name(self, rank: int) -> str:
        return f"script_{rank}.log" if rank else "script.log"

    def write(self, random: Random, rank: int) -> None:
        self.written.append(f"{len(self.written)}")
        exception = "E\nx" if random.random() < 0.2 else None
        data = self.unwritten[rank] + line(len(self.written) - 1, rank=rank, exception=exception)
        cut = random.randint(1, len(data)) if random.random() < 0.2 else len(data)
        self.unwritten[rank] = data[cut:]
        self.run.write(self.name(rank), data[:cut])

    def rotate(self, random: Random, rank: int) -> None:
        live = self.logs / self.name(rank)
        if live.exists() and not self.unwritten[rank]:
            self.pieces += 1
            live.rename(live.with_suffix(f".20261006T000000.{self.pieces:06d}Z.log"))

    def compress(self, random: Random, rank: int) -> None:
        for piece in self.logs.glob("*Z.log"):
            if random.random() < 0.5:
                half = Path(f"{piece}.tmp")
                half.write_bytes(gzip.compress(piece.read_bytes()))
                os.replace(half, f"{piece}.gz")
                piece.unlink()

    def follow_anew(self, random: Random, rank: int) -> None:
        self.found += messages(one for one in self.run.follower.end() if not one.more)
        now = self.run.now
        self.run = Run(self.logs, self.position)
        self.run.now = now

    def take_away(self, random: Random, rank: int) -> None:
        away = self.logs.rename(self.logs.with_name("away"))
        for _ in range(random.choice([1, 60])):
            self.take(0.25)
        away.rename(self.logs)

    def stop(self, random: Random, rank: int) -> None:
        self.run.now += 700.0

    def poll(self, random: Random, rank: int) -> None:
        self.take(random.choice([0.01, 0.1, 0.3, 1.0]))

    def end(self) -> None:
        for rank, rest in enumerate(self.unwritten):
            self.run.write(self.name(rank), rest)
        for _ in range(8):
            self.take(0.3)
        self.follow_anew(Random(), 0)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(10, 120))
def test_nothing_is_lost_or_doubled(seed: int, steps: int) -> None:
    random = Random(seed)
    with TemporaryDirectory() as directory:
        story = Story(Path(directory))
        happenings: list[tuple[Callable[[Random, int], None], float]] = [
            (story.write, 50),
            (story.rotate, 10),
            (story.compress, 10),
            (story.follow_anew, 5),
            (story.take_away, 3),
            (story.stop, 2),
            (story.poll, 20),
        ]
        actions, weights = zip(*happenings, strict=True)
        for action in random.choices(actions, weights, k=steps):
            action(random, random.randrange(RANKS))
        story.end()
        assert sorted(story.found, key=int) == story.written
        assert not story.run.damage.unreadable
