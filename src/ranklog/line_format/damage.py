"""Counts of what a reader could not believe."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Damage:
    """What was found in a file beside whole records.

    Attributes:
        cut_records: Records cut short (killed or out of space in the middle of a write).
        foreign_lines: Lines that no writer of ours laid out, such as a crash's raw stack.
        examples: The first few of either, to name them to a person.
    """

    cut_records: int = 0
    foreign_lines: int = 0
    examples: list[str] = field(default_factory=list)

    def cut_record(self, line: str) -> None:
        """Count a record that was cut short, by its first line."""
        self.cut_records += 1
        self._keep(line)

    def foreign_line(self, line: str) -> None:
        """Count a line that belongs to no record."""
        self.foreign_lines += 1
        self._keep(line)

    def _keep(self, line: str) -> None:
        if len(self.examples) < 5:
            self.examples.append(line[:200])

    def __bool__(self) -> bool:
        return bool(self.cut_records or self.foreign_lines)
