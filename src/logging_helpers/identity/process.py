"""The identity of this process: follows the environment at call time, cheaply."""

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from logging_helpers.identity.detect import detect
from logging_helpers.identity.launchers import GUIDE_ORDER, VARIABLES
from logging_helpers.identity.rank_info import RankInfo
from logging_helpers.identity.readings import find_node_rank
from logging_helpers.say import say_once

# Both views of the environment are public; the one in bytes decodes nothing, which makes a
# look-up a third cheaper.
_environ: Mapping[Any, Any] = os.environb if os.supports_bytes_environ else os.environ


def _key(variable: str) -> Any:
    return os.fsencode(variable) if os.supports_bytes_environ else variable


_KEYS = {_key(variable): variable for variable in VARIABLES}
_RANK_KEY = _key("RANK")


class _Known(NamedTuple):
    """The identity found last, and what it depended on.

    Attributes:
        variable_count: Number of variables in the environment.
        variables: Those of the table that were set, with their values.
        rank_variables: Those that the rank was made of.
        has_rank_variable: Whether RANK was set.
        explicit_rank: As `set_explicit_rank` had it.
        info: What was found.
    """

    variable_count: int
    variables: tuple[tuple[Any, Any], ...]
    rank_variables: tuple[tuple[Any, Any], ...]
    has_rank_variable: bool
    explicit_rank: int | None
    info: RankInfo


_explicit_rank: int | None = None
_known: _Known | None = None
_on_change: Callable[[RankInfo], None] | None = None


def set_explicit_rank(rank: int | None) -> None:
    """Make `rank` beat the environment in this process, until called with ``None``.

    What was known is forgotten: whoever watches is told with the next question.
    """
    global _explicit_rank, _known
    _explicit_rank = rank
    _known = None


def watch_identity(on_change: Callable[[RankInfo], None] | None) -> None:
    """Have `on_change` called when somebody asks for the identity and finds another than before."""
    global _on_change
    _on_change = on_change


def get_rank_info() -> RankInfo:
    """The identity of this process, as the environment has it now.

    Returns:
        The identity that file names, ``log_master``, the ``[rank]`` prefix and
        ``extra["rank"]`` use. A malformed variable counts as not set and is named once on
        stderr; `init_logging` raises for it instead.
    """
    known = _known
    if known is not None and _is_unchanged(known, known.variables):
        return known.info
    return _find_out()


def is_master() -> bool:
    """Whether this process is rank 0 of its job, or in no job at all."""
    known = _known
    if known is not None and _is_unchanged(known, known.rank_variables):
        return known.info.is_master
    return _find_out().is_master


def get_node_rank() -> str | None:
    """The current node or rank number from the environment, as the guide defines it.

    Returns:
        The first set, non-empty one of ``SKYPILOT_NODE_RANK``, ``RANK``,
        ``OMPI_COMM_WORLD_RANK``, then of the other launchers' variables; ``None`` outside a
        distributed job. A node's number where SkyPilot set it, else a process's; for what
        is unique per process see `get_rank_info`.
    """
    environ: Mapping[str, str] = os.environ
    if not any(environ.get(variable) for variable in GUIDE_ORDER):
        get_rank_info()  # knows which of all the others are set
        environ = {} if _known is None else _texts(_known.variables)
    node_rank, problems = find_node_rank(environ)
    for problem in problems:
        say_once(f"{problem}; taken as not set")
    return node_rank


def _is_unchanged(known: _Known, variables: tuple[tuple[Any, Any], ...]) -> bool:
    # A variable that changed or vanished is among those that were there, one that appeared
    # changes their number. To look up all of the table would cost 1 µs for each that is not
    # set. RANK, which programs set themselves, is looked up all the same: it is seen even
    # where another variable was taken away for it.
    environ = _environ
    if len(environ) != known.variable_count or known.explicit_rank != _explicit_rank:
        return False
    try:
        for key, value in variables:
            if environ[key] != value:
                return False
    except KeyError:
        return False
    return known.has_rank_variable or _RANK_KEY not in environ


def _find_out() -> RankInfo:
    global _known
    # One pass over the names, then the few that matter: asking for each of the table would
    # cost 1 µs for each that is not set.
    environ, explicit_rank = _environ, _explicit_rank
    variables = tuple([(key, environ[key]) for key in filter(_KEYS.__contains__, environ)])
    previous = _known
    if (
        previous is not None
        and previous.variables == variables
        and previous.explicit_rank == explicit_rank
    ):  # a variable that means nothing here came or went
        _known = previous._replace(variable_count=len(environ))
        return previous.info
    texts = _texts(variables)
    detection = detect(texts, rank=explicit_rank)
    for problem in detection.problems:
        say_once(f"{problem}; taken as not set")
    info = detection.info
    # Whatever else decides about the rank does so by being set or not, which changes the
    # number of variables.
    made_of = "" if detection.choice is None else detection.choice.rank.variable
    _known = _Known(
        len(environ),
        variables,
        tuple([item for item in variables if _KEYS[item[0]] in made_of]),
        "RANK" in texts,
        explicit_rank,
        info,
    )
    if _on_change is not None and (previous is None or previous.info != info):
        _on_change(info)
    return info


def _texts(variables: tuple[tuple[Any, Any], ...]) -> dict[str, str]:
    return {
        _KEYS[key]: value.decode(errors="replace") if type(value) is bytes else value
        for key, value in variables
    }
