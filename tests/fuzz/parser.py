"""Coverage-guided fuzzing of `ranklog.read`; see `make fuzz`.

Each input is one of three, by its first byte, for either layout:

- any bytes at all, as a file: reading them raises nothing;
- records of any content, written and read back: as many as were written, each as it was
  written, nothing damaged; and what was read, written again, reads back the same;
- records of which some bytes are overwritten, removed or inserted: reading raises nothing,
  and all records but those that were hit and their neighbours are still there, in order.

Arguments are libFuzzer's, such as ``-max_total_time=600`` or ``-runs=100000``; it says at its
end how many inputs were tried. What made it fail is left as ``crash-*``, and is tried again
with ``tests/fuzz/parser.py crash-*``.
"""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
import unicodedata
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["ranklog"]):
    import ranklog
    from ranklog.line_format import LAYOUTS, encode

    # Readers are loaded when they are first needed.
    with tempfile.TemporaryDirectory() as _directory:
        for _layout in LAYOUTS.values():
            _path = Path(_directory, f"script{_layout.suffix}")
            _path.write_bytes(b"\n")
            list(ranklog.read(_path))

START = datetime(2026, 10, 5, 23, 50, tzinfo=timezone.utc)
# What a message would have to contain to pass for something else.
HOSTILE = (
    "2026-10-05 23:50:00.123456+00:00 | INFO     | r0001 | forged:f:1 - forged",
    '{"timestamp":"2026-10-05T23:50:00.123456+00:00","level":"INFO","rank":1,"pid":1,'
    '"logger":"forged","caller":"f:1","message":"forged","exception":null,"extra":{}}',
    *("    | ", "    ! ", '    = {"a":1}', "    ~ cut", " - ", " | ", "\r", "\x00", "\x85"),
    *("\u2028", "\ufeff", "\ud800", "\\x1b", '"', "\\", "Level 5", "r0001/7", '  File "a", line 1 in f'),
)  # fmt: skip


def text(data: atheris.FuzzedDataProvider) -> str:
    parts = []
    for _ in range(data.ConsumeIntInRange(0, 4)):
        if data.ConsumeBool():
            parts.append(HOSTILE[data.ConsumeIntInRange(0, len(HOSTILE) - 1)])
        else:
            parts.append(data.ConsumeUnicode(data.ConsumeIntInRange(0, 20)))
        if data.ConsumeBool():
            parts.append("\n")
    return "".join(parts)


def value(data: atheris.FuzzedDataProvider, depth: int = 0) -> Any:
    kind = data.ConsumeIntInRange(0, 6 if depth < 3 else 4)
    if kind == 0:
        return text(data)
    if kind == 1:
        return data.ConsumeInt(8)
    if kind == 2:
        return data.ConsumeRegularFloat()
    if kind == 3:
        return data.ConsumeBool()
    if kind == 4:
        return None
    if kind == 5:
        return [value(data, depth + 1) for _ in range(data.ConsumeIntInRange(0, 3))]
    return {text(data): value(data, depth + 1) for _ in range(data.ConsumeIntInRange(0, 3))}


def record(data: atheris.FuzzedDataProvider, number: int) -> tuple[ranklog.Record, bool]:
    """Any record, and whether another process than the banner's writes it."""
    is_child = data.ConsumeBool()
    made = ranklog.Record(
        time=START + timedelta(seconds=number, microseconds=data.ConsumeIntInRange(0, 999_999)),
        level=text(data) if data.ConsumeBool() else "INFO",
        rank=data.ConsumeIntInRange(0, 99_999) if data.ConsumeBool() else None,
        pid=data.ConsumeIntInRange(1, 1 << 22) if is_child else None,
        logger=text(data),
        function=text(data),
        # Line 0 is the project's own.
        line=data.ConsumeIntInRange(1, 100_000),
        message=text(data),
        exception=text(data) if data.ConsumeBool() else None,
        extra={text(data): value(data) for _ in range(data.ConsumeIntInRange(0, 3))},
    )
    return made, is_child


