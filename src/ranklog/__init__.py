"""The reading half: one story from the log files of all ranks of a run.

`read` gives records; each view, such as `first_error` or `group`, answers one question. The
command ``ranklog`` prints the same. Never imports loguru nor `logging_helpers`: it reads logs
copied to a laptop.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ranklog.line_format.damage import Damage
    from ranklog.line_format.record import Record
    from ranklog.reading import read
    from ranklog.views.first_error import first_error
    from ranklog.views.follow import follow
    from ranklog.views.group import group
    from ranklog.views.merge import merge
    from ranklog.views.ranks import ranks
    from ranklog.views.silent import silent
    from ranklog.views.timeline import timeline

__version__ = "0.1.0"
__all__ = [
    "Damage",
    "Record",
    "first_error",
    "follow",
    "group",
    "merge",
    "ranks",
    "read",
    "silent",
    "timeline",
]

_HOMES = {
    "Damage": "line_format.damage",
    "Record": "line_format.record",
    "first_error": "views.first_error",
    "follow": "views.follow",
    "group": "views.group",
    "merge": "views.merge",
    "ranks": "views.ranks",
    "read": "reading",
    "silent": "views.silent",
    "timeline": "views.timeline",
}


def __getattr__(name: str) -> Any:
    # Lazily, because the writing half imports `ranklog.line_format` at every start of a job.
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return value
