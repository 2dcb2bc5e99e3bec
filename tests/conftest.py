"""Fixtures shared by all tests: a clean environment, and logging as Python starts with."""

import logging
import os
import sys
import warnings
from pathlib import Path

import pytest
from loguru import logger as loguru_logger

import logging_helpers
from logging_helpers.identity.launchers import VARIABLES
from logging_helpers.say import forget_said
from logging_helpers.settings.resolve import CONSOLE_RANKS_VARIABLE, LEVEL_VARIABLE

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite(
    "launchers.expected", "launchers.launching", "launchers.engines.probing"
)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """No launcher's variable, no level, no colour setting reaches a test from outside."""
    for name in (*VARIABLES, LEVEL_VARIABLE, CONSOLE_RANKS_VARIABLE, "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def fresh_logging():
    """Every test starts with nothing set up and leaves nothing behind."""
    root = logging.getLogger()
    before = (root.level, list(root.handlers), warnings.showwarning)
    loguru_logger.remove()
    loguru_logger.configure(patcher=lambda record: None, extra={})
    level_names = dict(logging._levelToName)
    yield
    logging._levelToName.clear()
    logging._levelToName.update(level_names)
    logging_helpers.shutdown_logging()
    loguru_logger.remove()
    forget_said()
    root.setLevel(before[0])
    for handler in list(root.handlers):
        if handler not in before[1]:
            root.removeHandler(handler)
    warnings.showwarning = before[2]


@pytest.fixture
def run_dir(tmp_path):
    """A run directory that does not exist yet."""
    return tmp_path / "run"


@pytest.fixture
def child_environment():
    """Environment for child processes: ours without any launcher's variables."""
    return {k: v for k, v in os.environ.items() if k not in VARIABLES}
