"""The identity of this process: follows `os.environ` at call time, cheaply."""

from __future__ import annotations

import os
from typing import NamedTuple

from logging_helpers.identity.detect import RankInfo, detect, find_node_rank
from logging_helpers.identity.launchers import VARIABLES
from logging_helpers.say import say_once


class _Known(NamedTuple):
    """The identity found last, and what the environment was then."""

    variable_count: int
    variables: tuple[str, ...]
    values: tuple[str | None, ...]
    explicit_rank: int | None
    info: RankInfo


_explicit_rank: int | None = None
_known: _Known | None = None


def set_explicit_rank(rank: int | None) -> None:
    """Make `rank` beat the environment in this process, until called with ``None``."""
    global _explicit_rank
    _explicit_rank = rank


def get_rank_info() -> RankInfo:
    """The identity of this process, as the environment has it now.

    Returns:
        The identity that file names, ``log_master``, the ``[rank]`` prefix and
        ``extra["rank"]`` use. A malformed variable counts as not set and is named once on
        stderr; `init_logging` raises for it instead.
    """
    global _known
    environ = os.environ
    known = _known
    if (
        known is not None
        # A variable that appeared changes the number of variables; one that changed or
        # vanished is among those that were there. Reading all of the table would cost
        # 1 µs per variable that is not set.
        and len(environ) == known.variable_count
        and tuple([environ.get(variable) for variable in known.variables]) == known.values
        and _explicit_rank == known.explicit_rank
    ):
        return known.info
    detection = detect(environ, rank=_explicit_rank)
    for problem in detection.problems:
        say_once(f"{problem}; taken as not set")
    # RANK is always watched, so that exchanging it for another variable is seen as well.
    variables = ("RANK", *sorted(v for v in VARIABLES - {"RANK"} if v in environ))
    _known = _Known(
        variable_count=len(environ),
        variables=variables,
        values=tuple([environ.get(variable) for variable in variables]),
        explicit_rank=_explicit_rank,
        info=detection.info,
    )
    return detection.info


def get_node_rank() -> str | None:
    """The current node or rank number from the environment, as the guide defines it.

    Returns:
        The first set, non-empty one of ``SKYPILOT_NODE_RANK``, ``RANK``,
        ``OMPI_COMM_WORLD_RANK``, then of the other launchers' variables; ``None`` outside a
        distributed job. A node's number where SkyPilot set it, else a process's; for what
        is unique per process see `get_rank_info`.
    """
    node_rank, problems = find_node_rank(os.environ)
    for problem in problems:
        say_once(f"{problem}; taken as not set")
    return node_rank


def is_master() -> bool:
    """Whether this process is rank 0 of its job, or in no job at all."""
    return get_rank_info().is_master
