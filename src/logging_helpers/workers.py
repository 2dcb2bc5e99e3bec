"""Sets logging up in worker processes that do not inherit it by fork."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from logging_helpers.outputs.assembly import Setup
from logging_helpers.say import say_once
from logging_helpers.session import current_setup, start


class WorkerInitializer:
    """A callable that carries the logging of the process it was pickled in.

    Usable as ``worker_init_fn`` of a DataLoader and as ``initializer`` of a pool, whatever
    the start method. The worker writes to the same rank's file, with its own pid, and to
    the same console. In a forked worker, which has everything, it does nothing.
    """

    def __init__(self, setup: Setup | None = None) -> None:
        self._setup = setup

    def __call__(self, *_args: object) -> None:
        """Set logging up in this process; arguments (a DataLoader passes a number) are ignored."""
        if current_setup() is not None:
            return
        setup = self._setup
        if setup is None:
            say_once(
                "init_worker() has nothing to set up: no process that passed it on had called init_logging()"
            )
            return
        start(setup.settings, setup.info, owner_pid=setup.owner_pid)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Setup | None]]:
        """Pickle as what is set up in this process now."""
        return WorkerInitializer, (_portable(current_setup()) or self._setup,)

    def __repr__(self) -> str:
        return "logging_helpers.init_worker"


def _portable(setup: Setup | None) -> Setup | None:
    """The part of a set-up that another process can have."""
    if setup is None:
        return None
    # A stream belongs to its process; the worker prints on its own stderr.
    settings = setup.settings._replace(stream=None)
    try:
        pickle.dumps(settings.patcher)
    except Exception:  # a lambda, a closure
        settings = settings._replace(patcher=None)
        say_once("argument patcher cannot be pickled; spawned workers go without it")
    return setup._replace(settings=settings)


init_worker = WorkerInitializer()
