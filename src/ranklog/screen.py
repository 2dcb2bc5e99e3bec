"""Where answers are printed: for a person, as JSON lines, or as the bytes that were logged."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import starmap
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from ranklog.line_format import Damage, TextLayout, encode, json_reader
from ranklog.line_format.escapes import escape_controls
from ranklog.line_format.extras import json_text
from ranklog.shown import shortened

if TYPE_CHECKING:
    from ranklog.line_format import Record

HUMAN, JSON, RAW = "human", "json", "raw"
_PLAIN_WIDTH = 200
"""Columns of a table that goes to no terminal."""
_STYLES = {"TRACE": "cyan", "DEBUG": "cyan", "INFO": "green", "SUCCESS": "green"} | {
    "WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}  # fmt: skip


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        title: What is above it.
        is_number: Whether it is set to the right.
    """

    title: str
    is_number: bool = False


class Row(NamedTuple):
    """A row of a table.

    Attributes:
        cells: A text for each column; of several lines the first is shown.
        style: A style of rich's, such as ``"red"``.
    """

    cells: Sequence[str]
    style: str = ""


class Screen:
    """Prints answers.

    Args:
        stream: Where to.
        form: `HUMAN`, `JSON` or `RAW`.
        environ: ``NO_COLOR`` and ``FORCE_COLOR`` are honoured, as is ``COLUMNS``.
        is_terminal: Whether `stream` is one.
    """

    def __init__(
        self, stream: BinaryIO, form: str, environ: Mapping[str, str], *, is_terminal: bool
    ) -> None:
        self._stream = stream
        self.form = form
        self.is_terminal = is_terminal
        self.width = _width(environ) if is_terminal else _PLAIN_WIDTH
        wants_colour = is_terminal or bool(environ.get("FORCE_COLOR"))
        # Only where it shows: importing rich takes longer than most answers.
        self.has_colour = wants_colour and not environ.get("NO_COLOR") and _has_rich()
        self._paints: dict[str, tuple[str, str]] = {}
        self._text_layout = TextLayout()

    @property
    def is_closed(self) -> bool:
        """Whether nobody is left to read a pipe; a write would say so, but there may be none."""
        import select  # only a command that waits needs it

        if not hasattr(select, "poll"):  # Windows
            return False
        try:
            poll = select.poll()
            poll.register(self._stream.fileno(), 0)
            return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
        except (OSError, ValueError):  # no file at all
            return False

    def line(self, text: str = "", style: str = "") -> None:
        """Print a line for a person; its control characters are shown, not obeyed."""
        self.write(self.painted(escape_controls(text), style))

    def write(self, text: str) -> None:
        """Print a line that is made of `painted` texts, as it is."""
        self._write(f"{text}\n")

    def painted(self, text: str, style: str) -> str:
        """A text in a style of rich's, where there is colour."""
        if not (style and self.has_colour):
            return text
        before, after = self._paints.get(style) or self._learn(style)
        return f"{before}{text}{after}"

    def items(self, items: list[bytes], *, are_text: bool = False) -> None:
        """Print records as they were logged; for a person as text, whatever their format.

        Args:
            items: Their bytes.
            are_text: Whether they are known to be text, which saves a look at each.
        """
        if self.form == HUMAN:
            if not are_text:
                items = [self._as_text(item) if item[:1] == b"{" else item for item in items]
            if self.is_terminal or self.has_colour:
                self._write("".join(map(self._for_eyes, items)))
                return
        self._write_bytes(b"".join(items))

    def record(self, record: Record, **more: Any) -> None:
        """Print a record as one JSON object."""
        self._write(json_text(as_object(record) | as_json(more)) + "\n")

    def object(self, value: Any) -> None:
        """Print one JSON object: a mapping, or a named tuple by its fields."""
        self._write(json_text(as_json(value)) + "\n")

    def table(self, columns: Sequence[Column], rows: Sequence[Row]) -> None:
        """Print a table; the last column gets what is left of the width."""
        titles = [_first_line(column.title) for column in columns]
        texts = [[_first_line(cell) for cell in row.cells] for row in rows]
        widths = [
            max([len(title), *(len(cells[number]) for cells in texts)])
            for number, title in enumerate(titles)
        ]
        for cells, style in zip(
            [titles, *texts], ["bold", *(row.style for row in rows)], strict=True
        ):
            padded = [
                cell.rjust(width) if column.is_number else cell.ljust(width)
                for cell, width, column in zip(cells, widths, columns, strict=True)
            ]
            self.write(self.painted(shortened("  ".join(padded).rstrip(), self.width), style))

    def _as_text(self, item: bytes) -> bytes:
        record = json_reader.parse(item, Damage())
        if record is None:
            return item
        text = encode(record, self._text_layout, is_child=False)
        return text if record.raw is None else text + record.raw.encode() + b"\n"

    def _for_eyes(self, item: bytes) -> str:
        text = escape_controls(item.decode("utf-8", "backslashreplace"))
        end = text.find(" | ", 35)
        if not self.has_colour or end < 0 or text[32:35] != " | ":
            return text
        level = text[35:end]
        header, newline, rest = text[end:].partition("\n")
        style = _STYLES.get(level.rstrip(), "")
        stamp, level = self.painted(text[:32], "dim"), self.painted(level, style)
        return f"{stamp} | {level}{header}{newline}{self.painted(rest, 'dim') if rest else ''}"

    def _learn(self, style: str) -> tuple[str, str]:
        from rich.color import ColorSystem
        from rich.style import Style

        rendered = Style.parse(style).render("\0", color_system=ColorSystem.STANDARD)
        before, _, after = rendered.partition("\0")
        self._paints[style] = before, after
        return before, after

    def _write(self, text: str) -> None:
        self._write_bytes(text.encode("utf-8", "backslashreplace"))

    def _write_bytes(self, data: bytes) -> None:
        # Where Python runs unbuffered the stream is raw: one that waits for the reader of a
        # pipe writes less than it is given when a signal comes.
        rest = memoryview(data)
        while rest:
            rest = rest[self._stream.write(rest) :]
        self._stream.flush()


