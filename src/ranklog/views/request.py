"""What a view is asked, by a program or on the command line."""

from __future__ import annotations

import argparse
from typing import NamedTuple

from ranklog.line_format import Damage
from ranklog.run import Paths, Run
from ranklog.selection import Selection


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
        """Open the run; see `Run`."""
        return Run(self.path, self.selection, self.damage, tracks=tracks)
