"""How far a follower came, by the first bytes of each file, kept in a file for the next one."""

from __future__ import annotations

import contextlib
import json
import os


def store(path: str, positions: dict[str, int]) -> None:
    """Replace the file by another one, whole at any moment.

    Raises:
        OSError: It cannot be written; what was there before still is.
    """
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "w", encoding="ascii") as file:
            json.dump({"positions": positions}, file)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def load(path: str) -> dict[str, int]:
    """What an earlier follower stored, nothing where there was none.

    Raises:
        ValueError: It is another kind of file.
    """
    try:
        with open(path, encoding="ascii") as file:
            positions = json.load(file)["positions"]
            return {str(key): int(offset) for key, offset in positions.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path!r} is no file that an earlier follow left; name another, or remove it"
        ) from error
