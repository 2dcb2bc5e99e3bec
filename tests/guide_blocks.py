"""The logging guide's code blocks, and the console lines that they print."""

import re
import textwrap
from pathlib import Path

GUIDE = (Path(__file__).parent / "guide_blocks.md").read_text()
BLOCKS = {
    name: textwrap.dedent(code)
    for name, code in re.findall(r"^## (\S+)\n\n *```\w+\n(.*?)^ *```$", GUIDE, re.S | re.M)
}
STAMP = r"\[[0-2]\d:[0-5]\d:[0-5]\d\.\d{3}\] "


def printed(text):
    """Console lines without their times, which must be there."""
    lines = [re.fullmatch(f"{STAMP}(.*)", line) for line in text.splitlines()]
    assert None not in lines, text
    return [line[1] for line in lines]
