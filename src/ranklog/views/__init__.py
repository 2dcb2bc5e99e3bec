"""What a person asks of a run: one module a question, one row here.

A view's module has a function that gives the answer as data, exported by `ranklog`, and one
called `show` that prints it. Nothing is imported before it is asked for.
"""

from __future__ import annotations

from typing import NamedTuple


class View(NamedTuple):
    """One question.

    Attributes:
        command: Its name on the command line.
        function: Name of the function that answers it, in the module of the same name.
        help: The question.
        attempt: The attempt it is about, unless told otherwise.
        finding: Where the exit status is 1, besides damaged files.
        scope: What the filters are about, where that is not simply what is shown.
    """

    command: str
    function: str
    help: str
    attempt: str = "all"
    finding: str = ""
    scope: str = ""

    @property
    def module(self) -> str:
        """The module that answers it."""
        return f"{__name__}.{self.function}"


VIEWS: tuple[View, ...] = (
    View("merge", "merge", "every record of every rank, in time order"),
    View("follow", "follow", "the same of a live run, as it is written"),
    View(
        "first-error",
        "first_error",
        "which rank failed first, and why",
        "last",
        "a rank failed, logged an error or never wrote",
        "errors are looked for in these; how a rank ended is told in any case",
    ),
    View(
        "silent",
        "silent",
        "which ranks stopped, hang or never wrote",
        "last",
        "a rank is neither running nor finished",
        "only --rank and --attempt have a say: the ends of the files are looked at",
    ),
    View("group", "group", "what was said by which ranks, and who was the exception", "last"),
    View("ranks", "ranks", "a table of all ranks: host, pid, levels, times, bytes"),
    View("timeline", "timeline", "ranks over time: how much was logged, and the worst of it"),
)
