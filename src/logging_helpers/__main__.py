"""``python -m logging_helpers``: who this process is in its job, and why.

In a job of N ranks (``torchrun ... -m logging_helpers``, ``mpirun -n 4 python -m
logging_helpers``) each prints its own.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from logging_helpers.identity.detect import Detection, detect
from logging_helpers.identity.launchers import LAUNCHERS, VARIABLES
from logging_helpers.settings.resolve import fill_job_id
from ranklog.line_format import LAYOUTS, LOGS_DIRECTORY, live_name


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Print the identity.

    Args:
        arguments: The command line without the program's name.
        environ: The environment.

    Returns:
        0; 1 where something is malformed or disagrees.
    """
    parser = argparse.ArgumentParser(
        prog="python -m logging_helpers",
        description="Print the identity of this process, where each part of it comes from, what"
        " else was set and lost, and where its log would go.",
    )
    parser.add_argument("--run-dir", default="RUN_DIR", help="as for init_logging()")
    parser.add_argument(
        "--file-format", choices=tuple(LAYOUTS), default="text", help="as for init_logging()"
    )
    options = parser.parse_args(arguments)
    detection = detect(environ)
    # One write: the ranks of a job share the screen.
    report = "\n".join(_report(detection, environ, options.run_dir, options.file_format)) + "\n"
    try:
        sys.stdout.write(report)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has seen enough. Python would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1 if detection.problems or detection.info.conflicts else 0


def _report(
    detection: Detection, environ: Mapping[str, str], run_dir: str, file_format: str
) -> list[str]:
    info, origins = detection.info, detection.origins()
    size = "" if info.world_size is None else f" of {info.world_size}"
    name = "no rank" if info.rank is None else f"rank {info.rank}{size}"
    lines = [f"{name}, launcher {info.source or 'unknown'}, pid {os.getpid()}"]
    for field in ("rank", "world_size", "local_rank", "local_world_size", "node_rank"):
        lines.append(_field(field, getattr(info, field), origins.get(field)))
    lines.append(_field("restart", info.restart, origins.get("restart")))
    lines.append(_field("job_id", info.job_id, origins.get("job_id")))
    lines.extend(f"  problem: {problem}" for problem in detection.problems)
    lines.extend(f"  conflict: {conflict}" for conflict in info.conflicts)
    not_used = _not_used(detection, environ)
    lines.extend(f"  not used: {reason}" for reason in not_used)
    used = " ".join([*origins.values(), *not_used])
    unused = sorted(v for v in VARIABLES if environ.get(v) and not _mentions(used, v))
    if unused:
        lines.append("  also set: " + ", ".join(f"{v}={environ[v]}" for v in unused))
    try:
        directory = os.path.join(fill_job_id(run_dir, info), LOGS_DIRECTORY)
        lines.append(
            f"  log: {os.path.join(directory, live_name(info.rank, LAYOUTS[file_format].suffix))}"
        )
    except ValueError as error:
        lines.append(f"  log: {error}")
    return lines


def _not_used(detection: Detection, environ: Mapping[str, str]) -> list[str]:
    """The ranks that are set and lost, and why; those that are told already left out."""
    info, choice = detection.info, detection.choice
    told = [*detection.origins().values(), *info.conflicts, *detection.problems]
    reasons = {}
    for row in LAUNCHERS:
        for variable in row.numbering:
            value = environ.get(variable)
            if not value or any(f"{variable}=" in text for text in told):
                continue
            if choice is None or not row.counts(environ):
                why = f"counts only {row.counts_where}"
            elif str(choice.rank.number) == value:
                why = f"says the same as {choice.rank}"
            else:
                why = f"numbers nodes; {choice.rank} numbers processes"
            reasons[variable] = f"{variable}={value}, which {why}"
    return list(reasons.values())


def _field(name: str, value: int | str | None, origin: str | None) -> str:
    text = "-" if value is None else str(value)
    return f"  {name:<17}{text:<12} {origin or ''}".rstrip()


def _mentions(used: str, variable: str) -> bool:
    return any(part.partition("=")[0] == variable for part in used.split())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
