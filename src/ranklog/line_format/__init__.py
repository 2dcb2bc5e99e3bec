"""The contract between writer and reader: how a record is laid on disk, how files are named.

Nothing here but the standard library. A file format is one class with `encode` and
`decode` and one entry in `LAYOUTS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranklog.line_format.extras import safe_repr
from ranklog.line_format.file_names import (
    LOGS_DIRECTORY,
    FileName,
    live_name,
    lock_name,
    parse_name,
    piece_name,
)
from ranklog.line_format.json_lines import JsonLayout
from ranklog.line_format.own_records import (
    BANNER_FUNCTION,
    BANNER_LOGGER,
    END_FUNCTION,
    NOTICE_FUNCTION,
    STANDARD_LEVELS,
    user_line,
)
from ranklog.line_format.stamps import EPOCH, split_time
from ranklog.line_format.text import TextLayout

if TYPE_CHECKING:
    from ranklog.line_format.damage import Damage
    from ranklog.line_format.record import Record

Layout = TextLayout | JsonLayout

LAYOUTS: dict[str, type[TextLayout] | type[JsonLayout]] = {
    layout.name: layout for layout in (TextLayout, JsonLayout)
}

__all__ = [
    "BANNER_FUNCTION",
    "BANNER_LOGGER",
    "END_FUNCTION",
    "EPOCH",
    "LAYOUTS",
    "LOGS_DIRECTORY",
    "NOTICE_FUNCTION",
    "STANDARD_LEVELS",
    "Damage",
    "FileName",
    "JsonLayout",
    "Layout",
    "Record",
    "TextLayout",
    "encode",
    "live_name",
    "lock_name",
    "parse_name",
    "piece_name",
    "safe_repr",
    "split_time",
    "user_line",
]


def encode(record: Record, layout: Layout, *, is_child: bool = False) -> bytes:
    """Lay one record out.

    Args:
        record: Any record.
        layout: An instance of one of `LAYOUTS`.
        is_child: Whether another process than the banner's writes it.

    Returns:
        Whole lines, to be written with a single ``write(2)``.
    """
    return layout.encode(
        record.time,
        layout.head(record.level, record.rank, record.pid, is_child)
        + layout.site(record.logger, record.function, record.line),
        record.message,
        record.exception,
        dict(record.extra),
    )


def __getattr__(name: str) -> Any:
    # What only readers need, so that the start of a job does not pay for it.
    if name == "Record":
        from ranklog.line_format.record import Record

        return Record
    if name == "Damage":
        from ranklog.line_format.damage import Damage

        return Damage
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
