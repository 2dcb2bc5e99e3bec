"""All files of one rank in one format, while they are written and rotated."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ranklog.files.discover import Segment, Source
from ranklog.files.record_blocks import BEGINNING, Start
from ranklog.following.growing_file import GrowingFile, read_fingerprint
from ranklog.following.window import Lot
from ranklog.line_format import Damage, Records
from ranklog.selection import EVERYTHING, Filter
from ranklog.walk import Sieve, Stretch, Walk

_QUIET_SECONDS = 600.0
"""After so long nobody writes to a rotated piece any more."""
_MISSING_SECONDS = 10.0
"""After so long a file that nobody finds was removed."""


class Origin(NamedTuple):
    """Where the records of a lot come from.

    Attributes:
        source: Whose they are.
        file: Where they were read.
        offset: Where `data` begins in it.
        data: The bytes they are in.
        pid: Process id of the banner above them, where that is tracked.
    """

    source: GrowingSource
    file: GrowingFile
    offset: int
    data: bytes
    pid: int | None

    def offset_of(self, item: bytes) -> int:
        """A place in the file at or before a record."""
        return self.offset + max(self.data.find(item), 0)


class GrowingSource:
    """Follows a source: its live file, and the pieces that it becomes.

    Args:
        source: What there is of it now.
        sieve: Keeps the records that are wanted.
        damage: Told of what is no record.
        start: Where to begin in what is there now.
        known: What `positions` gave, of another day; files that it names are read on from there.
            Learns of files that are gone.
        now: The time, in seconds of any clock.
        tracks: Whether lots are to know the process id, which costs time.
        attempt: Ordinal of the attempt that is wanted, or a word for several.
        before: Ordinal of the attempt that is before `start`.
    """

    def __init__(
        self,
        source: Source,
        sieve: Sieve,
        damage: Damage,
        start: Start,
        known: dict[str, int],
        now: float,
        *,
        tracks: bool,
        attempt: int | str = "all",
        before: int = 0,
    ) -> None:
        self.sieve = sieve
        self._source = source
        self._damage = damage
        self.reader = source.layout.reader()
        everything = Sieve(self.reader, Filter(EVERYTHING, None), None, None)
        self._attempt = attempt if isinstance(attempt, int) else None
        tracks = tracks or self._attempt is not None
        self._walk = Walk(self.reader, everything, before) if tracks else None
        self._files: list[GrowingFile] = []
        self._done: set[bytes] = set()  # fingerprints of pieces that nobody writes to any more
        self._pieces: set[str] = set()  # names that mean the same file for ever
        self._unreadable: dict[str, str] = {}  # why, by names
        self._known = known
        self._start = start
        self.update(source, now)

    def update(self, source: Source, now: float) -> None:
        """Learn under which names its files are by now."""
        self._source = source
        start, self._start = self._start, BEGINNING
        for number, segment in enumerate(source.segments):
            if segment.path in self._pieces:
                continue
            fingerprint = self._fingerprint(segment)
            if not fingerprint:
                continue
            if segment.rotated is not None:
                self._pieces.add(segment.path)
            file = next((one for one in self._files if one.is_same(fingerprint)), None)
            if file is not None:
                file.found_at(segment.path, now, is_gzip=segment.is_gzip)
                continue
            offset = self._known_offset(fingerprint)
            if offset is not None:  # what is younger was written since
                start = BEGINNING
            else:
                offset = start.offset if number == start.segment else 0
            if number < start.segment or offset == sys.maxsize:
                self._done.add(fingerprint)
            elif fingerprint not in self._done:
                self._files.append(
                    GrowingFile(
                        source.layout,
                        segment.path,
                        fingerprint,
                        now,
                        offset,
                        is_gzip=segment.is_gzip,
                    )
                )

    def _fingerprint(self, segment: Segment) -> bytes:
        """Empty where there is none yet."""
        try:
            fingerprint = read_fingerprint(segment.path, is_gzip=segment.is_gzip)
        except OSError as error:
            self._unreadable[segment.path] = reason = error.strerror or str(error)
            if not segment.is_gzip:  # it may be on the way
                self._damage.unreadable_file(segment.path, reason)
            return b""
        self._unreadable.pop(segment.path, None)
        return fingerprint

    @property
    def is_behind(self) -> bool:
        """Whether there is more to read at once."""
        return any(file.is_behind for file in self._files)

    @property
    def has_moved(self) -> bool:
        """Whether a file has another name than the one it was known by."""
        return any(file.moved_at is not None for file in self._files)

    @property
    def reach(self) -> bytes | None:
        """Stamp up to which was read, ``None`` where there is no more to be read now."""
        file = self._reading
        return None if file is None or file.has_only_junk else file.last_key

    def is_ahead_of(self, stamp: bytes) -> bool:
        """Whether all that was read last is later, so that no more of it is needed yet."""
        file = self._reading
        return file is not None and min(file.floor, file.last_key) > stamp

    def floors(self) -> Iterator[bytes]:
        """What nothing is below that is still to come of what is there."""
        reading = self._reading
        for file in self._files:
            if file is reading and not file.has_only_junk:
                yield file.floor
            elif file.is_settling:
                yield file.last_key

    @property
    def _reading(self) -> GrowingFile | None:
        """The oldest file of which there is more to be read; the others' turn comes after it."""
        return next((file for file in self._files if file.is_behind), None)

    def read(self, now: float, quiet_seconds: float, size: int) -> list[Lot]:
        """What came since.

        Args:
            now: The time, in seconds of any clock.
            quiet_seconds: After so long without more, the last record of a file is whole.
            size: How many bytes to read of a file at a time.
        """
        came: list[Lot] = []
        for file in self._files:
            self._damage.place = file.path
            try:
                came += self._take(file, file.read(now, size))
            except OSError as error:
                self._damage.unreadable_file(file.path, error.strerror or str(error))
            if file.is_behind:
                break
            is_quiet = now - file.changed_at >= quiet_seconds
            if is_quiet:
                came += self._take(file, file.flush(), is_last=True)
            file.is_settling = file.holds and not is_quiet
        return came

    def end(self) -> list[Lot]:
        """What is left, where no more will be read."""
        names = {segment.path for segment in self._source.segments}
        for path in names & self._unreadable.keys():
            self._damage.unreadable_file(path, self._unreadable[path])
        left: list[Lot] = []
        for file in self._files:
            left += self._take(file, file.flush(), is_last=True)
            left += self._take(file, file.end())
        return left

    def positions(self) -> dict[str, int]:
        """How far each file was read, in whole records, by fingerprint."""
        done = {fingerprint.hex(): sys.maxsize for fingerprint in self._done}
        return done | {file.fingerprint.hex(): file.given_offset for file in self._files}

    def forget_old(self, now: float) -> None:
        """Let go of pieces that nobody writes to any more; to be called after `read`."""
        live = {segment.path for segment in self._source.segments if segment.rotated is None}
        for file in list(self._files):
            is_quiet = now - file.changed_at > _QUIET_SECONDS and not file.is_behind
            is_over = is_quiet and file.path not in live
            # A listing made while a file is renamed or compressed may miss it.
            is_gone = file.moved_at is not None and now - file.moved_at > _MISSING_SECONDS
            if is_over or is_gone:
                self._files.remove(file)
            if is_over:
                self._done.add(file.fingerprint)
            elif is_gone:  # and may come back, with its directory or its file system
                self._known[file.fingerprint.hex()] = file.given_offset
                self._pieces.discard(file.path)

    def _known_offset(self, fingerprint: bytes) -> int | None:
        """How far a file was read before, when it may have been shorter than its fingerprint."""
        name = fingerprint.hex()
        if name in self._known:
            return self._known[name]
        known = [one for one in self._known if name.startswith(one)]
        return self._known[max(known, key=len)] if known else None

    def _take(self, file: GrowingFile, data: bytes, *, is_last: bool = False) -> list[Lot]:
        """The records of some bytes that end where a record does.

        Args:
            file: Where they are from.
            data: The bytes.
            is_last: Whether what is below the last of them may still come.
        """
        if not data:
            return []
        came: list[Lot] = []
        offset = file.given_offset - len(data)
        above, file.open_item = file.open_item, b""
        records = self.reader.split(above + data, self._damage)
        if above and records.items and records.items[0].startswith(above):
            item, key = records.items.pop(0), records.keys.pop(0)
            if item != above and self.sieve.choose(Records([item], [key])).items:
                origin = Origin(self, file, offset, data, file.pid)
                came.append(Lot([key], [item], origin, item[len(above) :]))
            if not records.items:
                file.open_item = item
        if not records.items:
            return came
        file.floor, file.last_key = file.last_key, records.keys[-1]
        file.open_item = records.items[-1] if is_last else b""
        for stretch in self._stretches(records):
            if self._attempt not in (None, stretch.attempt):
                continue
            file.pid = stretch.pid
            chosen = self.sieve.choose(Records(stretch.items, stretch.keys))
            if chosen.items:
                origin = Origin(self, file, offset, data, stretch.pid)
                came.append(Lot(list(chosen.keys), list(chosen.items), origin))
        return came

    def _stretches(self, records: Records) -> Iterable[Stretch]:
        if self._walk is not None:
            return self._walk.take(records)
        return [Stretch(records.keys, records.items, 0, None, b"")]
