"""The JSON layout: one flat object per line, every key always present."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

from ranklog.line_format.damage import Damage
from ranklog.line_format.extras import json_text
from ranklog.line_format.record import Record
from ranklog.line_format.stamps import StampFormatter

_START = '{"timestamp":'
_NOT_A_RECORD = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
    OverflowError,  # a time that UTC puts before the year 1
)


class JsonLayout:
    """Lays records out as JSON lines. Exact for every string that JSON can hold.

    JSON cannot tell a high surrogate followed by a low one from the character the two
    encode (RFC 8259, section 8.2); a string with such a pair reads back as that character.
    """

    name = "json"
    suffix = ".jsonl"
    # A torn object never parses, so ending its line is mark enough.
    cut_mark = b"\n"

    def __init__(self) -> None:
        self._stamp = StampFormatter("T")
        self._levels: dict[str, str] = {}

    def site(self, logger: str, function: str, line: int) -> str:
        """The keys that name the place of the call; worth caching."""
        return f'"logger":{json_text(logger)},"caller":{json_text(f"{function}:{line}")}'

    def encode(
        self,
        seconds: int,
        microseconds: int,
        level: str,
        rank: int | None,
        pid: int | None,
        is_child: bool,
        site: str,
        message: str,
        exception: str | None,
        extra: dict[str, Any],
    ) -> bytes:
        """One record as the bytes of a line; arguments as `TextLayout.encode` takes them."""
        level_text = self._levels.get(level) or self._level_text(level)
        rank_text = "null" if rank is None else str(rank)
        pid_text = "null" if pid is None else str(pid)
        exception_text = "null" if exception is None else json_text(exception)
        extra_text = json_text(extra) if extra else "{}"
        return (
            f'{{"timestamp":"{self._stamp(seconds, microseconds)}","level":{level_text},'
            f'"rank":{rank_text},"pid":{pid_text},{site},"message":{json_text(message)},'
            f'"exception":{exception_text},"extra":{extra_text}}}\n'
        ).encode("utf-8", "backslashreplace")  # of a lone surrogate it makes JSON's own escape

    def _level_text(self, level: str) -> str:
        text = json_text(level)
        if len(self._levels) < 1000:
            self._levels[level] = text
        return text

    def decode(self, lines: Iterable[str], damage: Damage) -> Iterator[Record]:
        """Read records back; a line that is no such object is counted and passed over."""
        for line in lines:
            if not line:
                continue
            try:
                yield _record(json.loads(line))
            except _NOT_A_RECORD:
                if line.startswith(_START) or _START.startswith(line):
                    damage.cut_record(line)
                else:
                    damage.foreign_line(line)


def _record(fields: dict[str, Any]) -> Record:
    function, _, line = fields["caller"].rpartition(":")
    time = datetime.fromisoformat(fields["timestamp"])
    if time.tzinfo is None:
        raise ValueError("timestamp without offset")
    rank, pid, exception, extra = (
        fields["rank"],
        fields["pid"],
        fields["exception"],
        fields["extra"],
    )
    if not (
        isinstance(rank, int | None)
        and isinstance(pid, int | None)
        and isinstance(exception, str | None)
        and isinstance(extra, dict)
        and all(isinstance(fields[key], str) for key in ("level", "logger", "message"))
    ):
        raise TypeError("a key of another type")
    return Record(
        time=time.astimezone(timezone.utc),
        level=fields["level"],
        rank=rank,
        pid=pid,
        logger=fields["logger"],
        function=function,
        line=int(line),
        message=fields["message"],
        exception=exception,
        extra=extra,
    )
