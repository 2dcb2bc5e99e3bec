"""Starts of a rank's process: each banner in its files begins an attempt."""

from __future__ import annotations

from typing import Any, NamedTuple

from ranklog.files.discover import Source
from ranklog.files.record_blocks import Start
from ranklog.files.searching import search
from ranklog.files.seeking import tail
from ranklog.line_format import Damage


class Attempt(NamedTuple):
    """What one banner says.

    Attributes:
        ordinal: 1 for the first banner of the source; 0 for what comes before it, whose banner
            was in a piece that is gone.
        start: Where the banner is.
        key: Its stamp.
        fields: Its extra fields: world size, host, pid and others.
        item: Its bytes.
    """

    ordinal: int
    start: Start
    key: bytes
    fields: dict[str, Any]
    item: bytes


def attempts_of(source: Source, damage: Damage | None = None) -> list[Attempt]:
    """The attempts of a source, in file order; at least one. Reads all of it.

    Args:
        source: Where to look.
        damage: Told of files that cannot be read.
    """
    reader = source.layout.reader()
    found: list[Attempt] = []
    for start, item, key in search(source, (reader.BANNER,), damage=damage):
        record = reader.parse(item, Damage())
        if record is not None and record.is_banner:
            found.append(Attempt(len(found) + 1, start, key, dict(record.extra), item))
    return found or [Attempt(0, Start(), b"", {}, b"")]


def last_attempts(sources: list[Source], found: list[list[Attempt]]) -> list[Attempt | None]:
    """Of each source the attempt that is part of the run's last one, ``None`` if it has none.

    That is its last, unless other ranks have started more often and this one wrote nothing
    since: it did not come back.
    """
    most = max((each[-1].ordinal for each in found), default=0)
    begin = min((each[-1].key for each in found if each[-1].ordinal == most), default=b"")
    chosen: list[Attempt | None] = []
    for source, each in zip(sources, found, strict=True):
        last = each[-1]
        is_part = last.ordinal == most or max(tail(source).keys, default=b"") >= begin
        chosen.append(last if is_part else None)
    return chosen
