"""How each contestant is set up, by its own means. Each function returns a logger to call.

All write the same: to the file time, level, rank, logger, function, line, message; to the
console the guide's ``[HH:MM:SS.mmm] [rank] LEVEL    message``. The rank is a constant of the
peers' formats, which is the cheapest way they have. Files rotate at 100 MB, so never here.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import logging
import logging.handlers
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from workload import LOGGER

MAX_BYTES = int(os.environ.get("RANKLOG_BENCH_MAX_BYTES", "100000000"))
PIECES = 10

STDLIB_CONSOLE = "[%(asctime)s.%(msecs)03d] [3] %(levelname)-8s %(message)s"
STDLIB_FILE = (
    "%(asctime)s.%(msecs)03d | %(levelname)-8s | r0003 | "
    "%(name)s:%(funcName)s:%(lineno)d - %(message)s"
)
_PICOLOGGING_CONSOLE = "[%(asctime)s] [3] %(levelname)s %(message)s"
_PICOLOGGING_FILE = (
    "%(asctime)s | %(levelname)s | r0003 | %(name)s:%(funcName)s:%(lineno)d - %(message)s"
)
LOGURU_CONSOLE = "[{time:HH:mm:ss.SSS}] [3] {level:<8} {message}"
LOGURU_FILE = (
    "{time:YYYY-MM-DD HH:mm:ss.SSS} | {level:<8} | r0003 | {name}:{function}:{line} - {message}"
)


def ranklog(directory: Path, *, console: bool = True, file_format: str = "text") -> logging.Logger:
    import logging_helpers

    logging_helpers.init_logging(
        run_dir=directory,
        show_rank=True,
        rotation=MAX_BYTES,
        retention=PIECES,
        file_format=file_format,
        # Other ranks print warnings and above only.
        console_ranks="all" if console else "0",
    )
    return logging.getLogger(LOGGER)


def ranklog_native(directory: Path, **options: Any) -> Any:
    from loguru import logger

    ranklog(directory, **options)
    return logger


def stdlib(
    directory: Path, *, console: bool = True, rotates: bool = True, file_format: str = STDLIB_FILE
) -> logging.Logger:
    path = directory / "stdlib.log"
    handler = (
        logging.handlers.RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=PIECES)
        if rotates
        else logging.FileHandler(path)
    )
    return _stdlib_logger(handler, console=console, file_format=file_format)


def concurrent_log_handler(
    directory: Path, *, console: bool = True, file_format: str = STDLIB_FILE
) -> logging.Logger:
    from concurrent_log_handler import ConcurrentRotatingFileHandler

    handler = ConcurrentRotatingFileHandler(
        str(directory / "clh.log"), maxBytes=MAX_BYTES, backupCount=PIECES
    )
    return _stdlib_logger(handler, console=console, file_format=file_format)


def _stdlib_logger(
    file_handler: logging.Handler, *, console: bool, file_format: str
) -> logging.Logger:
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    file_handler.setFormatter(logging.Formatter(file_format, "%Y-%m-%d %H:%M:%S"))
    root.addHandler(file_handler)
    if console:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter(STDLIB_CONSOLE, "%H:%M:%S"))
        root.addHandler(handler)
    return logging.getLogger(LOGGER)


def stdlib_json(directory: Path) -> logging.Logger:
    logger = stdlib(directory, console=False)
    logging.getLogger().handlers[0].setFormatter(_JsonFormatter())
    return logger


class _JsonFormatter(logging.Formatter):
    default_msec_format = "%s.%03d"

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(
            {
                "timestamp": self.formatTime(record),
                "level": record.levelname,
                "rank": 3,
                "pid": record.process,
                "logger": record.name,
                "caller": f"{record.funcName}:{record.lineno}",
                "message": record.getMessage(),
                "exception": None,
                "extra": {},
            }
        )


def picologging(directory: Path, *, console: bool = True) -> Any:
    import picologging
    import picologging.handlers

    root = picologging.getLogger()
    root.setLevel(picologging.INFO)
    # Its formats know no padding and no %(msecs)03d; the checks mark what is missing.
    handler = picologging.handlers.RotatingFileHandler(
        str(directory / "pico.log"), maxBytes=MAX_BYTES, backupCount=PIECES
    )
    handler.setFormatter(picologging.Formatter(_PICOLOGGING_FILE, "%Y-%m-%d %H:%M:%S"))
    root.addHandler(handler)
    if console:
        stream = picologging.StreamHandler()
        stream.setFormatter(picologging.Formatter(_PICOLOGGING_CONSOLE, "%H:%M:%S"))
        root.addHandler(stream)
    return picologging.getLogger(LOGGER)


def loguru_native(
    directory: Path, *, console: bool = True, serialize: bool = False, lean: bool = False
) -> Any:
    """Loguru's own sinks; `lean` without the values of variables in tracebacks."""
    from loguru import logger

    options: dict[str, Any] = {"backtrace": False, "diagnose": False} if lean else {}
    logger.remove()
    logger.configure(extra={"rank": 3} if serialize else {})
    if console:
        logger.add(sys.stderr, level="INFO", format=LOGURU_CONSOLE, **options)
    logger.add(
        directory / "loguru.log",
        level="INFO",
        format=LOGURU_FILE,
        rotation=MAX_BYTES,
        serialize=serialize,
        **options,
    )
    return logger


