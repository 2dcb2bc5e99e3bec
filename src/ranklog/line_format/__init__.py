"""The contract between writer and reader: how a record is laid on disk, how files are named.

Nothing here but the standard library. A file format is one class with `encode` and
`reader` and one entry in `LAYOUTS`.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
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
from ranklog.line_format.stamps import EPOCH, StampFormatter, split_time
from ranklog.line_format.text import TextLayout

if TYPE_CHECKING:
    from ranklog.line_format.damage import Damage, FileDamage
    from ranklog.line_format.reader import Origin, Reader, Records
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
    "FileDamage",
    "FileName",
    "JsonLayout",
    "Layout",
    "Origin",
    "Reader",
    "Record",
    "Records",
    "StampFormatter",
    "TextLayout",
    "decode",
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
        layout.stamp(record.time),
        layout.head(record.level, record.rank, record.pid, is_child)
        + layout.site(record.logger, record.function, record.line),
        record.message,
        record.message.isprintable(),
        record.exception,
        dict(record.extra),
    )


def decode(data: bytes, layout: Layout, damage: Damage) -> Iterator[Record]:
    """Read records back.

    Args:
        data: Whole lines.
        layout: An instance of one of `LAYOUTS`.
        damage: Told of every line that belongs to no whole record.

    Yields:
        Records in the order of `data`; `Record.pid` only where the record itself has it.
    """
    reader = layout.reader()
    for item in reader.split(data, damage).items:
        record = reader.parse(item, damage)
        if record is not None:
            yield record


_READERS = {
    "Damage": "damage",
    "FileDamage": "damage",
    "Origin": "reader",
    "Reader": "reader",
    "Record": "record",
    "Records": "reader",
}


def __getattr__(name: str) -> Any:
    # What only readers need, so that the start of a job does not pay for it.
    home = _READERS.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
