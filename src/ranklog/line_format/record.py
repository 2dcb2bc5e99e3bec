"""One log record as a reader sees it. Writers never import this: dataclasses cost a start 1 ms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ranklog.line_format.own_records import BANNER_FUNCTION, BANNER_LOGGER, END_FUNCTION


@dataclass(frozen=True, slots=True)
class Record:
    r"""One record, equal however it was laid on disk.

    Attributes:
        time: Aware, in UTC, to the microsecond.
        level: Level name (``"Level 25"`` for a number without a name).
        rank: Rank of the process in the job, ``None`` where none is known.
        pid: Process id, ``None`` where a text file leaves it unclear.
        logger: Logger name, ``""`` where the caller's module has none.
        function: Name of the calling function.
        line: Line number of the call, 0 where unknown.
        message: The message, lines separated by ``"\n"``; control characters come back from a
            text file as its escapes, such as ``\x1b``.
        exception: The formatted traceback without its last newline, or ``None``.
        extra: Extra fields as JSON gives them back.
        raw: What was found below the record and is no record: the stacks that `faulthandler`
            wrote when the process was ended or crashed, or ``None``. No part of the record:
            not compared, and never written.
    """

    time: datetime
    level: str
    rank: int | None
    pid: int | None
    logger: str
    function: str
    line: int
    message: str
    exception: str | None
    extra: Mapping[str, Any]
    raw: str | None = field(default=None, compare=False)

    @property
    def is_banner(self) -> bool:
        """Whether this is the record a process writes first into a rank's file."""
        return self._is_own(BANNER_FUNCTION)

    @property
    def is_end(self) -> bool:
        """Whether this is the record of a clean end."""
        return self._is_own(END_FUNCTION)

    def _is_own(self, function: str) -> bool:
        # Line 0 cannot be forged: writers give every user record of a logger
        # named "ranklog" at least line 1 (`user_line`).
        return self.line == 0 and self.logger == BANNER_LOGGER and self.function == function
