"""Reads the JSON layout; see `reader.Reader`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ranklog.line_format.damage import Damage
from ranklog.line_format.extras import json_text
from ranklog.line_format.raw_text import RawText, is_stack_line
from ranklog.line_format.reader import KEY_BYTES, Origin, Records, saying
from ranklog.line_format.stamps import StampFormatter

if TYPE_CHECKING:
    from ranklog.line_format.record import Record

_OPENING = b'{"timestamp":'
START = _OPENING + b'"'
BANNER = b'"logger":"ranklog","caller":"start:0"'

_RECORD = re.compile(
    rb'\{"timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00","level":.*,"extra":\{.*\}\}\n'
)
_STAMP_START = len(START)
_STAMP_END = _STAMP_START + KEY_BYTES
_MESSAGE = b',"message":'  # the quotes of one within a string would be escaped
_ORIGIN_START = _STAMP_END + len(b'+00:00",')
_NOT_A_RECORD = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
    OverflowError,  # a time that UTC puts before the year 1
)
_stamp = StampFormatter(" ")


def level_mark(level: str) -> bytes:
    """The end of the timestamp, and the level; see `Reader.level_mark`."""
    return f'+00:00","level":"{level}","rank":'.encode()


def split(block: bytes, damage: Damage) -> Records:
    """Find the records of a block; see `Reader.split`."""
    items = _RECORD.findall(block)
    is_whole = sum(map(len, items)) == len(block) and block.count(START) == len(items)
    if not is_whole or b"\0" in block:
        return _Splitter(damage).split(block)
    start, end = _STAMP_START, _STAMP_END
    stamps = [item[start:end] for item in items]
    return Records(items, [stamp[:10] + b" " + stamp[11:] for stamp in stamps])


def origins(items: list[bytes]) -> list[bytes]:
    """The keys between timestamp and message; see `Reader.origins`."""
    return [item[_ORIGIN_START : item.find(_MESSAGE, _ORIGIN_START)] for item in items]


def origin(part: bytes) -> Origin | None:
    """Take an origin apart; see `Reader.origin`."""
    try:
        fields = json.loads(b"{" + part + b"}")
        function, _, line = fields["caller"].rpartition(":")
        return Origin(
            fields["level"], fields["rank"], fields["pid"], fields["logger"], function, int(line)
        )
    except _NOT_A_RECORD:
        return None


def messages(items: list[bytes]) -> list[bytes]:
    """Messages, their escapes undone; see `Reader.messages`."""
    return [_unquoted(item[slice(*_message_span(item))]) for item in items]


def _message_span(item: bytes) -> tuple[int, int]:
    """Begin and end of the message, with its quotes."""
    start = item.find(_MESSAGE) + len(_MESSAGE)
    return start, item.find(b'","exception":', start) + 1


def _unquoted(quoted: bytes) -> bytes:
    if b"\\" not in quoted:
        return quoted[1:-1]
    try:
        return str(json.loads(quoted)).encode("utf-8", "backslashreplace")
    except ValueError:  # damaged: as it is
        return quoted


def sayings(items: list[bytes]) -> tuple[Sequence[bytes], Sequence[bytes]]:
    """Origins and what was said; see `Reader.sayings`."""
    return origins(items), [_saying(item) for item in items]


def _saying(item: bytes) -> bytes:
    start, end = _message_span(item)
    message = _unquoted(item[start:end])
    if item.startswith(b',"exception":null,', end):
        return message
    record = parse(item, Damage())
    last = ((record.exception if record else None) or "").rpartition("\n")[2]
    return saying(message, last.encode("utf-8", "backslashreplace"))


def text(item: bytes) -> str:
    """What a person would search; see `Reader.text`."""
    try:
        fields = json.loads(item.partition(b"\n")[0])
        parts = [fields["message"]]
        if fields["exception"] is not None:
            parts.append(fields["exception"])
        if fields["extra"]:
            parts.append(json_text(fields["extra"]))
        return "\n".join(parts)
    except _NOT_A_RECORD:
        return _text(item)


def parse(item: bytes, damage: Damage) -> Record | None:
    """Take a record apart; see `Reader.parse`."""
    line, *below = _text(item).removesuffix("\n").split("\n")
    raw = RawText()
    for other in below:
        raw.add(other)
    try:
        return _record(json.loads(line), raw.text())
    except _NOT_A_RECORD:
        damage.cut_record(line)
        return None


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


class _Splitter:
    """Splits a block that holds more than records, line by line."""

    def __init__(self, damage: Damage) -> None:
        self._damage = damage
        self._records = Records([], [])
        self._lines: list[bytes] = []  # of the record that is being read

    def split(self, block: bytes) -> Records:
        lines = block.split(b"\n")
        lines.pop()
        for line in lines:
            self._take(line)
        self._end_record()
        return self._records

    def _take(self, line: bytes) -> None:
        if not line:
            if self._lines:
                self._lines.append(line)
            return
        before, rest = _parted(line)
        if before:
            self._add_raw(before)
        key = _key(rest, self._damage)
        if key == b"":
            self._add_raw(rest)
            return
        self._end_record()
        if key is not None:
            self._lines.append(rest)
            self._records.keys.append(key)

    def _add_raw(self, line: bytes) -> None:
        text = _text(line)
        if not (self._lines and is_stack_line(text)):
            self._damage.foreign_line(text)
        if self._lines:
            self._lines.append(line)

    def _end_record(self) -> None:
        if self._lines:
            self._records.items.append(b"\n".join((*self._lines, b"")))
            self._lines.clear()


def _parted(line: bytes) -> tuple[bytes, bytes]:
    """What is before a record in the same line, and the record.

    `faulthandler` writes a line in many small pieces, and another process's record may land
    between them.
    """
    start = -1 if line.startswith((b"{", b"\0")) else line.find(_OPENING)
    return (line[:start], line[start:]) if start > 0 else (b"", line)


def _key(line: bytes, damage: Damage) -> bytes | None:
    """The key of a record; empty for a line that is none; ``None`` where it was cut."""
    try:
        time = _record(json.loads(_text(line)), None).time
    except _NOT_A_RECORD:
        if line.startswith(_OPENING) or _OPENING.startswith(line):
            damage.cut_record(_text(line))
            return None
        return b""
    return _stamp(time)[:KEY_BYTES].encode()


def _record(fields: dict[str, Any], raw: str | None) -> Record:
    # Not with the module: most answers need no Record, which takes long to import.
    from ranklog.line_format.record import Record

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
        raw=raw,
    )
