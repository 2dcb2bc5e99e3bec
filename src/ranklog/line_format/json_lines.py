"""The JSON layout: one flat object per line, every key always present."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranklog.line_format.extras import json_text
from ranklog.line_format.stamps import StampFormatter

if TYPE_CHECKING:
    from ranklog.line_format.reader import Reader


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
        self.stamp = StampFormatter("T")
        """Writes times as this layout has them."""

    def head(self, level: str, rank: int | None, pid: int | None, is_child: bool) -> str:
        """The keys that name level and process; arguments as `TextLayout.head` takes them."""
        rank_text = "null" if rank is None else str(rank)
        pid_text = "null" if pid is None else str(pid)
        return f'"level":{json_text(level)},"rank":{rank_text},"pid":{pid_text},'

    def site(self, logger: str, function: str, line: int) -> str:
        """The keys after those, which name the place of the call."""
        return f'"logger":{json_text(logger)},"caller":{json_text(f"{function}:{line}")}'

    def encode(
        self,
        stamp: str,
        origin: str,
        message: str,
        is_printable: bool,
        exception: str | None,
        extra: dict[str, Any] | None,
    ) -> bytes:
        """One record as the bytes of a line; arguments as `TextLayout.encode` takes them."""
        # Almost every message is plain, and needs no encoder.
        if is_printable and message.isascii() and not ('"' in message or "\\" in message):
            message_text = f'"{message}"'
        else:
            message_text = json_text(message)
        exception_text = "null" if exception is None else json_text(exception)
        extra_text = json_text(extra) if extra else "{}"
        return (
            f'{{"timestamp":"{stamp}",{origin},'
            f'"message":{message_text},'
            f'"exception":{exception_text},"extra":{extra_text}}}\n'
        ).encode("utf-8", "backslashreplace")  # of a lone surrogate it makes JSON's own escape

    def reader(self) -> Reader:
        """How files of this layout are read."""
        from ranklog.line_format import json_reader  # readers only: writers start faster

        return json_reader
