"""The reading half: parse and merge the rank files of a run.

Never imports loguru nor `logging_helpers`: it reads logs copied to a laptop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ranklog.line_format.damage import Damage
    from ranklog.line_format.record import Record
    from ranklog.reading import read

__version__ = "0.1.0"
__all__ = ["Damage", "Record", "read"]


def __getattr__(name: str) -> Any:
    # Lazily, because the writing half imports `ranklog.line_format` at every start of a job.
    if name == "read":
        from ranklog.reading import read

        return read
    if name == "Damage":
        from ranklog.line_format.damage import Damage

        return Damage
    if name == "Record":
        from ranklog.line_format.record import Record

        return Record
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
