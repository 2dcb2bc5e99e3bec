"""Goes through the records of a source: keeps those that were asked for, knows whose they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ranklog.line_format import Damage, Origin, Reader, Records
from ranklog.selection import Filter
from ranklog.stamps import LATEST


class Stretch(NamedTuple):
    """Records of one source that follow each other, of one process and its workers.

    Attributes:
        keys: Stamps of the records that were asked for.
        items: Their bytes.
        attempt: Ordinal of the banner above them in the file; 0 above the first, and where
            nobody tracks it.
        pid: Process id of that banner, ``None`` where none is known.
        newest: Latest stamp of those that were not asked for, or an earlier one.
    """

    keys: list[bytes]
    items: list[bytes]
    attempt: int
    pid: int | None
    newest: bytes

    @property
    def latest(self) -> bytes:
        """Latest stamp of all, those that were not asked for included."""
        return max(self.newest, max(self.keys, default=b""))


def stretch_of(chosen: Records, keys: list[bytes], attempt: int, pid: int | None) -> Stretch:
    """A stretch of what was chosen.

    Args:
        chosen: The records that were asked for.
        keys: Stamps of all from which they were chosen.
        attempt: As `Stretch` has it.
        pid: As `Stretch` has it.
    """
    newest = b"" if len(chosen.keys) == len(keys) else max(keys)
    return Stretch(chosen.keys, chosen.items, attempt, pid, newest)


class Sieve:
    """Keeps the records that were asked for.

    Args:
        reader: Reads the layout of the records.
        chosen: Decides by origins and by words.
        since: Stamp of the first that are wanted.
        until: Stamp of the last that are wanted.
    """

    def __init__(
        self, reader: Reader, chosen: Filter, since: bytes | None, until: bytes | None
    ) -> None:
        self._reader = reader
        self._filter = chosen
        self._since, self._until = since or b"", until or LATEST
        self._has_times = since is not None or until is not None
        self._keeps: dict[bytes, bool | None] = {}

    def choose(self, records: Records, origins: list[bytes] | None = None) -> Records:
        """The records that are wanted.

        Args:
            records: Some records.
            origins: Their origins, where they are known.
        """
        items, keys = records
        if self._has_times and items and self._is_outside(keys):
            within = [self._since <= key <= self._until for key in keys]
            items, keys = _only(items, within), _only(keys, within)
            origins = None if origins is None else _only(origins, within)
        if items and self._filter.looks_at_origins:
            passed = self._passed(
                items, self._reader.origins(items) if origins is None else origins
            )
            if not all(passed):
                items, keys = _only(items, passed), _only(keys, passed)
        grep = self._filter.grep
        if grep is not None:
            text = self._reader.text
            found = [grep.search(text(item)) is not None for item in items]
            items, keys = _only(items, found), _only(keys, found)
        return Records(items, keys)

    def _is_outside(self, keys: list[bytes]) -> bool:
        """Whether any of some stamps is not wanted."""
        return min(keys) < self._since or max(keys) > self._until

    def _passed(self, items: list[bytes], origins: list[bytes]) -> list[bool]:
        keeps = self._keeps
        for part in {*origins} - keeps.keys():
            self._learn(part, items[origins.index(part)])
        passed = [keeps[part] for part in origins]
        return [
            self._asks(part, item) if keep is None else keep
            for keep, part, item in zip(passed, origins, items, strict=True)
        ]

    def _learn(self, part: bytes, item: bytes) -> None:
        origin = self._reader.origin(part)
        if origin is None:
            self._keeps[part] = False
        elif b'"levelno":' in item:  # a level of the program's own: each record says its number
            self._keeps[part] = None
        else:
            self._keeps[part] = self._filter.keeps(origin, item)

    def _asks(self, part: bytes, item: bytes) -> bool:
        origin = self._reader.origin(part)
        return origin is not None and self._filter.keeps(origin, item)


class Walk:
    """Goes through a source, and keeps track of attempts and process ids.

    Args:
        reader: Reads the layout of the source.
        sieve: Keeps what was asked for.
        before: Ordinal of the attempt that is before the first record.
    """

    def __init__(self, reader: Reader, sieve: Sieve, before: int) -> None:
        self._reader = reader
        self._sieve = sieve
        self._own: dict[bytes, Origin | None] = {}
        self._attempt = before
        self._pid: int | None = None

    def take(self, records: Records) -> Iterator[Stretch]:
        """Some more records, in file order."""
        items = records.items
        origins = self._reader.origins(items)
        for part in {*origins} - self._own.keys():
            origin = self._reader.origin(part)
            is_own = origin is not None and (origin.is_banner or origin.is_end)
            self._own[part] = origin if is_own else None
        begin = 0
        if any(self._own[part] for part in {*origins}):
            for number, part in enumerate(origins):
                own = self._own[part]
                if own is not None:
                    end = number if own.is_banner else number + 1
                    yield from self._stretch(records, origins, slice(begin, end))
                    begin = end
                    self._turn(items[number], own.is_banner)
        yield from self._stretch(records, origins, slice(begin, len(items)))

    def _stretch(self, records: Records, origins: list[bytes], span: slice) -> Iterator[Stretch]:
        keys = records.keys[span]
        if not keys:
            return
        chosen = self._sieve.choose(Records(records.items[span], keys), origins[span])
        yield stretch_of(chosen, keys, self._attempt, self._pid)

    def _turn(self, item: bytes, is_banner: bool) -> None:
        """Go over to another process, at its banner, or to none, at an end record."""
        record = self._reader.parse(item, Damage())
        pid = None if record is None else record.extra.get("pid", record.pid)
        if is_banner:
            self._attempt += 1
            self._pid = pid if isinstance(pid, int) else None
        elif pid is None or pid == self._pid:
            self._pid = None  # whose records follow is unclear until the next banner


def _only(values: list[bytes], chosen: list[bool]) -> list[bytes]:
    return [value for value, is_chosen in zip(values, chosen, strict=True) if is_chosen]
