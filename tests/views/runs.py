"""Files of a run, written as the writer lays them out, and the command asked about them."""

import io
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

from strategies import record

from ranklog.command_line import run
from ranklog.line_format import LAYOUTS, encode, live_name

TIME = datetime(2024, 10, 5, 23, 50, 0, 123456, tzinfo=timezone.utc)
"""When the runs began: long enough ago for a rank that said nothing since to be silent."""
SUFFIXES = {layout.suffix: layout for layout in LAYOUTS.values()}
TRACEBACK = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n'


def at(seconds, message="step", rank=0, **fields):
    """A record so long after `TIME`."""
    return record(time=TIME + timedelta(seconds=seconds), message=message, rank=rank, **fields)


def start(seconds=0, rank=0, world_size=4, **fields):
    """The banner of a process."""
    extra = {"rank": rank, "world_size": world_size, "host": f"node{rank}", "pid": 100 + rank}
    own = {"logger": "ranklog", "function": "start", "line": 0, "extra": extra | fields}
    return at(seconds, f"rank {rank} of {world_size} started", rank, **own)


def stop(seconds, rank=0, how="exit"):
    """The end record of a process."""
    own = {"logger": "ranklog", "function": "end", "line": 0}
    extra = {"exit": how, "records": {}, "pid": 100 + rank}
    return at(seconds, f"rank {rank} of 4 ended: {how}", rank, extra=extra, **own)


def error(seconds, message, rank=0, last_line=None, **fields):
    """An error, with a traceback where its last line is given."""
    exception = None if last_line is None else TRACEBACK + last_line
    return at(seconds, message, rank, level="ERROR", exception=exception, **fields)


def uncaught(seconds, what, rank=0):
    """What the writer leaves of an exception that nobody caught."""
    own = {"level": "CRITICAL", "exception": TRACEBACK + what}
    return at(seconds, f"uncaught {what}", rank, **own)


def write(directory, ranks, suffix=".log"):
    """The file of each rank: its records, and raw bytes where faulthandler left some."""
    logs = Path(directory) / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    layout = SUFFIXES[suffix]()
    for rank, content in ranks.items():
        data = b"".join(one if isinstance(one, bytes) else encode(one, layout) for one in content)
        (logs / live_name(rank, suffix)).write_bytes(data)
    return directory


class Stdout(io.TextIOWrapper):
    """Standard output, of a terminal or of none."""

    def __init__(self, is_terminal):
        super().__init__(io.BytesIO(), encoding="utf-8")
        self._is_terminal = is_terminal

    def isatty(self):
        return self._is_terminal


def ask(*arguments, is_terminal=False, **environ):
    """Ask the command in this process.

    Returns:
        ``code``, ``out`` as bytes, ``text``, its ``lines``, and ``err``.
    """
    out, err = Stdout(is_terminal), io.StringIO()
    with patch("sys.stdout", out), patch("sys.stderr", err):
        try:
            code = run([str(one) for one in arguments], environ)
        except SystemExit as exited:
            code = exited.code
    out.flush()
    data = out.buffer.getvalue()
    text = data.decode("utf-8", "backslashreplace")
    return SimpleNamespace(
        code=code, out=data, text=text, lines=text.splitlines(), err=err.getvalue()
    )


def objects(answer):
    """The JSON objects of an answer, one a line."""
    return [json.loads(line) for line in answer.text.split("\n")[:-1]]
