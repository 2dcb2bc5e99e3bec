"""Makes runs of any size for the benchmarks of readers, the same for the same seed.

    python bench/corpus.py DIRECTORY --ranks 8 --records 200000

Records are about 140 bytes; one in 200 is an error with a traceback of nine lines and extra
fields. With ``--disorder``, one in 50 stands up to 40 places too late, as threads write them,
and every tenth rank ends with the raw stacks of `faulthandler`.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ranklog.line_format import Record, TextLayout, encode, live_name

START = datetime(2026, 10, 5, 23, 50, tzinfo=timezone.utc)
ERROR_EVERY = 200
_STACKS = b"""Current thread 0x00007f0000000000 (most recent call first):
  File "train.py", line 214 in all_reduce
  File "train.py", line 61 in run_step
"""
_TRACEBACK = "\n".join(
    [
        "Traceback (most recent call last):",
        *(
            f'  File "/opt/train/stage_{n}.py", line {n * 17}, in step\n    loss = model(batch)'
            for n in range(4)
        ),
        "RuntimeError: NaN in loss",
    ]
)


def record_lines(
    rank: int, ranks: int, records: int, step: timedelta, chance: random.Random
) -> Iterator[bytes]:
    """The records of one rank, in time order, as they stand in its file.

    Args:
        rank: Whose.
        ranks: Size of the job.
        records: How many, without banner and end.
        step: Mean time from one to the next.
        chance: Where randomness comes from.
    """
    layout = TextLayout()
    time = START + timedelta(microseconds=rank)
    banner = {"rank": rank, "world_size": ranks, "host": f"node{rank // 8}", "pid": 1000 + rank}
    yield encode(_own(time, rank, "start", banner), layout)
    heads = [
        layout.head(level, rank, None, False) + layout.site(logger, function, line)
        for level, logger, function, line in (
            ("INFO", "train.loop", "run_step", 214),
            ("DEBUG", "train.data.loader", "next_batch", 88),
            ("INFO", "train.optimizer", "step", 41),
            ("WARNING", "train.checkpoint", "save", 12),
        )
    ]
    error = layout.head("ERROR", rank, None, False) + layout.site("train.loop", "run_step", 230)
    microseconds = step // timedelta(microseconds=1)
    for number in range(records):
        time += timedelta(microseconds=chance.randrange(1, 2 * microseconds))
        if number % ERROR_EVERY == ERROR_EVERY - 1:
            message = f"step {number} failed"
            stamp = layout.stamp(time)
            yield layout.encode(stamp, error, message, True, _TRACEBACK, {"step": number})
            continue
        origin = heads[-1 if number % 50 == 3 else number % 3]
        message = f"step {number} loss {chance.random():.4f} lr 0.00100 throughput 1234.5 samples/s"
        yield layout.encode(layout.stamp(time), origin, message, True, None, {})
    yield encode(
        _own(time, rank, "end", {"exit": "exit", "records": {}, "pid": 1000 + rank}), layout
    )


def _own(time: datetime, rank: int, function: str, extra: dict[str, object]) -> Record:
    return Record(
        time=time, level="INFO", rank=rank, pid=None, logger="ranklog", function=function, line=0,
        message=f"rank {rank} {function}", exception=None, extra=extra,
    )  # fmt: skip


def make_corpus(
    directory: Path, *, ranks: int, records: int, disorder: bool = False, seed: int = 1
) -> int:
    """Write ``directory/logs/script*.log``.

    Returns:
        Bytes written.
    """
    logs = directory / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    size = 0
    step = timedelta(microseconds=1_000)
    for rank in range(ranks):
        chance = random.Random(f"{seed} {rank}")
        lines = list(record_lines(rank, ranks, records, step, chance))
        if disorder:
            for number in range(1, len(lines) - 41, 50):
                lines.insert(number + chance.randrange(40), lines.pop(number))
            if rank % 10 == 0:
                lines.append(_STACKS)
        data = b"".join(lines)
        (logs / live_name(rank, ".log")).write_bytes(data)
        size += len(data)
    return size


def main() -> None:
    """Make one corpus."""
    parser = argparse.ArgumentParser(description="make a run to read")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--ranks", type=int, default=8)
    parser.add_argument("--records", type=int, default=200_000, help="of each rank")
    parser.add_argument("--disorder", action="store_true")
    options = parser.parse_args()
    size = make_corpus(
        options.directory,
        ranks=options.ranks,
        records=options.records,
        disorder=options.disorder,
    )
    print(f"{size:,} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
