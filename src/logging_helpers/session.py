"""The global state: one session of logging per process, started, changed and ended here."""

from __future__ import annotations

import atexit
import os
import sys
import threading

from logging_helpers.crash_reports.reports import CrashReports
from logging_helpers.identity.process import set_explicit_rank, watch_identity
from logging_helpers.identity.rank_info import RankInfo
from logging_helpers.interception.last_records import LastRecords
from logging_helpers.interception.loguru_hold import LoguruHold, find_default_sink
from logging_helpers.interception.takeover import Takeover
from logging_helpers.interception.warnings_capture import WarningsCapture
from logging_helpers.outputs.assembly import Setup, assemble, open_file
from logging_helpers.outputs.sink import Outputs
from logging_helpers.say import forget_said, say, say_once
from logging_helpers.settings.resolve import Settings, fill_job_id
from ranklog.line_format import LOGS_DIRECTORY

_REMEDY = "call logging_helpers.ensure_interception() to bring it back"


class _Session:
    def __init__(self, setup: Setup, outputs: Outputs) -> None:
        self.setup = setup
        self.loguru_hold = LoguruHold(outputs, _sink_was_removed, _default_sink)
        self.takeover = Takeover(_interception_was_lost)
        self.warnings_capture = WarningsCapture()
        self.crash_reports = CrashReports()
        self.is_ending = False

    @property
    def outputs(self) -> Outputs:
        return self.loguru_hold.sink.outputs


_session: _Session | None = None
_default_sink = find_default_sink()
_lock = threading.RLock()


def current_setup() -> Setup | None:
    """What is set up in this process, or ``None``."""
    session = _session
    return None if session is None else session.setup


def start(settings: Settings, info: RankInfo, *, owner_pid: int) -> None:
    """Configure this process as `settings` say, anew or in place of what is there.

    Args:
        settings: The whole configuration.
        info: The identity of the process.
        owner_pid: See `Setup`.

    Raises:
        ValueError: The run directory is a file, or has a ``{job_id}`` that nobody knows.
        OSError: With ``settings.strict``, the file cannot be opened.
    """
    global _session
    directory = None
    if settings.run_dir is not None:
        directory = os.path.join(fill_job_id(settings.run_dir, info), LOGS_DIRECTORY)
    with _lock:
        session = _session
        if session is not None and (session.setup.directory, session.setup.info) == (
            directory,
            info,
        ):
            # A forked child that calls init_logging goes on in its parent's file.
            owner_pid = session.setup.owner_pid
        setup = Setup(settings, info, directory, owner_pid)
        has_file = session is not None and session.outputs.file is not None
        if session is not None and session.setup == setup and has_file == bool(directory):
            ensure_interception()
            return
        current = None if session is None else session.outputs.file
        file = open_file(setup, None if session is None else session.setup, current)
        outputs = assemble(setup, file)
        set_explicit_rank(settings.explicit_rank)
        if session is None:
            session = _session = _begin(setup, outputs)
        else:
            _change(session, setup, outputs)
        session.loguru_hold.set_patcher(info.rank, settings.patcher)
        session.takeover.hold(outputs.rules())
        session.warnings_capture.start()
        session.crash_reports.follow(setup, file)


def shutdown_logging() -> None:
    """End logging in this process and restore what `init_logging` found.

    Writes the end record. Never raises; does nothing where nothing was set up.
    """
    global _default_sink, _session
    with _lock:
        session, _session = _session, None
        if session is None:
            return
        atexit.unregister(_end_process)
        session.takeover.check()
        session.warnings_capture.stop()
        session.crash_reports.stop()
        session.takeover.release()
        session.outputs.console.flush()
        _write_end(session.setup, session.outputs, "shutdown")
        _default_sink = session.loguru_hold.release(session.setup.settings.patcher)
        set_explicit_rank(None)
        watch_identity(None)
        forget_said()


def ensure_interception() -> None:
    """Bring back what others took away since `init_logging`; otherwise change nothing.

    Puts the handler back on the root logger (after ``basicConfig(force=True)``,
    ``dictConfig``), enables loggers that ``dictConfig`` disabled, sets the levels that
    ``LOG_LEVEL`` gives to some loggers, adopts again the loggers named to `adopt_loggers`,
    and adds the sink again after ``logger.remove()`` or
    ``logger.configure(handlers=...)``. A handler for SIGTERM, or a hook for exceptions, that
    the program has set since is called after the report is written. Does nothing before
    `init_logging`.
    """
    with _lock:
        session = _session
        if session is not None:
            session.loguru_hold.ensure()
            session.takeover.assert_hold()
            session.crash_reports.ensure()
            session.warnings_capture.start()