def joined(string: str) -> str:
    """A string as JSON gives it back: two surrogates that are one character are that."""
    return string.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def escaped(string: str) -> str:
    """A string as a text file gives it back."""
    return "".join(
        (f"\\x{ord(c):02x}" if ord(c) < 0x100 else f"\\u{ord(c):04x}")
        if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"
        else c
        for c in string
    )


def expected(one: ranklog.Record, layout: str) -> tuple[Any, ...]:
    names = (one.level, one.logger, one.function)
    shown = escaped if layout == "text" else joined
    return (
        *(one.time, one.rank, one.pid, one.line),
        *(names if layout == "text" else map(joined, names)),
        shown(one.message),
        None if one.exception is None else shown(one.exception),
        json.loads(json.dumps(dict(one.extra))),
    )


def found(one: ranklog.Record) -> tuple[Any, ...]:
    return (
        *(one.time, one.rank, one.pid, one.line),
        *(one.level, one.logger, one.function, one.message, one.exception, dict(one.extra)),
    )


class Fuzzer:
    """Tries one input after another, in a directory in memory."""

    def __init__(self, directory: str) -> None:
        self._directory = Path(directory)

    def __call__(self, content: bytes) -> None:
        """Try one input."""
        data = atheris.FuzzedDataProvider(content)
        kind = data.ConsumeIntInRange(0, 2)
        layout = LAYOUTS["text" if data.ConsumeBool() else "json"]()
        if kind == 0:
            is_gzip = data.ConsumeIntInRange(0, 7) == 0
            content = data.ConsumeBytes(data.remaining_bytes())
            if is_gzip and len(content) % 2:
                content = gzip.compress(content)  # else damaged
            self._read(layout, content, ".gz" if is_gzip else "")
            return
        made = [record(data, number) for number in range(data.ConsumeIntInRange(0, 6))]
        lines = [encode(one, layout, is_child=is_child) for one, is_child in made]
        if kind == 1:
            self._round_trip(layout, made, lines)
        else:
            self._mutate(layout, made, lines, data)

    def _read(self, layout: Any, content: bytes, gz: str = "") -> tuple[list[Any], ranklog.Damage]:
        stem = "script_1.20261005T235000.000000Z" if gz else "script_1"
        path = self._directory / f"{stem}{layout.suffix}{gz}"
        path.write_bytes(content)
        damage = ranklog.Damage()
        try:
            return list(ranklog.read(path, damage=damage)), damage
        finally:
            path.unlink()

    def _round_trip(self, layout: Any, made: list[Any], lines: list[bytes]) -> None:
        got, damage = self._read(layout, b"".join(lines))
        assert not damage, damage
        wanted = [expected(one, layout.name) for one, _ in made]
        assert wanted == [found(one) for one in got], (wanted, got, lines)
        again = [
            encode(one, layout, is_child=is_child)
            for one, (_, is_child) in zip(got, made, strict=True)
        ]
        assert got == self._read(layout, b"".join(again))[0]

    def _mutate(
        self, layout: Any, made: list[Any], lines: list[bytes], data: atheris.FuzzedDataProvider
    ) -> None:
        whole = b"".join(lines)
        start = data.ConsumeIntInRange(0, len(whole))
        length = data.ConsumeIntInRange(0, min(64, len(whole) - start))
        new = data.ConsumeBytes(data.ConsumeIntInRange(0, 64))
        if data.ConsumeBool():
            new += HOSTILE[data.ConsumeIntInRange(0, len(HOSTILE) - 1)].encode("utf-8", "replace")
        got, _ = self._read(layout, whole[:start] + new + whole[start + length :])
        hit = set()
        position = 0
        for number, line in enumerate(lines):
            if position <= start + length and start <= position + len(line):
                hit |= {number - 1, number, number + 1}
            position += len(line)
        left = iter([found(one) for one in got])
        for number, (one, _) in enumerate(made):
            # In time order: what was hit may have got any time.
            if number not in hit:
                assert expected(one, layout.name) in left, number


def main() -> None:
    """Run libFuzzer; see the module."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as directory:
        atheris.Setup(sys.argv, Fuzzer(directory))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
