"""`init_logging`: what a program calls once."""

from __future__ import annotations

import os
import signal
from typing import TextIO

from logging_helpers.identity.detect import detect
from logging_helpers.say import say_once
from logging_helpers.session import start
from logging_helpers.settings.resolve import Patcher, resolve_settings


def init_logging(
    level: int | str | None = None,
    run_dir: str | os.PathLike[str] | None = None,
    show_rank: bool = False,
    *,
    file_level: int | str | None = None,
    rotation: int | str | None = "100 MB",
    retention: int | str | None = None,
    compression: str | None = None,
    file_format: str = "text",
    stream: TextIO | None = None,
    rank: int | None = None,
    patcher: Patcher | None = None,
    console_ranks: str | int = "all",
    strict: bool = False,
    crash_reports: bool = True,
    dump_signal: int | signal.Signals | None = None,
) -> None:
    """Set logging up for this process: console, and this rank's file.

    From here on records of stdlib's `logging` and of loguru go to the console as
    ``[12:34:56.789] [rank] LEVEL    message`` and, if `run_dir` is given, to
    ``run_dir/logs/script.log`` (rank 0, or none), ``script_1.log`` (rank 1) and so on.

    Each call describes the whole configuration. A call with the same arguments changes
    nothing unless the identity of the process has changed.

    Side effects: a handler on the root logger in place of its console handlers, root's
    level, loguru's default sink and patcher, `warnings.showwarning` and, with
    `crash_reports` and a file, `sys.excepthook`, `threading.excepthook`,
    `sys.unraisablehook`, `faulthandler` and the signals SIGTERM and `dump_signal`.
    `shutdown_logging` undoes them.

    Args:
        level: Lowest level of the console and, unless `file_level` says otherwise, of the
            file: a name of stdlib's or loguru's in any case, or a number. Default
            ``"INFO"``. The variable ``LOG_LEVEL`` beats it, and may add levels for some
            loggers and their children, for both outputs: ``INFO,torch=WARNING,my.data=DEBUG``.
        run_dir: Directory of the run; files go to ``logs`` in it. ``{job_id}`` stands for the
            launcher's job id, ``~`` for the home directory. ``None`` for no files.
        show_rank: Whether the console shows ``[rank]``, where a rank is known.
        file_level: Lowest level of the file; a plain ``LOG_LEVEL`` does not change it.
        rotation: Size at which the file is rotated: bytes, ``"100 MB"``, or ``None`` for never.
        retention: Number of rotated pieces to keep of each rank, or their total size
            (``"10 GB"``); ``None`` keeps all. A piece that some process still has open stays
            until a later rotation, and is not compressed before.
        compression: ``"gz"`` to compress rotated pieces, or ``None``.
        file_format: ``"text"``, or ``"json"`` for ``script.jsonl``, one object per line.
        stream: Console stream; ``None`` for `sys.stderr` as it is at each write.
        rank: The rank of this process, instead of what the environment says; what is wrong
            there is only noted then.
        patcher: The program's own loguru patcher, run before the rank is put into ``extra``.
        console_ranks: Ranks that print everything, such as ``"0,3-5,-1"`` or ``0``; the others print
            warnings and above. The variable ``LOG_CONSOLE_RANKS`` beats it.
        strict: Whether to raise if the file cannot be opened, instead of warning once and
            going on with the console.
        crash_reports: Whether the file gets the traceback of an exception that nobody
            caught, and the stacks of all threads when the process is ended by SIGTERM or a
            fault in C code (the latter unless `faulthandler` is enabled already). Console,
            exit code and the program's own handlers are as without it. A handler for
            SIGTERM, or a hook for exceptions that calls no other, that the program sets
            later takes its place, until `ensure_interception` is called.
        dump_signal: A signal, such as ``signal.SIGUSR1``, at which the file gets the stacks
            of all threads, and the program goes on.

    Raises:
        ValueError: An argument or variable is not accepted; nothing is changed then.
        TypeError: An argument has the wrong type; nothing is changed then.
        OSError: With `strict`, the file cannot be opened; nothing is changed then.
    """
    settings = resolve_settings(
        os.environ,
        level=level,
        run_dir=run_dir,
        show_rank=show_rank,
        file_level=file_level,
        rotation=rotation,
        retention=retention,
        compression=compression,
        file_format=file_format,
        stream=stream,
        rank=rank,
        patcher=patcher,
        console_ranks=console_ranks,
        strict=strict,
        crash_reports=crash_reports,
        dump_signal=dump_signal,
    )
    detection = detect(os.environ, rank=settings.explicit_rank)
    if detection.problems:
        raise ValueError(detection.problems[0])
    for doubt in detection.doubts:
        say_once(doubt)
    start(settings, detection.info, owner_pid=os.getpid())
