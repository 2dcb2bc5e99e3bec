"""What a reader needs of a layout: records as bytes, found fast, and taken apart when asked for.

A reader that merges a run never makes a `Record`: it moves the bytes of whole records, and
knows of each its key. What records of one place share is their *origin*; views that count or
choose look at each distinct origin once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ranklog.line_format.damage import Damage
from ranklog.line_format.own_records import BANNER_FUNCTION, BANNER_LOGGER, END_FUNCTION

if TYPE_CHECKING:
    from ranklog.line_format.record import Record

KEY_BYTES = 26
"""Of a record's stamp, ``2026-10-05 23:50:00.123456``: UTC, and sorts as bytes."""


class Records(NamedTuple):
    """Whole records in file order.

    Attributes:
        items: Bytes of each, with its last newline and the raw lines below it.
        keys: Stamp of each as `KEY_BYTES` bytes.
    """

    items: list[bytes]
    keys: list[bytes]


class Origin(NamedTuple):
    """What a record says of where it comes from.

    Attributes:
        level: Level name.
        rank: Rank, or ``None``.
        pid: Process id, where the record itself has one.
        logger: Logger name.
        function: Function name.
        line: Line number.
    """

    level: str
    rank: int | None
    pid: int | None
    logger: str
    function: str
    line: int

    @property
    def is_own(self) -> bool:
        """Whether this is the place of the project's own records."""
        return self.line == 0 and self.logger == BANNER_LOGGER

    @property
    def is_banner(self) -> bool:
        """Whether this is the place of banners."""
        return self.is_own and self.function == BANNER_FUNCTION

    @property
    def is_end(self) -> bool:
        """Whether this is the place of end records."""
        return self.is_own and self.function == END_FUNCTION


class Reader(Protocol):
    """How one layout is read; `text_reader` and `json_reader` are such."""

    START: bytes
    """What each record begins with, as a pattern for `re`; at the start of a line only."""
    BANNER: bytes
    """What is in every banner and, in that place, in nothing else."""

    def level_mark(self, level: str) -> bytes:
        """What is in every record of a level whose name needs no escapes, and rarely elsewhere."""
        ...

    def split(self, block: bytes, damage: Damage) -> Records:
        """Find the records of a block.

        Args:
            block: Whole lines, beginning where a record does, or a file.
            damage: Told of what is no record.
        """
        ...

    def origins(self, items: list[bytes]) -> list[bytes]:
        """The part of each record that names level, rank, pid and place."""
        ...

    def origin(self, part: bytes) -> Origin | None:
        """Take an origin apart; ``None`` where it is damaged."""
        ...

    def messages(self, items: list[bytes]) -> list[bytes]:
        """The message of each record, guards and escapes of the layout taken away."""
        ...

    def sayings(self, items: list[bytes]) -> tuple[Sequence[bytes], Sequence[bytes]]:
        """Origin of each record, and its message with the last line of its exception.

        The latter is behind a bar, ``message | Error: reason``, unless the message ends in it.
        """
        ...

    def text(self, item: bytes) -> str:
        """What a person would search: message, exception and extra fields, each on lines."""
        ...

    def parse(self, item: bytes, damage: Damage) -> Record | None:
        """Take a record apart; ``None``, and told to `damage`, where it is damaged."""
        ...


def saying(message: bytes, last_words: bytes) -> bytes:
    """A message with the last line of its exception; see `Reader.sayings`."""
    return message if message.endswith(last_words) else message + b" | " + last_words
