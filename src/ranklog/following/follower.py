"""Follows a whole run: finds its files, reads what comes, gives it out in order."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator

from ranklog.files.discover import Paths, Source, discover, paths_of
from ranklog.files.record_blocks import BEGINNING, Start
from ranklog.following.finding import found_at, has_content, key_of, with_directory
from ranklog.following.growing_source import GrowingSource
from ranklog.following.positions import load, store
from ranklog.following.window import Given, Window
from ranklog.line_format import Damage
from ranklog.merging import block_bytes
from ranklog.run import Run
from ranklog.selection import Selection

_LEAST_DISCOVER_SECONDS, _MOST_DISCOVER_SECONDS = 0.25, 0.5
"""How often to look for new files; less often where that takes long."""
_DISCOVER_SHARE = 10
_SAVE_SECONDS = 1.0
_MOST_IDLE = 4
_END_SECONDS = 1.0


class Follower:
    """Reads a run while it is written. No inotify: network file systems have none.

    Args:
        path: One path or several; what is not there yet is waited for.
        selection: Which records are wanted.
        damage: Told of what cannot be read.
        window_seconds: How long a record waits for earlier ones.
        resume: Path of a file that says how far an earlier follower came, and is told how far
            this one comes; ``None`` for none.
        tracks: Whether lots are to know the process id.
        clock: Gives the time, in seconds.

    Raises:
        ValueError: The window is no time to wait, or `resume` is another kind of file.
    """

    def __init__(
        self,
        path: Paths,
        selection: Selection,
        damage: Damage,
        *,
        window_seconds: float = 0.5,
        resume: str | None = None,
        tracks: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 0 <= window_seconds < math.inf:
            raise ValueError(f"window={window_seconds!r}: accepted are seconds, 0 or more")
        # A file without a directory is in the present one, and so are its pieces.
        self._paths = [with_directory(one) for one in paths_of(path)]
        self._selection = selection
        self._damage = damage
        self._window = Window(window_seconds)
        self._resume = resume
        self._known = {} if resume is None else load(resume)
        self._saved: dict[str, int] | None = None
        self._tracks = tracks
        self._clock = clock
        self._sources: dict[tuple[object, ...], GrowingSource] = {}
        self._empty: tuple[set[str], set[str]] = set(), set()
        self._run: Run | None = None
        self._begun: dict[tuple[object, ...], Source] = {}  # sources as the run knows them
        self._discover_at = self._save_at = self._poll_took = 0.0
        self._idle_polls = 0

    @property
    def empty_paths(self) -> set[str]:
        """Paths at which there was nothing the last two times; a rotation leaves none for a moment."""
        return self._empty[0] & self._empty[1]

    @property
    def is_behind(self) -> bool:
        """Whether there is more to read at once."""
        return any(source.is_behind for source in self._sources.values())

    def poll(self) -> list[Given]:
        """What is to be given out now."""
        now = self._clock()
        if now >= self._save_at:  # whoever polls again has done with what was given out before
            self.save()
            self._save_at = now + _SAVE_SECONDS
        moved = any(one.has_moved for one in self._sources.values())
        is_listed = moved or now >= self._discover_at
        if is_listed:
            self._discover(now)
            wait = max(_LEAST_DISCOVER_SECONDS, _DISCOVER_SHARE * (self._clock() - now))
            self._discover_at = now + min(wait, _MOST_DISCOVER_SECONDS)
        self._idle_polls += 1
        size = block_bytes(len(self._sources))
        # Of what was there before, no more is read than is needed to go on in order.
        reaches = (source.reach for source in self._sources.values())
        lowest = min((reach for reach in reaches if reach is not None), default=b"")
        for number, source in enumerate(self._sources.values()):
            if source.is_ahead_of(lowest):
                continue
            lots = source.read(now, self._window.quiet_seconds, size)
            self._window.add(lots, number, now)
            if is_listed:
                source.forget_old(now)
            if lots:
                self._idle_polls = 0
        self._poll_took = self._clock() - now
        floors: list[bytes] = []
        if self.is_behind:
            floors = [floor for source in self._sources.values() for floor in source.floors()]
        return self._window.due(now, floors)

    def wait(self, poll_seconds: float) -> None:
        """Wait until it is time for the next poll.

        Longer, up to `_MOST_IDLE` times, where nothing comes, and no shorter than a poll takes: a
        thousand files on a network file system are not to be asked for without end.
        """
        if not self.is_behind:
            times = min(1 + self._idle_polls, _MOST_IDLE)
            time.sleep(max(poll_seconds * times, self._poll_took))

    def end(self, seconds: float = _END_SECONDS) -> Iterator[Given]:
        """What is left. Nothing can be polled after that.

        Args:
            seconds: For how long to read on, where there is more to read.
        """
        until = self._clock() + seconds
        for _ in range(2):  # a listing made while a file is compressed may miss it
            self._discover_at = 0.0
            yield from self.poll()
        while self.is_behind and self._clock() < until:
            yield from self.poll()
        if self.is_behind:
            self._damage.note("ended before all that is there was read")
        else:
            now = self._clock()
            for number, source in enumerate(self._sources.values()):
                self._window.add(source.end(), number, now)
            yield from self._window.rest()
        self.save()

    def _discover(self, now: float) -> None:
        try:
            found = self._find()
        except OSError as error:
            if self._run is None and not isinstance(error, FileNotFoundError):
                raise
            return  # not yet, or not now
        for source in found:
            key = key_of(source)
            growing = self._sources.get(key)
            if growing is not None:
                growing.update(source, now)
            elif self._run is not None and self._run.may_hold(source):
                self._sources[key] = self._begin(self._run, source, now)

    def _find(self) -> list[Source]:
        paths = self._paths
        try:
            found = found_at(paths)
        except OSError:
            paths = self._readable_paths()
            found = found_at(paths)
        self._empty = self._empty[1], set(self._paths).difference(paths if found else [])
        if self._run is None and any(map(has_content, found)):
            # Knows where to begin in what is there already.
            self._run = Run(paths, self._selection, self._damage)
            self._begun = {key_of(source): source for source in self._run.sources}
        return found

    def _readable_paths(self) -> list[str]:
        """Those of the paths that are there by now, and still."""
        readable: list[str] = []
        for path in self._paths:
            try:
                if discover(path):
                    readable.append(path)
            except FileNotFoundError:
                continue
            except OSError as error:
                if self._run is None:
                    raise
                # Perhaps its network file system is away for a while.
                self._damage.unreadable_file(path, error.strerror or str(error))
        return readable

    def _begin(self, run: Run, source: Source, now: float) -> GrowingSource:
        start, ordinal = BEGINNING, 0
        one = self._begun.pop(key_of(source), None)
        if one is not None:
            span = run.span(one)
            if span is not None:
                start, ordinal = _again(span.start, one, source), span.before
            elif self._selection.attempt == "last":
                start = _end(source)  # all that is there is of an earlier attempt
        return GrowingSource(
            source,
            run.sieve(source),
            self._damage,
            start,
            self._known,
            now,
            tracks=self._tracks,
            attempt=self._selection.attempt,
            before=ordinal,
        )

    def save(self, unread: Iterable[Given] = ()) -> None:
        """Note how far records were given out, for a later follower.

        One that begins there gives out none too few; after a kill, up to a second's and a
        window's too many.

        Args:
            unread: What was given out, and nobody has seen.
        """
        if self._resume is None:
            return
        positions = dict(self._known)  # of files that are not found, or not asked for, as well
        for source in self._sources.values():
            positions |= source.positions()
        waiting = [(lot.origin, lot.items[0]) for lot in self._window.held()]
        waiting += [(one.lots[0].origin, one.items[0]) for one in unread]
        for origin, item in waiting:
            name, offset = origin.file.fingerprint.hex(), origin.offset_of(item)
            positions[name] = min(positions.get(name, offset), offset)
        if positions == self._saved:
            return
        try:
            store(self._resume, positions)
        except OSError as error:
            reason = f"{self._resume!r} cannot be written: {error.strerror}"
            if self._saved is None:
                raise ValueError(reason) from error
            self._damage.note(f"{reason}; what was given out since may come again")
        else:
            self._saved = positions


def _again(start: Start, listed: Source, source: Source) -> Start:
    """A place in one listing of a source as a place in another."""
    path = listed.segments[start.segment].path
    paths = [segment.path for segment in source.segments]
    return Start(paths.index(path), start.offset) if path in paths else BEGINNING


def _end(source: Source) -> Start:
    """Behind all that is there."""
    last = source.segments[-1]
    if last.is_gzip:
        return Start(len(source.segments))
    return Start(len(source.segments) - 1, os.path.getsize(last.path))
