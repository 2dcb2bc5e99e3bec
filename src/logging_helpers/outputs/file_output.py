"""Lays loguru records out for the rank file, and writes the project's own records into it."""

from __future__ import annotations

import itertools
import os
import socket
import sys
from datetime import datetime, timezone
from typing import Any, NamedTuple

from logging_helpers.identity.rank_info import RankInfo
from logging_helpers.outputs.rank_file import RankFile
from logging_helpers.settings.resolve import Rotation
from ranklog import __version__
from ranklog.line_format import (
    BANNER_FUNCTION,
    BANNER_LOGGER,
    END_FUNCTION,
    NOTICE_FUNCTION,
    STANDARD_LEVELS,
    Layout,
    user_line,
)


class FileKind(NamedTuple):
    """What the lines of records of one place, level and process share.

    Attributes:
        origin: The part between time and message.
        number: The level's number, where a reader would not know it.
        counter: Counts the records of that level.
    """

    origin: str
    number: int | None
    counter: itertools.count[int]


class FileOutput:
    """The file half of the sink.

    Args:
        directory: Absolute path of the ``logs`` directory.
        info: The identity of the process, whose rank names the file.
        layout: How records are laid out.
        rotation: When to rotate, and what becomes of the pieces.
        owner_pid: The process whose banner the file has; others write their own pid.

    Raises:
        OSError: The file cannot be opened.
    """

    def __init__(
        self, directory: str, info: RankInfo, layout: Layout, rotation: Rotation, owner_pid: int
    ) -> None:
        self.info = info
        self.owner_pid = owner_pid
        self.layout = layout
        self._banner_bytes = 0
        self._counts: dict[str, itertools.count[int]] = {}
        self.file = RankFile(
            directory,
            info.rank,
            layout,
            rotation,
            lambda text: self._compose_own(NOTICE_FUNCTION, "WARNING", text, {}),
        )

    def kind(
        self, name: Any, function: Any, line: Any, level: Any, number: Any, pid: Any
    ) -> FileKind:
        """What records share; worth caching.

        Args:
            name: Logger name.
            function: Name of the calling function.
            line: Line number of the call.
            level: Level name.
            number: Its number.
            pid: Process id.

        Raises:
            Exception: Some argument is of a type that a program's patcher put there.
        """
        _require(level, str)
        is_child = pid != self.owner_pid
        if is_child:
            _require(pid, int)
        logger = "" if name is None else str(name)
        return FileKind(
            self.layout.head(level, self.info.rank, pid, is_child)
            + self.layout.site(logger, str(function), user_line(logger, line)),
            None if STANDARD_LEVELS.get(level) == number else number,
            self._counts.setdefault(level, itertools.count()),
        )

    def write(
        self,
        kind: FileKind,
        stamp: str,
        message: str,
        is_printable: bool,
        trace: str | None,
        extra: dict[str, Any],
    ) -> None:
        """Write one record.

        Args:
            kind: What it shares with others.
            stamp: Its time, in the layout's way.
            message: Its message.
            is_printable: ``message.isprintable()``.
            trace: Its formatted traceback without the last newline, or ``None``.
            extra: Its extra fields; ``rank`` is left out.

        Raises:
            Exception: Some field is of a type that a program's patcher put there; nothing
                is written then.
        """
        origin, number, counter = kind
        fields = None
        if len(extra) > 1 or number is not None or "rank" not in extra:
            fields = {key: value for key, value in extra.items() if key != "rank"}
            if number is not None:
                fields["levelno"] = number
        self.file.write(self.layout.encode(stamp, origin, message, is_printable, trace, fields))
        next(counter)  # atomic where `+= 1` is not

    def write_now(
        self, level: str, place: tuple[str | None, str, int], message: str, trace: str | None
    ) -> None:
        """Write a record of this moment, past loguru.

        Args:
            level: Name of one of loguru's own levels.
            place: Logger name, function and line.
            message: Its message.
            trace: Its formatted traceback without the last newline, or ``None``.
        """
        kind = self.kind(*place, level, STANDARD_LEVELS[level], os.getpid())
        now = self.layout.stamp(datetime.now(timezone.utc))
        self.write(kind, now, message, message.isprintable(), trace, {"rank": self.info.rank})

    def write_banner(self) -> None:
        """Write the record that a process starts with."""
        info = self.info
        fields: dict[str, Any] = {
            "rank": info.rank,
            "world_size": info.world_size,
            "local_rank": info.local_rank,
            "local_world_size": info.local_world_size,
            "node_rank": info.node_rank,
            "launcher": info.source,
            "restart": info.restart,
            "job_id": info.job_id,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "python": ".".join(map(str, sys.version_info[:3])),
            "version": __version__,
        }
        if info.conflicts:
            fields["conflicts"] = info.conflicts
        place = f" on {fields['host']}, pid {fields['pid']}"
        banner = self._compose_own(BANNER_FUNCTION, "INFO", f"{_name(info)} started{place}", fields)
        self._banner_bytes = len(banner)
        self.file.write(banner, is_banner=True)

    def remove_if_unused(self) -> bool:
        """Remove the file if it holds nothing but this process's banner.

        Returns:
            Whether it was removed.
        """
        return not self.level_counts() and self.file.remove_if_size(self._banner_bytes)

    def write_end(self, kind: str) -> None:
        """Write the record of a clean end.

        Args:
            kind: How it ended: ``"exit"``, ``"shutdown"``, ``"reconfigured"``, or
                ``"exception"`` where an uncaught one ended the interpreter.
        """
        fields = {"exit": kind, "records": self.level_counts(), "pid": os.getpid()}
        text = f"{_name(self.info)} ended: {kind}"
        self.file.write(self._compose_own(END_FUNCTION, "INFO", text, fields))

    def level_counts(self) -> dict[str, int]:
        """Records this process wrote to the file, by level; the project's own not counted."""
        # repr is the only look at a count that does not advance it: "count(3)".
        counts = {name: int(repr(count)[6:-1]) for name, count in self._counts.items()}
        return {name: number for name, number in counts.items() if number}

    def _compose_own(
        self, function: str, level: str, message: str, fields: dict[str, Any]
    ) -> bytes:
        pid = os.getpid()
        return self.layout.encode(
            self.layout.stamp(datetime.now(timezone.utc)),
            self.layout.head(level, self.info.rank, pid, pid != self.owner_pid)
            # Line 0, which no user's record of that name has, tells them apart.
            + self.layout.site(BANNER_LOGGER, function, 0),
            message,
            message.isprintable(),
            None,
            fields,
        )


def _name(info: RankInfo) -> str:
    if info.rank is None:
        return "process without rank"
    size = "" if info.world_size is None else f" of {info.world_size}"
    return f"rank {info.rank}{size}"


def _require(value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
