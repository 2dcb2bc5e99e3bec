"""Sizes in bytes, given as a number or in words."""

from __future__ import annotations

import re

_SIZE = r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?b)\s*"
_FACTORS = {"b": 1} | {
    unit: base**power
    for power, letter in enumerate("kmgt", start=1)
    for unit, base in ((f"{letter}b", 1000), (f"{letter}ib", 1024))
}


def parse_bytes(size: int | str, where: str, *, or_else: str | None = None) -> int:
    """A size in bytes.

    Args:
        size: Bytes, or a number with a unit: ``"100 MB"`` (10**6), ``"64 MiB"`` (2**20).
        where: Name of the setting, for the error.
        or_else: What else the setting accepts, for the error.

    Raises:
        ValueError: Malformed, or less than one byte.
        TypeError: Neither text nor an integer.
    """
    accepted = (
        'accepted are bytes as a number of 1 or more, or text such as "100 MB" or "64 MiB"'
        if or_else is None
        else f'accepted are {or_else}, or a total size as text such as "10 GB"'
    )
    if isinstance(size, bool) or not isinstance(size, (int, str)):
        raise TypeError(f"{where}={size!r} is not a size; {accepted}")
    number = _in_words(size) if isinstance(size, str) else size
    if number is None or number < 1:
        raise ValueError(f"{where}={size!r} is not a size; {accepted}")
    return number


def _in_words(text: str) -> int | None:
    match = re.fullmatch(_SIZE, text, re.IGNORECASE)
    if match is None or match[2].lower() == "ib":
        return None
    return int(float(match[1]) * _FACTORS[match[2].lower()])