def recipe(directory: Path, **options: Any) -> logging.Logger:
    loguru_native(directory, **options)
    logging.basicConfig(handlers=[_RecipeHandler()], level=0, force=True)
    return logging.getLogger(LOGGER)


class _RecipeHandler(logging.Handler):
    """The InterceptHandler of loguru's README, "Entirely compatible with standard logging"."""

    def emit(self, record: logging.LogRecord) -> None:
        from loguru import logger

        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno
        frame, depth = inspect.currentframe(), 0
        while frame and (depth == 0 or frame.f_code.co_filename == logging.__file__):
            frame = frame.f_back
            depth += 1
        logger.opt(depth=depth, exception=record.exc_info).log(level, record.getMessage())


def structlog(directory: Path, *, console: bool = False, as_json: bool = False) -> Any:
    """It renders a record once and hands the line to one logger, which here may write two."""
    import structlog

    site = structlog.processors.CallsiteParameter
    file = structlog.WriteLogger(open(directory / "structlog.log", "w"))  # noqa: SIM115 - open as long as the process
    both = _Both(file, structlog.WriteLogger(sys.stderr))
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.CallsiteParameterAdder({site.FUNC_NAME, site.LINENO}),
            structlog.processors.TimeStamper("%Y-%m-%d %H:%M:%S.%f", utc=False),
            structlog.processors.JSONRenderer()
            if as_json
            else structlog.processors.KeyValueRenderer(sort_keys=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: both if console else file,
        cache_logger_on_first_use=True,
    )
    return structlog.get_logger().bind(logger=LOGGER, rank="r0003")


class _Both:
    def __init__(self, file: Any, console: Any) -> None:
        self._file, self._console = file, console

    def info(self, line: str) -> None:
        self._file.info(line)
        self._console.info(line)


def logxide(directory: Path) -> Any:
    """Handlers of its own, on the logger that is called: those on its root lose their formats."""
    from logxide import RotatingFileHandler, StreamHandler, logging

    logger = logging.getLogger(LOGGER)
    logger.setLevel(logging.INFO)
    file = RotatingFileHandler(str(directory / "logxide.log"), MAX_BYTES, PIECES)
    file.setFormatter(logging.Formatter(STDLIB_FILE, "%Y-%m-%d %H:%M:%S"))
    console = StreamHandler(sys.stderr)
    console.setFormatter(logging.Formatter(STDLIB_CONSOLE, "%H:%M:%S"))
    logger.addHandler(file)
    logger.addHandler(console)
    return logger


# What a rank other than 0 may call.


def log_master(directory: Path) -> Callable[[str], None]:
    import logging_helpers

    ranklog(directory)
    return logging_helpers.log_master


def accelerate_adapter(directory: Path) -> Callable[[str], None]:
    """Accelerate's adapter over stdlib. Its state, which needs torch, is a stand-in.

    The stand-in does what `PartialState` does once it is initialized, with text for its enum.
    """
    stdlib(directory)
    state = ModuleType("accelerate.state")
    state.PartialState = _PartialState  # type: ignore[attr-defined] # a module made by hand
    _PartialState._shared_state.update(process_index=3, distributed_type="MULTI_CPU")
    package = ModuleType("accelerate")
    package.__path__ = []
    sys.modules.update({"accelerate": package, "accelerate.state": state})
    found = next(
        path for entry in sys.path if (path := Path(entry) / "accelerate" / "logging.py").is_file()
    )
    spec = importlib.util.spec_from_file_location("accelerate.logging", found)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_logger(LOGGER).info  # type: ignore[no-any-return] # untyped


class _PartialState:
    _shared_state: dict[str, Any] = {}  # noqa: RUF012 - shared on purpose, as there

    def __init__(self, cpu: bool = False, **kwargs: Any) -> None:
        self.__dict__ = self._shared_state
        if not self.initialized:
            raise AssertionError

    @property
    def initialized(self) -> bool:
        return self._shared_state != {}

    @property
    def is_main_process(self) -> bool:
        return (
            self.process_index == 0
            if self.distributed_type != "MEGATRON_LM"
            else self.is_last_process
        )


def guide_function(directory: Path) -> Callable[[str], None]:
    """What a program without a library writes: the guide's three variables, asked each time."""
    logger = stdlib(directory)

    def log_on_master(message: str) -> None:
        rank = (
            os.environ.get("SKYPILOT_NODE_RANK")
            or os.environ.get("RANK")
            or os.environ.get("OMPI_COMM_WORLD_RANK")
        )
        if rank is None or rank == "0":
            logger.info(message)

    return log_on_master
