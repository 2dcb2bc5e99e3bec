"""The guide's data pipeline, on real input: the source files of Python's standard library.

    python examples/launch_ranks.py -n 4 examples/data_pipeline.py --run-dir runs/pipeline

Each rank takes its shard of the files, counts lines and tokens, finds the longest function
and writes what it found to ``results/shard_N.json`` in the run directory. Rank 0 waits for
all shards and adds them up. The console shows INFO; ``logs/script*.log`` have a DEBUG
record for every file as well.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import logging
import os
import sys
import sysconfig
import time
import tokenize
import warnings
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from logging_helpers import get_rank_info, init_logging, is_master, log_master

logger = logging.getLogger("pipeline")

SKIPPED_DIRECTORIES = {"__pycache__", "site-packages", "dist-packages", "test"}
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Function:
    """A function and where it stands."""

    lines: int
    name: str
    file: str

    def __str__(self) -> str:
        return f"{self.name} in {self.file}, {self.lines} lines"


@dataclass(frozen=True)
class Counts:
    """What was found in some files."""

    files: int = 0
    unparsed: int = 0
    lines: int = 0
    tokens: int = 0
    longest: Function | None = None

    def __add__(self, other: Counts) -> Counts:
        both = [function for function in (self.longest, other.longest) if function is not None]
        return Counts(
            self.files + other.files,
            self.unparsed + other.unparsed,
            self.lines + other.lines,
            self.tokens + other.tokens,
            max(both, key=lambda function: function.lines, default=None),
        )


def find_files(corpus: Path) -> list[Path]:
    """All source files under `corpus`, in the same order on every rank."""
    found = []
    for directory, subdirectories, names in os.walk(corpus):
        subdirectories[:] = set(subdirectories) - SKIPPED_DIRECTORIES
        found += [Path(directory, name) for name in names if name.endswith(".py")]
    return sorted(found)


def count_file(source: bytes, file: str) -> Counts:
    """Count one file.

    Args:
        source: What is in it.
        file: Its name, for the longest function.

    Raises:
        SyntaxError, tokenize.TokenError, ValueError: It is no Python of this version.
    """
    tokens = sum(1 for _ in tokenize.tokenize(io.BytesIO(source).readline))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the parser, about other people's escapes
        tree = ast.parse(source, file)
    functions = (
        Function((node.end_lineno or node.lineno) - node.lineno + 1, node.name, file)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )
    longest = max(functions, key=lambda function: function.lines, default=None)
    return Counts(1, 0, len(source.splitlines()), tokens, longest)


def process_shard(files: list[Path], corpus: Path) -> Counts:
    """Count all files of a shard; those that do not parse are logged and counted."""
    total = Counts()
    for path in files:
        file = str(path.relative_to(corpus))
        try:
            counts = count_file(path.read_bytes(), file)
        except (OSError, SyntaxError, tokenize.TokenError, ValueError) as error:
            logger.warning("%s does not parse: %s", file, error)
            counts = Counts(files=1, unparsed=1)
        else:
            logger.debug("%s: %d lines, %d tokens", file, counts.lines, counts.tokens)
        total += counts
    return total


def write_result(path: Path, counts: Counts, launch_id: str) -> None:
    """Write a shard's result so that it is there as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    unfinished.write_text(json.dumps({"launch": launch_id, **asdict(counts)}))
    unfinished.replace(path)


def read_result(path: Path, launch_id: str) -> Counts | None:
    """A shard's result; ``None`` where it is not there yet, or is an earlier launch's."""
    try:
        fields = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    if fields.pop("launch") != launch_id:
        return None
    longest = fields.pop("longest")
    return replace(Counts(**fields), longest=Function(**longest) if longest else None)


def gather_results(results: dict[int, Path], launch_id: str, timeout_seconds: float) -> Counts:
    """Wait for all shards and add them up.

    Args:
        results: The file of each shard's result.
        launch_id: The launch that the results must come from.
        timeout_seconds: How long to wait.

    Raises:
        TimeoutError: Some shards are not there in time.
    """
    deadline = time.monotonic() + timeout_seconds
    total, missing = Counts(), dict(results)
    while True:
        for shard, path in list(missing.items()):
            counts = read_result(path, launch_id)
            if counts is not None:
                total += counts
                del missing[shard]
        if not missing:
            return total
        if time.monotonic() > deadline:
            raise TimeoutError(f"no result of shards {sorted(missing)} in {timeout_seconds:g} s")
        time.sleep(POLL_SECONDS)


def main() -> int:
    parser = argparse.ArgumentParser(description="Count Python source files as a job of ranks.")
    parser.add_argument("--run-dir", type=Path, default=Path("runs/data_pipeline"))
    parser.add_argument("--corpus", type=Path, default=Path(sysconfig.get_path("stdlib")))
    parser.add_argument("--max-files", type=int, help="of each shard; default: all")
    parser.add_argument("--timeout-seconds", type=float, default=120.0)
    options = parser.parse_args()

    init_logging(level="INFO", file_level="DEBUG", show_rank=True, run_dir=options.run_dir)
    info = get_rank_info()
    shard, shards = info.rank or 0, info.world_size or 1
    # Results of an earlier launch may still lie in the run directory.
    launch_id = os.environ.get("LAUNCH_ID", "")
    results = {n: options.run_dir / "results" / f"shard_{n}.json" for n in range(shards)}

    # Master coordinates
    log_master(f"Starting pipeline with {shards} workers", logger=logger)

    # Each worker processes a shard
    logger.info("Processing shard %d/%d", shard, shards)
    files = find_files(options.corpus)[shard::shards][: options.max_files]
    counts = process_shard(files, options.corpus)
    write_result(results[shard], counts, launch_id)

    # Report results
    logger.info("Completed: %d records", counts.files, extra=asdict(counts))

    # Master aggregates results
    if is_master():
        try:
            total = gather_results(results, launch_id, options.timeout_seconds)
        except TimeoutError as error:
            logger.error("Pipeline incomplete: %s", error)
            return 1
        log_master(f"Pipeline complete: {total.files} total records", logger=logger)
        log_master(
            f"{total.lines} lines, {total.tokens} tokens, {total.unparsed} files did not parse",
            logger=logger,
        )
        log_master(f"Longest function: {total.longest}", logger=logger)
    return 0


if __name__ == "__main__":
    sys.exit(main())
