"""The table of what is measured: adding a case is adding a row."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import peers
import workload

ALL_FIELDS = ("time", "milliseconds", "level", "rank", "logger", "function", "line", "message")


class Contestant(NamedTuple):
    """One way to do the job of a scenario.

    Attributes:
        name: As in the table.
        prepare: Sets it up in a directory, returns what `loop` calls.
        loop: Name of the function of `workload` that calls it.
        goal: What ranklog may cost at most, as a ratio to this one; ``None`` for no goal.
        environ: Variables to add.
        remark: What the reader of the table must know.
        module: What must be installed for it; it is left out where that is not.
    """

    name: str
    prepare: Callable[[Path], Any]
    loop: str = "percent"
    goal: float | None = None
    environ: Mapping[str, str] = {}
    remark: str = ""
    module: str = ""

    @property
    def can_run(self) -> bool:
        """Whether its package is there: not all exist for every Python."""
        return not self.module or importlib.util.find_spec(self.module) is not None


class Scenario(NamedTuple):
    """A job, and who does it; ranklog first, ratios are to it.

    Attributes:
        title: As in the table.
        contestants: Who; the first is what the ratios compare with.
        calls: Log calls per round.
        has_console: Whether lines are expected on the console.
        has_file: Whether lines are expected in a file.
        fields: What a record in the file must show, beside `ALL_FIELDS`.
        spread: How the calls are spread: over threads or processes, or with pauses.
    """

    title: str
    contestants: tuple[Contestant, ...]
    calls: int = 1000
    has_console: bool = True
    has_file: bool = True
    fields: tuple[str, ...] = ()
    spread: Callable[[workload.Loop], workload.Loop] | None = None


_TORCHRUN = {
    "LOCAL_WORLD_SIZE": "8",
    "GROUP_RANK": "0",
    "GROUP_WORLD_SIZE": "1",
    "ROLE_RANK": "3",
    "ROLE_WORLD_SIZE": "8",
    "MASTER_ADDR": "localhost",
    "MASTER_PORT": "29500",
    "TORCHELASTIC_RESTART_COUNT": "0",
    "TORCHELASTIC_MAX_RESTARTS": "3",
    "TORCHELASTIC_RUN_ID": "none",
}
_file = {"console": False}

SCENARIOS: Mapping[str, Scenario] = {
    "both": Scenario(
        "Console and rotating file",
        (
            Contestant("ranklog", peers.ranklog),
            Contestant(
                "stdlib StreamHandler + RotatingFileHandler",
                peers.stdlib,
                goal=0.60 if sys.version_info < (3, 13) else 0.80,
            ),
            Contestant("loguru README recipe, two sinks, rotation", peers.recipe, goal=0.50),
            Contestant(
                "picologging stream + rotating",
                peers.picologging,
                goal=0.65,
                module="picologging",
            ),
            Contestant(
                "concurrent-log-handler + StreamHandler", peers.concurrent_log_handler, goal=0.45
            ),
            Contestant(
                "structlog, call site, no rotation",
                partial(peers.structlog, console=True),
                remark="the same line in both",
            ),
            Contestant("logxide stream + rotating", peers.logxide, module="logxide"),
            Contestant("stdlib StreamHandler + FileHandler", partial(peers.stdlib, rotates=False)),
        ),
    ),
    "native": Scenario(
        "loguru-native call, console and rotating file",
        (
            Contestant("ranklog, called by loguru's logger", peers.ranklog_native, "braces"),
            Contestant("loguru, two sinks, rotation", peers.loguru_native, "braces", goal=0.65),
        ),
    ),
    "file": Scenario(
        "File only",
        (
            Contestant("ranklog", partial(peers.ranklog, **_file)),
            Contestant("stdlib RotatingFileHandler", partial(peers.stdlib, **_file)),
            Contestant(
                "stdlib FileHandler, no rotation", partial(peers.stdlib, rotates=False, **_file)
            ),
            Contestant("loguru README recipe, rotation", partial(peers.recipe, **_file)),
            Contestant("loguru native, rotation", partial(peers.loguru_native, **_file), "braces"),
            Contestant(
                "picologging rotating",
                partial(peers.picologging, **_file),
                module="picologging",
            ),
            Contestant("concurrent-log-handler", partial(peers.concurrent_log_handler, **_file)),
            Contestant("structlog, call site, no rotation", peers.structlog),
        ),
        has_console=False,
    ),
    "json": Scenario(
        "JSON file",
        (
            Contestant("ranklog", partial(peers.ranklog, file_format="json", **_file)),
            Contestant(
                "ranklog, called by loguru's logger",
                partial(peers.ranklog_native, file_format="json", **_file),
                "braces",
            ),
            Contestant(
                "loguru serialize=True, native, rotation",
                partial(peers.loguru_native, serialize=True, **_file),
                "braces",
                goal=0.50,
            ),
            Contestant(
                "loguru README recipe, serialize=True",
                partial(peers.recipe, serialize=True, **_file),
            ),
            Contestant("stdlib RotatingFileHandler + json.dumps", peers.stdlib_json),
            Contestant(
                "structlog JSONRenderer, no rotation", partial(peers.structlog, as_json=True)
            ),
        ),
        has_console=False,
    ),
    "disabled": Scenario(
        "Disabled call (DEBUG at level INFO)",
        (
            Contestant("ranklog", peers.ranklog, "disabled"),
            Contestant("stdlib", peers.stdlib, "disabled", goal=1.05),
            Contestant("loguru native", peers.loguru_native, "disabled"),
            Contestant("loguru README recipe (root level 0)", peers.recipe, "disabled"),
        ),
        calls=20_000,
        has_console=False,
        has_file=False,
    ),
    "suppressed": Scenario(
        "`log_master` on rank 3: nothing is written",
        (
            Contestant("ranklog", peers.log_master, "suppressed"),
            Contestant(
                "ranklog, all of torchrun's variables",
                peers.log_master,
                "suppressed",
                environ=_TORCHRUN,
            ),
            Contestant(
                "accelerate's adapter over stdlib",
                peers.accelerate_adapter,
                "suppressed",
                goal=0.65,
                remark="its PartialState is a stand-in without torch",
            ),
            Contestant("three reads of os.environ", peers.guide_function, "suppressed"),
        ),
        calls=10_000,
        has_console=False,
        has_file=False,
    ),
    "exceptions": Scenario(
        "logger.exception with 4 frames, console and rotating file",
        (
            Contestant("ranklog", peers.ranklog, "exceptions"),
            Contestant("stdlib's two handlers", peers.stdlib, "exceptions", goal=1.00),
            Contestant(
                "loguru README recipe, backtrace=diagnose=False",
                partial(peers.recipe, lean=True),
                "exceptions",
            ),
            Contestant("loguru README recipe, loguru's defaults", peers.recipe, "exceptions"),
            Contestant("picologging", peers.picologging, "exceptions", module="picologging"),
        ),
        calls=300,
        fields=("traceback",),
    ),
    "extras": Scenario(
        "Two extra fields, console and rotating file",
        (
            Contestant("ranklog, extra=", peers.ranklog, "extras"),
            Contestant("ranklog, loguru's bind", peers.ranklog_native, "bound_extras"),
            Contestant(
                "stdlib's two handlers, the fields named in the format",
                partial(
                    peers.stdlib,
                    file_format=peers.STDLIB_FILE + " epoch=%(epoch)s batch=%(batch)s",
                ),
                "extras",
            ),
            Contestant("loguru README recipe", peers.recipe, "extras"),
            Contestant(
                "loguru bind, serialize=True",
                partial(peers.loguru_native, serialize=True),
                "bound_extras",
            ),
        ),
        fields=("epoch", "batch"),
    ),
    "threads": Scenario(
        "4 threads, console and rotating file",
        (
            Contestant("ranklog", peers.ranklog),
            Contestant("stdlib's two handlers", peers.stdlib, goal=1.10, remark="goal: wall"),
            Contestant("loguru README recipe, two sinks, rotation", peers.recipe),
            Contestant("concurrent-log-handler + StreamHandler", peers.concurrent_log_handler),
        ),
        spread=workload.in_threads,
    ),
    "processes": Scenario(
        "2 processes on one file (a forked worker), and the console",
        (
            Contestant("ranklog", peers.ranklog),
            Contestant("stdlib's two handlers", peers.stdlib, remark="loses lines when it rotates"),
            Contestant(
                "loguru README recipe, two sinks, rotation",
                peers.recipe,
                remark="loses lines when it rotates",
            ),
            Contestant("concurrent-log-handler + StreamHandler", peers.concurrent_log_handler),
        ),
        spread=workload.in_processes,
    ),
    "growth": Scenario(
        "The same, for `growth.py`: file only, rotating often",
        (
            Contestant("ranklog", partial(peers.ranklog, **_file), goal=1.05),
            Contestant("stdlib RotatingFileHandler", partial(peers.stdlib, **_file)),
        ),
        has_console=False,
    ),
    "paced": Scenario(
        "One call every 0.5 ms, console and rotating file",
        (
            Contestant("ranklog", peers.ranklog),
            Contestant("stdlib StreamHandler + RotatingFileHandler", peers.stdlib),
            Contestant("loguru README recipe, two sinks, rotation", peers.recipe),
            Contestant("picologging stream + rotating", peers.picologging, module="picologging"),
            Contestant("concurrent-log-handler + StreamHandler", peers.concurrent_log_handler),
        ),
        calls=100,
        spread=workload.paced,
    ),
}
"""picologging is not among the threads: it deadlocks with two on one handler."""


def loop_of(scenario: Scenario, contestant: Contestant, directory: Path) -> workload.Loop:
    """Set the contestant up and return what is timed."""
    loop: workload.Loop = getattr(workload, contestant.loop)(contestant.prepare(directory))
    return loop if scenario.spread is None else scenario.spread(loop)
