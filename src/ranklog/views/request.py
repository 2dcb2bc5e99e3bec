"""What a view is asked, by a program or on the command line."""

from __future__ import annotations

import argparse
from typing import NamedTuple

from ranklog.files.discover import Paths, paths_of
from ranklog.line_format import Damage
from ranklog.run import Run
from ranklog.selection import Selection

_ACCEPTED = "accepted are run directories, their logs, files and patterns such as 'runs/*'"


class Request(NamedTuple):
    """A question about a run.

    Attributes:
        path: One path or several.
        selection: Which records it is about.
        damage: Told of what cannot be read.
        options: Options of the view's own.
    """

    path: Paths
    selection: Selection
    damage: Damage
    options: argparse.Namespace

    def run(self, *, tracks: bool = False) -> Run:
        """Open the run; see `Run`.

        Raises:
            FileNotFoundError: There is no log file: to a person who named the wrong directory,
                the answer that nothing is wrong would be no answer.
        """
        run = Run(self.path, self.selection, self.damage, tracks=tracks)
        if not run.has_files:
            names = ", ".join(map(repr, paths_of(self.path)))
            raise FileNotFoundError(f"no log files in {names}; {_ACCEPTED}")
        return run
