"""One log record as both halves of the project see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

BANNER_LOGGER = "ranklog"
"""Logger name of the records the project writes about itself (banner, end, notices)."""

BANNER_FUNCTION = "start"
END_FUNCTION = "end"
NOTICE_FUNCTION = "notice"

STANDARD_LEVELS: Mapping[str, int] = {
    "TRACE": 5,
    "DEBUG": 10,
    "INFO": 20,
    "SUCCESS": 25,
    "WARNING": 30,
    "ERROR": 40,
    "CRITICAL": 50,
}
"""Level names whose number a reader knows. Source: loguru's defaults, a superset of stdlib's."""


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
        message: The message, lines separated by ``"\n"``.
        exception: The formatted traceback without its last newline, or ``None``.
        extra: Extra fields as JSON gives them back.
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


def user_line(logger: str, line: object) -> int:
    """The line number to write for a user's record.

    Args:
        logger: The record's logger name.
        line: What the record says; patched loguru records may hold anything.

    Returns:
        A line number of 0 or more, and at least 1 where 0 would forge a banner.
    """
    number = (
        int(line) if isinstance(line, int) and line > 0 else 0
    )  # int: True is no number to read
    return max(number, 1) if logger == BANNER_LOGGER else number