def say(text: str) -> None:
    """Print a line to stderr, in the name of the command."""
    # A path may hold anything; it is to be read by a person, not obeyed by a terminal.
    shown = escape_controls(text).replace("\n", "\\n")
    if sys.stderr is not None:
        sys.stderr.write(f"ranklog: {shown}\n")
        sys.stderr.flush()


def as_object(record: Record) -> dict[str, Any]:
    """A record as the JSON layout has it, and the raw lines below it; every key always there."""
    return {
        "timestamp": as_json(record.time),
        "level": record.level,
        "rank": record.rank,
        "pid": record.pid,
        "logger": record.logger,
        "caller": f"{record.function}:{record.line}",
        "message": record.message,
        "exception": record.exception,
        "extra": dict(record.extra),
        "raw": record.raw,
    }


def as_json(value: Any) -> Any:
    """A value of an answer as JSON can hold it."""
    from ranklog.line_format import Record  # has been imported where there is one

    if isinstance(value, Record):
        return as_object(value)  # whose extra fields are as JSON gave them, however deep
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return as_json(value._asdict())
    if isinstance(value, Mapping):
        return dict(starmap(lambda key, item: (str(key), as_json(item)), value.items()))
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    return value


def _first_line(text: str) -> str:
    first, newline, _ = text.partition("\n")
    return escape_controls(first).replace("\t", " ") + ("…" if newline else "")


def _width(environ: Mapping[str, str]) -> int:
    text = environ.get("COLUMNS", "")
    if text.isdigit() and int(text) > 0:
        return int(text)
    try:
        return os.get_terminal_size().columns
    except OSError:
        return 80


def _has_rich() -> bool:
    try:
        import rich  # noqa: F401 - asked for only whether it is there
    except ImportError:
        return False
    return True
