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
from logging_helpers.identity.launchers import VARIABLES
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
    sys.stdout.write(
        "\n".join(_report(detection, environ, options.run_dir, options.file_format)) + "\n"
    )
    sys.stdout.flush()
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
    used = " ".join(origins.values())
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


def _field(name: str, value: int | str | None, origin: str | None) -> str:
    text = "-" if value is None else str(value)
    return f"  {name:<17}{text:<12} {origin or ''}".rstrip()


def _mentions(used: str, variable: str) -> bool:
    return any(part.partition("=")[0] == variable for part in used.split())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
