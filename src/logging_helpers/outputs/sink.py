"""The one loguru sink: hands each record to the rank file and the console."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from logging_helpers.outputs.clock import Clock
from logging_helpers.outputs.console import Console
from logging_helpers.outputs.file_output import FileKind, FileOutput
from logging_helpers.outputs.plain_record import plain_record, safe_text
from logging_helpers.outputs.tracebacks import format_exception
from logging_helpers.say import say_once
from logging_helpers.settings.levels import LevelRules
from ranklog.line_format import StampFormatter

_NEVER = 1 << 62
_MOST_KINDS = 10_000
# What the lines of records of one place, level and process share in the file and on the
# console; ``None`` where they do not go.
_Kind = tuple[FileKind | None, tuple[str, str] | None]
_DELIVERED = "ranklog_delivered"


class Outputs:
    """Where records go. Replaced as a whole, so that every record sees one configuration.

    Args:
        console: The console.
        console_level: What reaches the console.
        console_floor: Level below which nothing reaches the console, whatever the rules.
        file: The rank's file, if there is one.
        file_level: What reaches the file.
    """

    def __init__(
        self,
        console: Console,
        console_level: LevelRules,
        console_floor: int,
        file: FileOutput | None,
        file_level: LevelRules,
    ) -> None:
        self.console = console
        self.file = file
        self._console_level = console_level
        self._console_floor = console_floor
        self._file_level = file_level
        self._clock = Clock(StampFormatter(" ") if file is None else file.layout.stamp)
        self._kinds: dict[tuple[Any, ...], _Kind] = {}

    def rules(self) -> LevelRules:
        """The lowest level that any output wants, from all loggers and from some."""
        console, file = self._console_level, self._file_level
        names = dict.fromkeys(name for name, _ in (*console.directives, *file.directives))
        return LevelRules(
            self._lowest(console.default, file.default),
            tuple(
                (name, self._lowest(console.for_logger(name), file.for_logger(name)))
                for name in names
            ),
        )

    def lowest_level(self) -> int:
        """The lowest level that any output wants from any logger."""
        return self.rules().lowest()

    def _lowest(self, console: int, file: int) -> int:
        lowest = max(console, self._console_floor)
        return lowest if self.file is None else min(lowest, file)

    @classmethod
    def nowhere(cls, console: Console) -> Outputs:
        """Outputs that write nothing, for a sink that is done."""
        return cls(console, LevelRules(_NEVER), 0, None, LevelRules(_NEVER))

    def deliver(self, record: Any) -> None:
        """Write a loguru record to the outputs that want it, the file first.

        Raises:
            Exception: A field has another type than loguru gave it; nothing is written then.
        """
        name, function, line = record["name"], record["function"], record["line"]
        level, message = record["level"], record["message"]
        key = (name, function, line, level.name, level.no, record["process"].id)
        in_file, labels = self._kinds.get(key) or self._find(*key)
        if in_file is None and labels is None:
            return
        # A subclass may say of itself that it has no newline. `accept` knows what to do.
        if type(message) is not str:
            raise TypeError("the message is no plain text")
        is_printable = message.isprintable()
        stamp, clock = self._clock(record["time"])
        exception = record["exception"]
        trace = None if exception is None else format_exception(*exception)
        # The console may be closed, full or stalled: the file has the record before.
        if in_file is not None and self.file is not None:
            self.file.write(in_file, stamp, message, is_printable, trace, record["extra"])
        if labels is not None:
            try:
                self.console.write(clock, labels, message, is_printable, trace)
            except Exception as error:  # no memory, no stack left; the file has the record
                problem = f"{type(error).__name__}: {safe_text(error)}"
                say_once(f"a record could not be printed: {problem}")

    def _find(
        self, name: Any, function: Any, line: Any, level: Any, number: Any, pid: Any
    ) -> _Kind:
        logger = name or ""
        in_file, labels = None, None
        if self.file is not None and number >= self._file_level.for_logger(logger):
            in_file = self.file.kind(name, function, line, level, number, pid)
        if number >= max(self._console_level.for_logger(logger), self._console_floor):
            labels = self.console.labels(level, number)
        if len(self._kinds) >= _MOST_KINDS:  # names made up at run time
            self._kinds = {}
        kind = self._kinds[name, function, line, level, number, pid] = (in_file, labels)
        return kind


class Sink:
    """Given to one ``logger.add``, with `accept` as its filter.

    Records are delivered in the filter, which loguru calls before it takes its handler's
    lock. Three things follow that `write` could not give: a signal handler, a ``__str__``
    or a stream that logs while its own thread is logging loses nothing (loguru refuses to
    take the lock twice); a record on its way while `init_logging` exchanges handlers is
    delivered (loguru drops what reaches a removed handler's ``write``); and threads do
    not wait for each other's disk.

    Args:
        outputs: Where records go, until `outputs` is set to others.
        on_removed: Called when somebody else's ``logger.remove`` took the sink away.
    """

    def __init__(self, outputs: Outputs, on_removed: Callable[[], None]) -> None:
        self.outputs = outputs
        self.is_exchanging = False
        self._on_removed = on_removed

    def write(self, message: str) -> None:
        """Loguru never gets here, because `accept` returns False."""

    def stop(self) -> None:
        """Called by loguru when the sink is removed, by us or by others."""
        if not self.is_exchanging:
            self._on_removed()

    def accept(self, record: Any) -> bool:
        """Deliver a record; never raises.

        Returns:
            False, so that loguru does nothing more with it.
        """
        try:
            # While handlers are exchanged, both may be given the same record.
            if _DELIVERED not in record:
                if self.is_exchanging:
                    record[_DELIVERED] = True
                self.outputs.deliver(record)
        except Exception as error:
            self._deliver_odd(record, error)
        return False

    def _deliver_odd(self, record: Any, error: Exception) -> None:
        """Deliver a record with fields of other types than loguru gave them."""
        try:
            self.outputs.deliver(plain_record(record))
        except Exception:  # no memory, no stack left
            say_once(f"a record could not be written: {type(error).__name__}: {safe_text(error)}")
            if self.outputs.file is not None:
                self.outputs.file.file.count_lost(type(error).__name__)


def no_template(_record: Any) -> str:
    """What loguru is to format of a record: nothing."""
    return ""
