"""What it costs to read a run, beside its peers: ``python bench/readers.py [JOB ...]``.

Whole commands take turns, their output goes into a file on the same tmpfs. Each merge is
compared with a sort in memory, record by record: what is out of order, lost or torn is counted.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from itertools import count, pairwise
from pathlib import Path

from commands import Command, take_turns
from corpus import START, make_corpus
from figures import machine, ratios, spread, table, write_section

ROUNDS = 5
RANKLOG = Path(sys.executable).with_name("ranklog")
CORPORA = {"8 × 200k": (8, 200_000), "64 × 20k": (64, 20_000), "1,024 × 1.2k": (1024, 1_200)}
BIG_BYTES = 10_000_000_000
_RECORD = re.compile(rb"^\d{4}-.*\n(?:(?!\d{4}-).*\n)*", re.MULTILINE)

Job = Callable[[Path, int], str]


def merged(directory: Path, rounds: int) -> str:
    """`merge` against `sort -m` and lnav."""
    rows = []
    for name, (ranks, records) in CORPORA.items():
        for is_disordered in (False, True):
            run = directory / "run"
            size = make_corpus(run, ranks=ranks, records=records, disorder=is_disordered)
            label = f"{name}{', disorder and stacks' if is_disordered else ''}, {size / 1e6:.0f} MB"
            rows += _merges(run, directory / "out", label, rounds, is_many=ranks > 256)
            shutil.rmtree(run)
    header = ["", "wall s", "ours ÷ it", "peak MiB", "out of order", "lost", "doubled or torn"]
    return "### Merge by time\n\n" + table([*header, ""], [[*row, ""] for row in rows])


def _merges(run: Path, out: Path, label: str, rounds: int, *, is_many: bool) -> list[list[str]]:
    files = sorted((run / "logs").iterdir(), key=lambda path: (len(path.name), path.name))
    # sort and cat have all files open; under a limit they would only fail.
    limit = 256 if is_many else None
    ours = Command("ranklog merge", [RANKLOG, "merge", run], limit_files=limit)
    peers = [
        Command("sort -m", ["sort", "-m", "-s", "-k1,2", "--batch-size=1100", *files]),
        Command("cat", ["cat", *files]),
    ]
    lnav = os.environ.get("RANKLOG_LNAV", shutil.which("lnav"))
    if lnav:
        home = tempfile.mkdtemp(dir=run.parent)
        peers.append(Command("lnav -n", [lnav, "-n", *files], {"HOME": home}, rounds=2))
    take_turns([ours, *peers], out, rounds)
    expected = [record for path in files for record in _RECORD.findall(path.read_bytes())]
    rows = []
    for command in (ours, *peers):
        command.run(out)
        command.measure_peak()
        faults = _faults(expected, out.read_bytes()) if command.name != "cat" else ["", "", ""]
        turns = slice(len(command.wall))
        against = "1" if command is ours else spread(ratios(ours.wall[turns], command.wall))
        peak = f"{command.peak_mib:.0f}"
        rows.append([f"{label}: {command.name}", spread(command.wall), against, peak, *faults])
    return rows


def _faults(expected: Sequence[bytes], data: bytes) -> list[str]:
    """Records out of order, lost, and doubled or torn."""
    found = _RECORD.findall(data)
    inversions = sum(one[:26] > other[:26] for one, other in pairwise(found))
    wanted, got = Counter(expected), Counter(found)
    lost, extra = (wanted - got).total(), (got - wanted).total()
    return [f"{inversions:,}", f"{lost:,}", f"{extra:,}"]


def questions(directory: Path, rounds: int) -> str:
    """The views that need not read all, or count all."""
    out, run, empty = directory / "out", directory / "run", directory / "empty"
    empty.mkdir()
    make_corpus(run, ranks=8, records=200_000)
    files = sorted((run / "logs").iterdir())
    bare = Command("bare", [sys.executable, "-c", "pass"])
    idle = Command("start-up", [RANKLOG, "merge", empty])
    cat = Command("cat", ["cat", *files])
    first = Command("first-error", [RANKLOG, "first-error", run])
    none = Command("first-error, none", [RANKLOG, "first-error", "--level", "CRITICAL", run])
    group = Command("group", [RANKLOG, "group", run])
    take_turns([bare, idle, cat, first, none, group], out, rounds)
    rows = [["start-up", _ms(idle), f"{_ms(bare)} of them the interpreter's", "60 ms"]]
    for what, command in (("first-error, 235 MB", first), ("where there is none", none)):
        against = spread(ratios(_beyond(command, idle), cat.wall))
        rows.append([what, _ms(command), f"beyond start-up {against} × cat", "2.5 × cat"])
    rows.append(["group, 1.6 M records", _ms(group), "", "4,000 ms"])
    shutil.rmtree(run)
    make_corpus(run, ranks=64, records=20_000)
    silent = Command("silent", [RANKLOG, "silent", run])
    idle.wall.clear()
    take_turns([idle, silent], out, rounds)
    beyond = spread([1000 * seconds for seconds in _beyond(silent, idle)], 0)
    rows.append(["silent, 64 ranks", _ms(silent), f"beyond start-up {beyond} ms", "50 ms"])
    shutil.rmtree(run)
    return "### Questions\n\n" + table(["", "wall", "", "goal"], rows)


def _beyond(command: Command, idle: Command) -> list[float]:
    """Seconds beyond those of a start, round by round."""
    return [one - other for one, other in zip(command.wall, idle.wall, strict=True)]


def _ms(command: Command) -> str:
    return f"{spread([1000 * seconds for seconds in command.wall], 0)} ms"


def big(directory: Path, rounds: int) -> str:
    """The first record out of 10 GB."""
    run = directory / "big"
    _make_big(run)
    rows = []
    for name, arguments in (
        ("merge, first record", []),
        ("merge --since in the middle", ["--since", "2026-10-06 01:30"]),
        ("merge --since 10s before the end", ["--since", "10s"]),
    ):
        seconds = []
        for _ in range(rounds):
            begin = time.perf_counter()
            with subprocess.Popen(
                [RANKLOG, "merge", run, *arguments], stdout=subprocess.PIPE
            ) as process:
                assert process.stdout is not None
                line = process.stdout.readline()
                seconds.append(time.perf_counter() - begin)
                process.stdout.close()
                assert process.wait() == 0
            assert line.startswith(b"2026-"), line
        rows.append([name, f"{spread([1000 * one for one in seconds], 0)} ms", "300 ms"])
    shutil.rmtree(run)
    return f"### {BIG_BYTES / 1e9:.0f} GB in 8 files\n\n" + table(["", "wall", "goal"], rows)


def _make_big(run: Path) -> None:
    """8 files of the same minute again and again, each time a minute later."""
    sample = run.parent / "sample"
    make_corpus(sample, ranks=8, records=50_000)  # less than a minute
    (run / "logs").mkdir(parents=True)
    for path in (sample / "logs").iterdir():
        lines = path.read_bytes()
        with open(run / "logs" / path.name, "wb") as out:
            for number in count():
                minute = (START + timedelta(minutes=number)).strftime("%Y-%m-%d %H:%M:")
                out.write(lines.replace(b"2026-10-05 23:50:", minute.encode()))
                if out.tell() > BIG_BYTES // 8:
                    break
    shutil.rmtree(sample)


WRITER = """
import logging, sys
from logging_helpers import init_logging
init_logging(run_dir=sys.argv[1], rotation=4_000_000, console_ranks="0", level="INFO", rank=int(sys.argv[2]))
log = logging.getLogger("w")
for number in range(int(sys.argv[3])):
    log.info("writer %s/%d of a run that is followed while it is written", sys.argv[2], number)
