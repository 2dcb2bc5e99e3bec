"""Extra fields as one line of compact JSON, whatever a program puts into them."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from ranklog.line_format.escapes import escape_c1_json

_DEEPEST = 32
"""Containers nested deeper are written as their ``repr``, once any is nested too deep."""
_TOO_DEEP = 100
"""Depth that no reader should be asked for: Python's own parser gives up before 1,000."""
_LONG_NUMBER = r"[0-9]{4301}"
"""What ``int()`` refuses, unless a program has lifted that limit for itself."""


def safe_repr(value: object) -> str:
    """``repr(value)``, or words that say why there is none. Never raises."""
    try:
        return repr(value)
    except Exception as error:
        return f"<unrepresentable {type(value).__name__}: {type(error).__name__}>"


def _default(value: object) -> object:
    """What JSON is to write for what it cannot hold: a numpy number as a number, else the repr."""
    # Only numpy's own: the number of a tensor on an accelerator would have to be waited for.
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        number = value.item()  # type: ignore[attr-defined] # numpy's scalars have it
        # A non-finite one, and what numpy alone can hold, goes the longer way.
        return number if isinstance(number, (bool, int, float, str)) else safe_repr(value)
    return safe_repr(value)


_encode = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_default
).encode


def _plain(value: Any, above: tuple[int, ...]) -> Any:
    """What of `value` JSON can hold, the rest as its ``repr``.

    Args:
        value: Anything.
        above: Ids of the containers that `value` is in, outermost first.
    """
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else float.__repr__(value)
    if isinstance(value, int):
        return int(value) if abs(value) < 10**300 else _huge(value)
    if len(above) < _DEEPEST and id(value) not in above:
        above = (*above, id(value))
        if isinstance(value, dict):
            return {_key(key): _item(item, above) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [_item(item, above) for item in value]
    simple = _default(value)
    return simple if isinstance(simple, str) else _plain(simple, above)


def _item(value: Any, above: tuple[int, ...]) -> Any:
    """As `_plain`; a value that fails there costs nobody else's field."""
    try:
        return _plain(value, above)
    except Exception:  # a mapping without items, a mock that claims to be one
        return safe_repr(value)


def _huge(value: int) -> str:
    # CPython refuses to print integers of more than 4,300 digits.
    return hex(value)


def _key(key: object) -> str:
    return str.__str__(key) if isinstance(key, str) else safe_repr(key)


def json_text(value: str | dict[str, Any]) -> str:
    """Compact JSON on one line.

    Args:
        value: A string, or extra fields. Non-finite numbers become strings, what JSON
            cannot hold (also keys that are no strings) its ``repr``. Never raises.

    Returns:
        JSON with non-ASCII characters as they are and controls escaped. Lone surrogates
        are left to the encoding: ``backslashreplace`` writes what JSON reads.
    """
    try:
        text = _encode(value)
        if len(text) > 2 * _TOO_DEEP and not _is_readable(value, text):
            text = _encode(_fallback(value))
    except Exception:  # NaN, a cycle, depth, an odd key, a huge integer
        text = _encode(_fallback(value))
    return escape_c1_json(text)


def _is_readable(value: str | dict[str, Any], text: str) -> bool:
    """Whether every reader will take `value`, of which this process has just made `text`."""
    if text.count("[") + text.count("{") > _TOO_DEEP and _is_deeper(value, _TOO_DEEP):
        return False
    return re.search(_LONG_NUMBER, text) is None or isinstance(value, str)


def _is_deeper(value: object, depth: int) -> bool:
    if not isinstance(value, (dict, list, tuple)):
        return False
    items = value.values() if isinstance(value, dict) else value
    return depth == 0 or any(_is_deeper(item, depth - 1) for item in items)


def _fallback(value: str | dict[str, Any]) -> Any:
    try:
        return _plain(value, ())
    except Exception as error:
        return {"unrepresentable": type(error).__name__}


__all__ = ["json_text", "safe_repr"]
