"""How the files of a run are named."""

import re
from datetime import datetime, timezone
from typing import NamedTuple

LOGS_DIRECTORY = "logs"
_STEM = "script"
_NAME = rf"{_STEM}(?:_([1-9]\d*))?(?:\.(\d{{8}}T\d{{6}}\.\d{{6}}Z))?(\.log|\.jsonl)(\.gz)?"
_PIECE_TIME = "%Y%m%dT%H%M%S.%fZ"


class FileName(NamedTuple):
    """A file name taken apart.

    Attributes:
        rank: The rank it belongs to; 0 also where no rank was known.
        rotated: UTC time of the rotation, ``None`` for the file still written to.
        suffix: ``".log"`` or ``".jsonl"``.
        is_gzip: Whether the piece is compressed.
    """

    rank: int
    rotated: datetime | None
    suffix: str
    is_gzip: bool


def live_name(rank: int | None, suffix: str) -> str:
    """Name of the file a rank writes to: ``script.log`` for rank 0 or none, ``script_1.log`` after that."""
    return f"{_stem(rank)}{suffix}"


def piece_name(rank: int | None, rotated: datetime, suffix: str) -> str:
    """Name of a piece rotated away at `rotated`: ``script_1.20261124T073145.123456Z.log``."""
    stamp = rotated.astimezone(timezone.utc).strftime(_PIECE_TIME)
    return f"{_stem(rank)}.{stamp.rjust(23, '0')}{suffix}"


def lock_name(rank: int | None, suffix: str) -> str:
    """Name of the hidden file that is locked while a rank's file is rotated."""
    return f".{live_name(rank, suffix)}.lock"


def parse_name(name: str) -> FileName | None:
    """Take a file name apart; ``None`` where the file is not one of ours."""
    match = re.fullmatch(_NAME, name, re.ASCII)
    if match is None:
        return None
    rank, stamp, suffix, gzip = match.groups()
    rotated = None
    if stamp is not None:
        try:
            rotated = _parse_piece_time(stamp)
        except ValueError:  # a month 13
            return None
    return FileName(int(rank or 0), rotated, suffix, gzip is not None)


def _parse_piece_time(stamp: str) -> datetime:
    # Not strptime: its first call imports a module, in whichever thread that is, and a child
    # forked at that moment can never import it.
    day = datetime(int(stamp[:4]), int(stamp[4:6]), int(stamp[6:8]), tzinfo=timezone.utc)
    hour, minute, second = int(stamp[9:11]), int(stamp[11:13]), int(stamp[13:15])
    return day.replace(hour=hour, minute=minute, second=second, microsecond=int(stamp[16:22]))


def _stem(rank: int | None) -> str:
    return f"{_STEM}_{rank}" if rank else _STEM
