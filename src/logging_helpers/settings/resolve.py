"""What `init_logging` was asked for, checked and with the environment applied. Pure."""

import os
import signal
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TextIO

from logging_helpers.identity.rank_info import RankInfo
from logging_helpers.settings.dump_signals import checked_dump_signal
from logging_helpers.settings.levels import LevelRules, parse_directives, parse_level
from logging_helpers.settings.sizes import parse_bytes
from ranklog.line_format import LAYOUTS
from ranklog.line_format.rank_sets import RankSet, parse_ranks

Patcher = Callable[[Any], None]
"""A loguru patcher: changes a record in place before any sink sees it."""

LEVEL_VARIABLE = "LOG_LEVEL"
CONSOLE_RANKS_VARIABLE = "LOG_CONSOLE_RANKS"


class Rotation(NamedTuple):
    """When a rank's file is rotated, and what becomes of the pieces.

    Attributes:
        max_bytes: Size at which the file is rotated, ``None`` for never.
        keep_pieces: Number of pieces to keep per rank, ``None`` for all.
        keep_bytes: Total size of a rank's pieces to keep, ``None`` for no limit.
        gzip: Whether pieces are compressed.
    """

    max_bytes: int | None = None
    keep_pieces: int | None = None
    keep_bytes: int | None = None
    gzip: bool = False


_NO_ROTATION = Rotation()
_ALL_RANKS = RankSet()


class Settings(NamedTuple):
    """One whole configuration; equal settings configure nothing new."""

    console_level: LevelRules
    file_level: LevelRules
    run_dir: str | None = None
    show_rank: bool = False
    rotation: Rotation = _NO_ROTATION
    file_format: str = "text"
    stream: TextIO | None = None
    explicit_rank: int | None = None
    patcher: Patcher | None = None
    console_ranks: RankSet = _ALL_RANKS
    strict: bool = False
    crash_reports: bool = True
    dump_signal: int | None = None


def resolve_settings(
    environ: Mapping[str, str],
    *,
    level: int | str | None,
    run_dir: str | os.PathLike[str] | None,
    show_rank: bool,
    file_level: int | str | None,
    rotation: int | str | None,
    retention: int | str | None,
    compression: str | None,
    file_format: str,
    stream: TextIO | None,
    rank: int | None,
    patcher: Patcher | None,
    console_ranks: str | int,
    strict: bool,
    crash_reports: bool,
    dump_signal: int | signal.Signals | None,
) -> Settings:
    """Check the arguments of `init_logging` and apply ``LOG_LEVEL`` and ``LOG_CONSOLE_RANKS``.

    Raises:
        ValueError: A value is not accepted; the message names it and says what is.
        TypeError: A value has the wrong type.
    """
    default = parse_level("INFO" if level is None else level, "argument level")
    directives: tuple[tuple[str, int], ...] = ()
    if environ.get(LEVEL_VARIABLE):
        where = f"environment variable {LEVEL_VARIABLE}"
        override, directives = parse_directives(environ[LEVEL_VARIABLE], where)
        default = default if override is None else override
    file_default = default if file_level is None else parse_level(file_level, "argument file_level")
    if environ.get(CONSOLE_RANKS_VARIABLE):
        where = f"environment variable {CONSOLE_RANKS_VARIABLE}"
        ranks = parse_ranks(environ[CONSOLE_RANKS_VARIABLE], where)
    else:
        ranks = parse_ranks(console_ranks, "argument console_ranks")
    if file_format not in LAYOUTS:
        raise ValueError(
            f"argument file_format={file_format!r} is not a format;"
            f" accepted are {', '.join(map(repr, LAYOUTS))}"
        )
    if stream is not None and not callable(getattr(stream, "write", None)):
        raise TypeError(f"argument stream={stream!r} is not a text stream; it has no write()")
    if patcher is not None and not callable(patcher):
        raise TypeError(f"argument patcher={patcher!r} is not callable")
    return Settings(
        console_level=LevelRules(default, directives),
        file_level=LevelRules(file_default, directives),
        run_dir=_checked_run_dir(run_dir),
        show_rank=bool(show_rank),
        rotation=_checked_rotation(rotation, retention, compression),
        file_format=file_format,
        stream=stream,
        explicit_rank=_checked_rank(rank),
        patcher=patcher,
        console_ranks=ranks,
        strict=bool(strict),
        crash_reports=bool(crash_reports),
        dump_signal=checked_dump_signal(dump_signal),
    )


def fill_job_id(run_dir: str, info: RankInfo) -> str:
    """Replace ``{job_id}`` in a run directory; other braces stay.

    Raises:
        ValueError: It is there and no launcher gave the job an id.
    """
    if "{job_id}" not in run_dir:
        return run_dir
    if info.job_id is None:
        raise ValueError(
            f"argument run_dir={run_dir!r} has {{job_id}}, but no launcher gave this job an id"
            " (such as SKYPILOT_TASK_ID, or torchrun --rdzv-id)"
        )
    return run_dir.replace("{job_id}", info.job_id)


def _checked_run_dir(run_dir: str | os.PathLike[str] | None) -> str | None:
    if run_dir is None:
        return None
    accepted = "accepted is the path of a directory"
    try:
        path = os.fsdecode(run_dir)
    except TypeError:
        raise TypeError(f"argument run_dir={run_dir!r} is not a path; {accepted}") from None
    if not path or "\0" in path:
        raise ValueError(f"argument run_dir={run_dir!r} names no directory; {accepted}")
    # Absolute, because a program may change its directory while it runs.
    return os.path.abspath(os.path.expanduser(path))


def _checked_rank(rank: int | None) -> int | None:
    accepted = "accepted is a whole number of 0 or more, or None to ask the environment"
    if rank is None:
        return None
    if isinstance(rank, bool) or not isinstance(rank, int):
        raise TypeError(f"argument rank={rank!r} is not a rank; {accepted}")
    if rank < 0:
        raise ValueError(f"argument rank={rank!r} is not a rank; {accepted}")
    return int(rank)


def _checked_rotation(
    rotation: int | str | None, retention: int | str | None, compression: str | None
) -> Rotation:
    if compression not in (None, "gz"):
        raise ValueError(
            f"argument compression={compression!r} is not known; accepted are None, 'gz'"
        )
    keep_pieces = keep_bytes = None
    if isinstance(retention, str):
        keep_bytes = parse_bytes(retention, "argument retention", or_else="a number of pieces")
    elif retention is not None:
        if not isinstance(retention, int) or isinstance(retention, bool) or retention < 0:
            raise ValueError(
                f"argument retention={retention!r} is not known; accepted are a number of"
                ' pieces of 0 or more, a total size such as "10 GB", or None to keep all'
            )
        keep_pieces = retention
    return Rotation(
        max_bytes=None if rotation is None else parse_bytes(rotation, "argument rotation"),
        keep_pieces=keep_pieces,
        keep_bytes=keep_bytes,
        gzip=compression == "gz",
    )
