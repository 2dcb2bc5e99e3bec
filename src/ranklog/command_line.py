"""The command ``ranklog``: reads the words of a command line, and asks the view they name."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, BinaryIO

from ranklog import __version__
from ranklog.line_format import Damage
from ranklog.screen import HUMAN, JSON, RAW, Screen, say
from ranklog.selection import Filters, make_selection
from ranklog.views import VIEWS, View
from ranklog.views.request import Request

_EPILOG = """\
PATH is a run directory, its logs directory, a file (also rotated or compressed) or a pattern;
text and JSON may be mixed. Answers go to stdout, what could not be read is named on stderr.
Exit status: 0 fine, 1 findings (ranklog COMMAND --help tells which), 2 wrong usage.
"""
_NEGATIVE = re.compile(r"-\d[\d,\s-]*")


def main() -> None:
    """Run the command of this process and end it."""
    sys.exit(run(sys.argv[1:], os.environ))


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command; answers go to stdout.

    Args:
        arguments: The command line, without the program's name.
        environ: The environment.

    Returns:
        The exit status.
    """
    if sys.stdout is None:
        say("standard output is closed")
        return 2
    # A pipe that is closed at the other end, or Ctrl-C, is somebody's wish and no error.
    try:
        return _answer(_parser(arguments), arguments, environ, sys.stdout.buffer)
    except BrokenPipeError:
        _give_up_stdout()
        return 0
    except KeyboardInterrupt:
        return 130


def _give_up_stdout() -> None:
    """What is still buffered must not be tried again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _answer(
    parser: argparse.ArgumentParser,
    arguments: Sequence[str],
    environ: Mapping[str, str],
    stream: BinaryIO,
) -> int:
    options, unknown = parser.parse_known_args(_joined(arguments))
    if unknown:  # argparse would show the usage of all commands, which names no option
        options.command.error(f"unrecognized arguments: {' '.join(unknown)}")
    view: View = options.view
    filters: Any = {name: getattr(options, name) for name in Filters.__annotations__}
    damage = Damage()
    screen = Screen(stream, options.form, environ, is_terminal=sys.stdout.isatty())
    try:
        selection = make_selection(filters, attempt=view.attempt)
        request = Request(options.path, selection, damage, options)
        status: int = import_module(view.module).show(request, screen)
    except (OSError, ValueError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        say(_words(error))
        try:
            stream.flush()
        except OSError:  # a full disk
            _give_up_stdout()
        return 2
    for path, found in sorted(damage.files.items()):
        say(f"{path}: {found.describe()}")
    for note in damage.notes:
        say(note)
    return max(status, int(bool(damage)))


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ranklog",
        description="Read the log files of all ranks of a job as one story.",
        epilog=_EPILOG,
        formatter_class=_Formatter,
    )
    parser.add_argument("--version", action="version", version=f"ranklog {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for view in VIEWS:
        command = commands.add_parser(
            view.command, help=view.help, description=view.help, formatter_class=_Formatter
        )
        if view.command in arguments:  # the others' modules need not be loaded
            _add_options(command, view)
    return parser


def _add_options(command: argparse.ArgumentParser, view: View) -> None:
    command.set_defaults(view=view, command=command)
    findings = " or ".join(filter(None, (view.finding, "a file is damaged")))
    command.epilog = f"Exit status: 0 fine, 1 where {findings}, 2 wrong usage."
    command.add_argument(
        "path", nargs="+", metavar="PATH", help="a run directory, its logs, a file or a pattern"
    )
    chosen = command.add_argument_group("which records", view.scope or None)
    chosen.add_argument("--rank", metavar="RANKS", help="such as 0,3-5,-1; -1 is the last rank")
    chosen.add_argument("--level", help="this level and above")
    chosen.add_argument("--logger", metavar="NAME", help="this logger and its children")
    chosen.add_argument(
        "--since",
        metavar="TIME",
        help="a UTC time, also 23:50, or 10m: so long before the end of the run",
    )
    chosen.add_argument("--until", metavar="TIME", help="the same")
    chosen.add_argument("--grep", metavar="REGEX", help="in message, exception or extra fields")
    chosen.add_argument(
        "--attempt",
        metavar="N|last|all",
        help=f"a start of the processes: the N-th banner of each file (default {view.attempt})",
    )
    form = command.add_mutually_exclusive_group()
    for name, text in (
        (JSON, "one JSON object per line"),
        (RAW, "the records, as they were logged"),
    ):
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, help=text)
    command.set_defaults(form=HUMAN)
    module = import_module(view.module)
    if hasattr(module, "add_options"):
        module.add_options(command)


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Has a width of its own: to ask the terminal, argparse would import shutil at every start."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=100)


def _joined(arguments: Sequence[str]) -> list[str]:
    """``--rank -1,0`` as ``--rank=-1,0``, which argparse would take for an option."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] == "--rank" and _NEGATIVE.fullmatch(argument):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"cannot read {error.filename!r}: {error.strerror}"
    return str(error)
