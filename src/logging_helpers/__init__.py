"""The writing half: rank identity, interception of stdlib's logging, the rank file.

A program calls `init_logging` once and goes on with ``logging.getLogger(__name__)`` or
loguru's logger.
"""

from __future__ import annotations

from logging_helpers.identity.detect import RankInfo
from logging_helpers.identity.process import get_node_rank, get_rank_info, is_master
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
