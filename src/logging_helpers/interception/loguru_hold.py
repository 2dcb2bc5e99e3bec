"""The hold on loguru: our one sink, its default one put aside, the patcher. Reversible."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any

from loguru import logger as loguru_logger

from logging_helpers.outputs.plain_record import extra_of
from logging_helpers.outputs.sink import Outputs, Sink, no_template
from logging_helpers.say import say_once
from logging_helpers.settings.resolve import Patcher

_FALSE = ("0", "false", "no", "n", "nok", "off")


def find_default_sink() -> int | None:
    """Id of the sink that loguru started with, ``None`` where it started with none.

    Id 0 is then the program's first sink, or ours. Source: documentation of
    ``logger.remove``, and of the variable ``LOGURU_AUTOINIT``.
    """
    starts_with_one = os.environ.get("LOGURU_AUTOINIT", "").lower() not in _FALSE
    return 0 if starts_with_one and sys.__stderr__ is not None else None


class LoguruHold:
    """Our sink on loguru's logger.

    Args:
        outputs: Where records go.
        on_removed: Called when somebody else's ``logger.remove`` took the sink away.
        default_sink: Id of loguru's default sink, to be put aside, if there is one.
    """

    def __init__(
        self, outputs: Outputs, on_removed: Callable[[], None], default_sink: int | None
    ) -> None:
        self.sink = Sink(outputs, self._sink_was_removed)
        self._on_removed = on_removed
        self._level = outputs.lowest_level()
        self._sink_id: int | None = self._add()
        # After adding ours, so that no record finds loguru without a sink.
        self._removed_default = default_sink is not None and self._remove(default_sink)

    def set_outputs(self, outputs: Outputs) -> None:
        """Send records to `outputs` from now on, without losing or doubling one."""
        self.sink.outputs = outputs
        level = outputs.lowest_level()
        if level == self._level and self._sink_id is not None:
            return
        self._level = level
        # For good: a thread that is held up for long may give its record to the old sink after
        # the exchange, and then to the new one; the mark of the old one keeps it from doubling.
        self.sink.is_exchanging = True
        self.sink = Sink(outputs, self._sink_was_removed)
        # The new one first: between removing and adding, records would be lost.
        previous, self._sink_id = self._sink_id, self._add()
        if previous is not None:
            self._remove(previous)

    def ensure(self) -> None:
        """Add the sink again if somebody removed it."""
        if self._sink_id is None:
            self._sink_id = self._add()

    def set_patcher(self, rank: int | None, patcher: Patcher | None) -> None:
        """Put `rank` into every record's ``extra``, after the program's own patcher."""

        def put_rank(record: Any) -> None:
            record["extra"]["rank"] = rank

        if patcher is None:
            loguru_logger.configure(patcher=put_rank)
            return
        own: Patcher = patcher

        def patch(record: Any) -> None:
            try:
                own(record)
            except Exception as error:
                say_once(f"the program's patcher failed: {type(error).__name__}: {error}")
            extra_of(record)["rank"] = rank

        loguru_logger.configure(patcher=patch)

    def release(self, patcher: Patcher | None) -> int | None:
        """Take everything back; `patcher` is the program's own.

        Returns:
            Id of the default sink that was put back, which is not the one it had, or ``None``.
        """
        self.sink.is_exchanging = True  # by us: nothing to report
        if self._sink_id is not None:
            self._remove(self._sink_id)
        # loguru has no way to take a patcher away.
        loguru_logger.configure(patcher=patcher or _patch_nothing)
        self.sink.outputs = Outputs.nowhere(self.sink.outputs.console)
        # Like loguru itself, which adds none where there is no stderr.
        if self._removed_default and sys.stderr is not None:
            return loguru_logger.add(sys.stderr)
        return None

    def _add(self) -> int:
        return loguru_logger.add(
            self.sink,
            level=self._level,
            format=no_template,
            filter=self.sink.accept,
            colorize=False,
            # Values of variables must not reach a log; nor does loguru format for us.
            backtrace=False,
            diagnose=False,
            catch=True,
        )

    @staticmethod
    def _remove(sink_id: int) -> bool:
        with contextlib.suppress(ValueError):  # the program removed it before
            loguru_logger.remove(sink_id)
            return True
        return False

    def _sink_was_removed(self) -> None:
        self._sink_id = None
        self._on_removed()


def _patch_nothing(_record: Any) -> None:
    return
