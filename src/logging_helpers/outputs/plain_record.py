"""Makes loguru records of the types that loguru gives them, whatever a patcher has done."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

from logging_helpers.outputs.tracebacks import format_exception
from ranklog.line_format import safe_repr


def safe_text(value: object) -> str:
    """``str(value)``, or its ``repr`` where that fails. Never raises."""
    try:
        return str.__str__(str(value))
    except Exception:
        return safe_repr(value)


def plain_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with the fields that outputs need, each of its right type.

    Args:
        record: A loguru record whose fields may hold anything, or be missing. Not changed.

    Returns:
        A record of its own. What was no exception triple is appended to the message.
    """
    level = record.get("level")
    name = record.get("name")
    message = safe_text(record.get("message"))
    exception = record.get("exception")
    if isinstance(exception, BaseException):
        exception = (type(exception), exception, exception.__traceback__)
    elif exception is not None and not _is_formattable(exception):
        message, exception = f"{message}\n{safe_text(exception)}", None
    return {
        **record,
        "level": SimpleNamespace(
            name=safe_text(getattr(level, "name", level)),
            no=_plain_int(getattr(level, "no", None), logging.INFO),
        ),
        "name": None if name is None else safe_text(name),
        "function": safe_text(record.get("function")),
        "line": _plain_int(record.get("line"), 0),
        "message": message,
        "exception": exception,
        "extra": _plain_extra(record.get("extra")),
        "process": SimpleNamespace(
            id=_plain_int(getattr(record.get("process"), "id", None), os.getpid())
        ),
        "time": _plain_time(record.get("time")),
    }


def _is_formattable(exception: Any) -> bool:
    try:
        format_exception(*exception)
    except Exception:
        return False
    return True


def _plain_int(value: object, otherwise: int) -> int:
    return int(value) if isinstance(value, int) else otherwise


def extra_of(record: Any) -> dict[Any, Any]:
    """The extra fields of a loguru record, which gets some where a patcher left it none."""
    extra = record.get("extra")
    if not isinstance(extra, dict):
        extra = record["extra"] = _plain_extra(extra)
    return extra


def _plain_extra(extra: object) -> dict[Any, Any]:
    if not isinstance(extra, Mapping):
        return {} if extra is None else {"extra": extra}
    try:
        return dict(extra)
    except Exception:
        return {"extra": safe_repr(extra)}


def _plain_time(time: object) -> datetime:
    """The record's time, now if it is none; local time where it has no zone."""
    if isinstance(time, datetime):
        try:
            return time.astimezone()
        except (OverflowError, ValueError, OSError):  # before the year 1, in another zone
            pass
    return datetime.now(timezone.utc).astimezone()
