"""What the lines of a text record after its header begin with.

Guards begin with blanks, which sort before any digit: `sort -m` keeps records whole.
"""

from __future__ import annotations

MESSAGE_GUARD = "    | "
EXCEPTION_GUARD = "    ! "
EXTRA_GUARD = "    = "
CUT_LINE = "    ~ cut"
