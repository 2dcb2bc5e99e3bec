"""Counts messages over ranks: exactly where they repeat, by what is the same in them where not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ranklog.line_format import Origin, Reader, Records
from ranklog.masking import DIGITS, mask

MOST_EXACT = 8
"""Messages that differ in numbers only are told apart up to so many of them."""
MOST_LABELS = 50_000
"""Of more texts than this those that differ in numbers, hex and paths are counted as one."""


class Said(NamedTuple):
    """What is known of one message, or of all of one kind.

    Attributes:
        text: The message, and the last line of its exception.
        is_masked: Whether numbers, hex and paths in it are replaced.
        level: Level name.
        counts: Number of records by rank.
        first: Stamp of the first of them, as far as the files are in order.
        last: Stamp of the last.
        example: Bytes of the first record of it that was read.
    """

    text: str
    is_masked: bool
    level: str
    counts: dict[int, int]
    first: bytes
    last: bytes
    example: bytes


class MessageCounter:
    """Counts records, some at a time.

    Every message begins as itself. A kind of message, the same but for its digits, of which
    there are more than `MOST_EXACT` is counted as a kind from then on: a training loop has one
    kind of message and a million texts.
    """

    def __init__(self) -> None:
        self._speakers: dict[tuple[str, int], int] = {}  # level and rank, by a number each
        self._exact: dict[bytes, set[bytes]] = {}  # texts of each kind that has few
        self._kinds: set[bytes] = set()  # those that have many
        self._counts: Counter[tuple[bytes, int]] = Counter()
        self._first: dict[bytes, bytes] = {}
        self._last: dict[bytes, bytes] = {}
        self._examples: dict[bytes, bytes] = {}
        self._texts: dict[bytes, bytes] = {}  # one of each label, which may be a kind
        self._most_labels = MOST_LABELS

    def add(self, reader: Reader, rank: int | None, records: Iterable[Records]) -> None:
        """Count the records of a source.

        Args:
            reader: Reads their layout.
            rank: Whose they are; ``None`` where each says it.
            records: Its records, some at a time, in file order.
        """
        ids: dict[bytes, int] = {}
        seen: set[bytes] = set()
        for items, keys in records:
            parts, texts = reader.sayings(items)
            for part in {*parts} - ids.keys():
                ids[part] = self._speaker(reader.origin(part), rank)
            labels = self._labels(texts)
            self._counts.update(zip(labels, [ids[part] for part in parts], strict=True))
            self._last |= _latest(self._last, dict(zip(labels, keys, strict=True)))
            new = {*labels} - seen
            if new:
                seen |= new
                self._begin(new, labels, texts, Records(items, keys))

    def _speaker(self, origin: Origin | None, rank: int | None) -> int:
        level = "" if origin is None else origin.level
        if rank is None and origin is not None:
            rank = origin.rank
        return self._speakers.setdefault((level, rank or 0), len(self._speakers))

    def _begin(
        self, new: set[bytes], labels: Sequence[bytes], texts: Sequence[bytes], records: Records
    ) -> None:
        """Keep the first record of what a source has not said before."""
        items, keys = records
        order = range(len(labels) - 1, -1, -1)
        numbers = {labels[number]: number for number in order}
        for label in new:
            number = numbers[label]
            if label not in self._first or keys[number] < self._first[label]:
                self._first[label], self._examples[label] = keys[number], items[number]
                self._texts[label] = texts[number]
        if len(self._texts) > self._most_labels:
            self._fold({label: self._masked(label).encode() for label in self._texts})
            # Where that was no help, not again for every block.
            self._most_labels = max(MOST_LABELS, 2 * len(self._texts))

    def _masked(self, label: bytes) -> str:
        # Not of the label: digits made equal may look like other things, "4x4" like "0x0".
        return mask(_text(self._texts[label]))

    def _labels(self, texts: Sequence[bytes]) -> Sequence[bytes]:
        """What each text is counted as: itself, or its kind."""
        kinds = _kinds_of(texts)
        many = self._kinds
        few = {*kinds} - many
        if not few:
            return kinds
        for kind, text in {pair for pair in zip(kinds, texts, strict=True) if pair[0] in few}:
            exact = self._exact.setdefault(kind, set())
            exact.add(text)
            if len(exact) > MOST_EXACT:
                many.add(kind)
                few.discard(kind)
        for kind in self._exact.keys() & many:
            self._fold(dict.fromkeys(self._exact.pop(kind), kind))
        return [text if kind in few else kind for kind, text in zip(kinds, texts, strict=True)]

    def _fold(self, labels: dict[bytes, bytes]) -> None:
        """Count what had a label of its own under another one from now on."""
        for (label, speaker), count in list(self._counts.items()):
            new = labels.get(label, label)
            if new != label:
                del self._counts[label, speaker]
                self._counts[new, speaker] += count
        for old, new in labels.items():
            if old != new and old in self._examples:
                first, last = self._first.pop(old), self._last.pop(old)
                example, text = self._examples.pop(old), self._texts.pop(old)
                if new not in self._first or first < self._first[new]:
                    self._first[new], self._examples[new] = first, example
                    self._texts[new] = text
                self._last[new] = max(last, self._last.get(new, last))

    def said(self) -> Iterator[Said]:
        """What was said, in no order."""
        by_label: dict[tuple[bytes, str], dict[int, int]] = {}
        names = {number: speaker for speaker, number in self._speakers.items()}
        for (label, number), count in self._counts.items():
            level, rank = names[number]
            counts = by_label.setdefault((label, level), {})
            counts[rank] = counts.get(rank, 0) + count
        families: dict[tuple[str, str], list[bytes]] = {}
        for label, level in by_label:
            families.setdefault((self._masked(label), level), []).append(label)
        for (masked, level), labels in families.items():
            counted = {label: by_label[label, level] for label in labels}
            if self._is_one_kind(labels, counted.values()):
                yield self._one(masked, labels, level, counted.values(), is_masked=True)
            else:
                for label, counts in counted.items():
                    yield self._one(_text(label), [label], level, [counts], is_masked=False)

    def _is_one_kind(self, labels: list[bytes], counted: Iterable[dict[int, int]]) -> bool:
        """Whether texts that differ only in numbers are better told as one."""
        exact = [label for label in labels if label in self._exact.get(label.translate(DIGITS), ())]
        if len(exact) < len(labels) or len(labels) > MOST_EXACT:
            return True
        # "rank 3 is ready", which nobody else could say.
        return len(labels) > 1 and all(len(counts) == 1 for counts in counted)

    def _one(
        self,
        text: str,
        labels: list[bytes],
        level: str,
        counted: Iterable[dict[int, int]],
        *,
        is_masked: bool,
    ) -> Said:
        total: Counter[int] = Counter()
        for counts in counted:
            total.update(counts)
        first = min(labels, key=self._first.__getitem__)
        return Said(
            text,
            is_masked,
            level,
            dict(sorted(total.items())),
            self._first[first],
            max(self._last[label] for label in labels),
            self._examples[first],
        )


def _latest(known: dict[bytes, bytes], new: dict[bytes, bytes]) -> dict[bytes, bytes]:
    return {label: max(key, known.get(label, key)) for label, key in new.items()}


def _kinds_of(texts: Sequence[bytes]) -> list[bytes]:
    if not texts:
        return []
    kinds = b"\0".join(texts).translate(DIGITS).split(b"\0")
    # A JSON file may hold a NUL in a message.
    return kinds if len(kinds) == len(texts) else [text.translate(DIGITS) for text in texts]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
