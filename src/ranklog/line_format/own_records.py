"""The records the project writes about itself, and what keeps users from forging them."""

from __future__ import annotations

from collections.abc import Mapping

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


def user_line(logger: str, line: object) -> int:
    """The line number to write for a user's record.

    Args:
        logger: The record's logger name.
        line: What the record says; patched loguru records may hold anything.

    Returns:
        A line number of 0 or more, and at least 1 where 0 would forge a banner.
    """
    # As a plain int: True, say, would be written as a word.
    number = int(line) if isinstance(line, int) and line > 0 else 0
    return max(number, 1) if logger == BANNER_LOGGER else number