def adopt_loggers(*names: str) -> None:
    """Take in libraries that log past the root logger.

    A logger with ``propagate=False`` and handlers of its own (transformers, Lightning)
    bypasses the root logger; one with ``propagate=True`` and a console handler prints
    twice. Their console handlers are removed and their records passed on to root; other
    handlers stay. `ensure_interception` does it again, `shutdown_logging` undoes it.

    Args:
        names: Logger names, such as ``"transformers"``.

    Raises:
        RuntimeError: `init_logging` has not been called.
        TypeError: A name is not text.
    """
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"logger name {name!r} is not text; accepted are names of loggers")
    with _lock:
        if _session is None:
            raise RuntimeError("adopt_loggers() needs logging set up; call init_logging() first")
        _session.takeover.adopt(names)


def _begin(setup: Setup, outputs: Outputs) -> _Session:
    _write_banner(setup, outputs)
    atexit.register(_end_process)
    watch_identity(_identity_changed)
    return _Session(setup, outputs)


def _change(session: _Session, setup: Setup, outputs: Outputs) -> None:
    previous_setup, previous = session.setup, session.outputs
    is_new_file = outputs.file is not previous.file
    # One path opened anew, for a rank 0 that had none before: the end goes before the banner.
    is_same_path = _path(outputs) == _path(previous)
    if is_new_file and is_same_path:
        _write_end(previous_setup, previous, "reconfigured")
    if is_new_file:
        _write_banner(setup, outputs)
    session.loguru_hold.set_outputs(outputs)
    if is_new_file and not is_same_path:
        was_mistaken = previous_setup.info.rank != setup.info.rank
        if not (was_mistaken and _remove_unused(previous_setup, previous)):
            _write_end(previous_setup, previous, "reconfigured")
    session.setup = setup


def _remove_unused(setup: Setup, outputs: Outputs) -> bool:
    """Remove a file that was opened before the launcher told the rank, if nothing is in it."""
    return outputs.file is not None and _is_owner(setup) and outputs.file.remove_if_unused()


def _path(outputs: Outputs) -> str | None:
    return None if outputs.file is None else outputs.file.file.path


def _write_banner(setup: Setup, outputs: Outputs) -> None:
    if outputs.file is not None and _is_owner(setup):
        outputs.file.write_banner()


def _write_end(setup: Setup, outputs: Outputs, kind: str) -> None:
    if outputs.file is not None and _is_owner(setup):
        outputs.file.write_end(kind)


def _sink_was_removed() -> None:
    session = _session
    if session is None:
        return
    if session.is_ending:
        # Loguru removes all sinks at exit. Exit handlers that run after that still log, and
        # so do objects that the interpreter deletes after those.
        hold = session.loguru_hold
        session.takeover.fast_road.close()
        session.takeover.handler.past_loguru = LastRecords(lambda record: hold.sink.accept(record))
    else:
        say_once(f"the sink was removed by logger.remove() or configure(handlers=); {_REMEDY}")


def _identity_changed(info: RankInfo) -> None:
    session = _session
    # In a worker, the rank is its parent's.
    if session is None or info.rank == session.setup.info.rank or not _is_owner(session.setup):
        return
    said = "without a rank" if session.setup.info.rank is None else session.setup.info.rank
    say_once(
        f"this process is rank {info.rank} now, but was {said} when logging was set up, and its"
        " log goes on as that; call init_logging() again with the same arguments"
    )


def _is_owner(setup: Setup) -> bool:
    return setup.owner_pid == os.getpid()


def _interception_was_lost(what: str) -> None:
    say(f"{what}; {_REMEDY}")


def _end_process() -> None:
    # Nothing is torn down: what is logged after this still reaches its outputs.
    session = _session
    if session is not None:
        # Set by the interpreter when an exception reached its top level.
        failed = getattr(sys, "last_type", None) is not None
        session.is_ending = True
        session.takeover.check()
        _write_end(session.setup, session.outputs, "exception" if failed else "exit")


def _after_fork_in_child() -> None:
    # Another thread of the parent may have held it; it does not exist here.
    global _lock
    _lock = threading.RLock()
    if _session is not None:
        if _session.outputs.file is not None:
            _session.outputs.file.file.after_fork_in_child()
        _session.crash_reports.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
