"""Formats exceptions, whatever they are."""

from __future__ import annotations

import traceback
from types import TracebackType

import loguru

_LOGURU_DIRECTORY = loguru.__file__.rpartition("__init__")[0]


def format_exception(
    exception_type: type[BaseException] | None,
    value: BaseException | None,
    frames: TracebackType | None,
) -> str | None:
    """The traceback as Python prints it, without the last newline. Never raises.

    Returns:
        The text, with its causes and contexts; values of variables are never part of it.
        ``None`` where there is no exception (``exc_info=True`` outside ``except``).
    """
    if exception_type is None:
        return None
    try:
        lines = traceback.format_exception(exception_type, value, _without_loguru(frames))
    except Exception as error:
        return f"{exception_type.__name__}: <traceback lost to {type(error).__name__}>"
    return "".join(lines).removesuffix("\n")


def _without_loguru(frames: TracebackType | None) -> TracebackType | None:
    """Skip the frames that ``@logger.catch`` puts before those of the program."""
    inner = frames
    while inner is not None and inner.tb_frame.f_code.co_filename.startswith(_LOGURU_DIRECTORY):
        inner = inner.tb_next
    return inner or frames
