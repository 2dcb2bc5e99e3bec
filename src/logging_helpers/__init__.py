"""The writing half: rank identity, interception of stdlib's logging, the rank file.

A program calls `init_logging` once and goes on with ``logging.getLogger(__name__)`` or
loguru's logger.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from logging_helpers.identity.process import get_node_rank, get_rank_info, is_master
    from logging_helpers.identity.rank_info import RankInfo
    from logging_helpers.interception.handler import InterceptHandler
    from logging_helpers.master import log_master
    from logging_helpers.session import adopt_loggers, ensure_interception, shutdown_logging
    from logging_helpers.setup import init_logging
    from logging_helpers.workers import init_worker

__all__ = [
    "InterceptHandler",
    "RankInfo",
    "adopt_loggers",
    "ensure_interception",
    "get_node_rank",
    "get_rank_info",
    "init_logging",
    "init_worker",
    "is_master",
    "log_master",
    "shutdown_logging",
]

_HOMES = {
    "InterceptHandler": "interception.handler",
    "RankInfo": "identity.rank_info",
    "adopt_loggers": "session",
    "ensure_interception": "session",
    "get_node_rank": "identity.process",
    "get_rank_info": "identity.process",
    "init_logging": "setup",
    "init_worker": "workers",
    "is_master": "identity.process",
    "log_master": "master",
    "shutdown_logging": "session",
}


def __getattr__(name: str) -> Any:
    # A library that asks for the rank does not pay for files and rotation.
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return value
