"""Escapes that keep one record on the lines that belong to it."""

from __future__ import annotations

import re

# Patterns as text: `re` compiles them when first needed and keeps them, and a start of a job
# does not pay for those it never needs.
# Unicode category Cc without newline and tab.
_CONTROL = r"[\x00-\x08\x0b-\x1f\x7f-\x9f]"
_C1 = r"[\x7f-\x9f]"
# What would let a header parse in more than one way, and what UTF-8 cannot hold.
_NAME_UNSAFE = r"[\x00-\x20\x7f-\x9f:|\\\ud800-\udfff]"
_NAME_ESCAPE = r"\\x([0-9a-f]{2})|\\u([0-9a-f]{4})"


def _hex(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def escape_controls(text: str) -> str:
    r"""Write control characters other than ``\n`` and ``\t`` as visible ``\xNN``."""
    return re.sub(_CONTROL, _hex, text)


def escape_c1_json(text: str) -> str:
    r"""Write DEL and C1 controls, which JSON would let through raw, as ``\u00NN``.

    Args:
        text: A finished JSON text, in which they can only stand inside strings.
    """
    if text.isascii() and "\x7f" not in text:
        return text
    return re.sub(_C1, lambda match: f"\\u{ord(match[0]):04x}", text)


def escape_name(name: str) -> str:
    r"""Write blanks, ``:``, ``|``, backslashes and controls of a name as ``\xNN``."""
    # Nearly all names are dotted identifiers, or like "<module>", and need no pattern.
    if name.replace(".", "_").strip("<>").isidentifier():
        return name
    return re.sub(_NAME_UNSAFE, _hex, name)


def unescape_name(name: str) -> str:
    """Undo `escape_name`, exactly."""
    if "\\" not in name:
        return name
    return re.sub(_NAME_ESCAPE, lambda match: chr(int(match[1] or match[2], 16)), name)