"""


def followed(directory: Path, _rounds: int) -> str:
    """A million records of 8 live writers with rotation."""
    run, each = directory / "live", 125_000
    out = directory / "out"
    with open(out, "wb") as stream:
        follower = subprocess.Popen([RANKLOG, "follow", "--raw", run], stdout=stream)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, run, str(rank), str(each)], stderr=subprocess.DEVNULL
        )
        for rank in range(8)
    ]
    sizes = _watch(out, writers)
    assert [writer.wait() for writer in writers] == [0] * 8
    follower.send_signal(signal.SIGINT)
    assert follower.wait(timeout=60) == 0
    seen, delays = _arrivals(out.read_bytes(), sizes)
    lost = 8 * each - len(set(seen))
    pieces = len(list((run / "logs").glob("*Z.log")))
    shutil.rmtree(run)
    delays.sort()
    rows = [
        ["records", f"{8 * each:,}", ""],
        ["pieces rotated meanwhile", f"{pieces}", ""],
        ["lost", f"{lost}", "0"],
        ["doubled", f"{len(seen) - len(set(seen))}", "0"],
        ["delay, median", f"{delays[len(delays) // 2]:.2f} s", ""],
        ["delay, 99 %", f"{delays[int(len(delays) * 0.99)]:.2f} s", "1 s"],
        ["delay, longest", f"{delays[-1]:.2f} s", ""],
    ]
    return "### follow\n\n" + table(["", "", "goal"], rows)


def _watch(out: Path, writers: list[subprocess.Popen[bytes]]) -> list[tuple[int, float]]:
    """Sizes that a file had, and when, until it does not grow any more.

    Looking at the size alone takes no time from those that are measured.
    """
    sizes = [(0, time.time())]
    quiet = 0
    while quiet < 100:
        time.sleep(0.02)
        size = out.stat().st_size
        is_over = all(writer.poll() is not None for writer in writers)
        quiet = quiet + 1 if is_over and size == sizes[-1][0] else 0
        if size != sizes[-1][0]:
            sizes.append((size, time.time()))
    return sizes


def _arrivals(data: bytes, sizes: list[tuple[int, float]]) -> tuple[list[bytes], list[float]]:
    """Which records came, and of some how long after their stamps."""
    pattern = re.compile(rb"^([\d-]+ [\d:.]+)\+00:00 .*writer (\d/\d+) of", re.MULTILINE)
    seen: list[bytes] = []
    delays: list[float] = []
    ends = [size for size, _ in sizes]
    for number, match in enumerate(pattern.finditer(data)):
        seen.append(match[2])
        place = bisect_left(ends, match.end())
        if number % 50 == 0 and place < len(sizes):
            delays.append(sizes[place][1] - _seconds(match[1]))
    return seen, delays


def _seconds(stamp: bytes) -> float:
    return datetime.fromisoformat(stamp.decode()).replace(tzinfo=timezone.utc).timestamp()


JOBS: dict[str, Job] = {"merge": merged, "questions": questions, "big": big, "follow": followed}


def main() -> None:
    """Measure, print and, where all was measured, keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=", ".join(JOBS))
    parser.add_argument("--directory", default="/dev/shm", help="a tmpfs")
    parser.add_argument("--big-directory", default=".", help="where 10 GB have room")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="[%(default)s]")
    options = parser.parse_args()
    parts = []
    for name in options.jobs or JOBS:
        where = options.big_directory if name == "big" else options.directory
        with tempfile.TemporaryDirectory(dir=where) as directory:
            parts.append(JOBS[name](Path(directory), options.rounds))
            print(parts[-1], flush=True)
    if not options.jobs:
        head = f"## Reading a run (`bench/readers.py`, {options.rounds} rounds)"
        write_section("readers", "\n\n".join((head, machine(["ranklog"]), *parts)))


if __name__ == "__main__":
    main()
