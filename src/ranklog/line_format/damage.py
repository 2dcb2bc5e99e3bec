"""Counts of what a reader could not believe."""

from __future__ import annotations

_MOST_EXAMPLES = 5
_EXAMPLE_CHARACTERS = 200


# Plain classes: importing dataclasses takes longer than to read the ends of 64 files, and only a
# `Record` needs them.
class FileDamage:
    """What was found in one file; see `Damage`."""

    def __init__(
        self,
        cut_records: int = 0,
        foreign_lines: int = 0,
        example: str | None = None,
        reason: str | None = None,
    ) -> None:
        self.cut_records = cut_records
        self.foreign_lines = foreign_lines
        self.example = example
        self.reason = reason

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FileDamage) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment] # it changes

    def __repr__(self) -> str:
        return f"FileDamage({_arguments(vars(self))})"

    def describe(self) -> str:
        """In words, for a person."""
        parts = []
        if self.reason is not None:
            parts.append(self.reason)
        if self.cut_records:
            parts.append(_counted(self.cut_records, "record") + " cut short or damaged")
        if self.foreign_lines:
            parts.append(_counted(self.foreign_lines, "line") + " of no record")
        if self.example is not None:
            parts.append(f"such as {self.example!r}")
        return ", ".join(parts)


class Damage:
    """What was found beside whole records.

    The stacks that `faulthandler` writes below a record when a process is ended or crashes
    are no damage. Equal are those with equal counts and examples.

    Attributes:
        cut_records: Records cut short (killed or out of space in the middle of a write).
        foreign_lines: Lines that no writer of ours laid out.
        examples: The first few of either, to name them to a person.
        unreadable: Number of files that could not be read, or not to their end.
        files: The same for each file, by its path as it was given.
        notes: What else a person should know, such as a clock that was set back.
        place: Path of the file that is being read now.
    """

    def __init__(
        self,
        cut_records: int = 0,
        foreign_lines: int = 0,
        examples: list[str] | None = None,
        unreadable: int = 0,
    ) -> None:
        self.cut_records = cut_records
        self.foreign_lines = foreign_lines
        self.examples = [] if examples is None else examples
        self.unreadable = unreadable
        self.files: dict[str, FileDamage] = {}
        self.notes: list[str] = []
        self.place = ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Damage) and self._compared() == other._compared()

    __hash__ = None  # type: ignore[assignment] # it changes

    def __repr__(self) -> str:
        return f"Damage({_arguments(self._compared())})"

    def _compared(self) -> dict[str, object]:
        names = ("cut_records", "foreign_lines", "examples", "unreadable")
        return {name: getattr(self, name) for name in names}

    def cut_record(self, line: str) -> None:
        """Count a record that was cut short, by its first line."""
        self.cut_records += 1
        self._of_file(line).cut_records += 1

    def foreign_line(self, line: str) -> None:
        """Count a line that belongs to no record."""
        self.foreign_lines += 1
        self._of_file(line).foreign_lines += 1

    def unreadable_file(self, path: str, reason: str) -> None:
        """Count a file that cannot be read, or not to its end; once, however often it is tried."""
        found = self.files.setdefault(path, FileDamage())
        self.unreadable += found.reason is None
        found.reason = reason

    def note(self, text: str) -> None:
        """Keep what a person should know, once."""
        if text not in self.notes:
            self.notes.append(text)

    def _of_file(self, line: str) -> FileDamage:
        line = line[:_EXAMPLE_CHARACTERS]
        if len(self.examples) < _MOST_EXAMPLES:
            self.examples.append(line)
        found = self.files.setdefault(self.place, FileDamage())
        if found.example is None:
            found.example = line
        return found

    def __bool__(self) -> bool:
        return bool(self.cut_records or self.foreign_lines or self.unreadable)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("s" if number != 1 else "")


def _arguments(fields: dict[str, object]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in fields.items())
