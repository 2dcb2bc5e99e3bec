"""Root's handlers and levels, libraries that log past root, and giving everything back."""

import io
import logging
import logging.config
import sys

import pytest
from support import messages, run_python, user_records

from logging_helpers import (
    InterceptHandler,
    adopt_loggers,
    ensure_interception,
    init_logging,
    shutdown_logging,
)

REMEDY = "; call logging_helpers.ensure_interception() to bring it back\n"
LOST = "ranklog: the handler was taken from the root logger, stdlib's records are not seen" + REMEDY
DISABLED = (
    "ranklog: loggers were disabled, as dictConfig does, and their records are not seen" + REMEDY
)
HYDRA = {  # Hydra's default, in short
    "version": 1,
    "handlers": {"console": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}},
    "root": {"level": "INFO", "handlers": ["console"]},
    "disable_existing_loggers": False,
}


@pytest.fixture
def library():
    """A logger of a library, as it was after the test."""
    logger = logging.getLogger("library")
    yield logger
    shutdown_logging()
    logger.handlers.clear()
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


@pytest.fixture(autouse=True)
def loggers_enabled():
    """Loggers that a test's dictConfig disabled are enabled after it."""
    yield
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False


def ours():
    return [h for h in logging.getLogger().handlers if isinstance(h, InterceptHandler)]


def test_roots_console_handlers_are_replaced_and_others_stay(run_dir):
    root = logging.getLogger()
    pytests = list(root.handlers)
    kept = logging.StreamHandler(io.StringIO())
    for handler in (logging.StreamHandler(sys.stderr), kept, logging.StreamHandler(sys.stdout)):
        root.addHandler(handler)
    init_logging(run_dir=run_dir)
    logging.info("once")
    assert [*ours(), *pytests, kept] == root.handlers
    assert (["once"], "once\n") == (messages(run_dir), kept.stream.getvalue())


def test_basic_configs_lines_do_not_come_twice(capsys):
    logging.basicConfig(force=True)
    init_logging()
    logging.info("once")
    assert 1 == capsys.readouterr().err.count("once")
    assert 1 == len(ours())


def test_basic_config_by_force_is_said_once_and_undone(run_dir, capsys):
    init_logging(run_dir=run_dir, stream=io.StringIO())
    logging.basicConfig(force=True)
    logging.basicConfig(force=True)
    logging.warning("lost")
    assert LOST + "WARNING:root:lost\n" == capsys.readouterr().err
    ensure_interception()
    logging.info("seen")
    ensure_interception()
    logging.info("once")
    assert ["seen", "once"] == messages(run_dir)
    assert 1 == len(ours())
    shutdown_logging()
    assert "" == capsys.readouterr().err


def test_dict_config_with_a_root_is_undone_by_ensure_interception(run_dir, capsys):
    stream = io.StringIO()
    init_logging(level="DEBUG", run_dir=run_dir, stream=stream)
    logging.config.dictConfig(HYDRA)
    logging.getLogger("app").info("lost")
    ensure_interception()
    logging.getLogger("app").debug("seen")
    assert ["seen"] == messages(run_dir)
    assert "lost\n" == capsys.readouterr().out
    assert 1 == len(stream.getvalue().splitlines())


def test_calling_init_logging_again_undoes_dict_config_too(run_dir):
    for _ in range(2):
        init_logging(run_dir=run_dir)
        logging.getLogger("app").info("seen")
        logging.config.dictConfig(HYDRA)
    init_logging(run_dir=run_dir)
    assert ["seen", "seen"] == messages(run_dir)


def test_what_dict_config_took_is_said_at_shutdown_at_the_latest(capsys):
    init_logging(stream=io.StringIO())
    logging.config.dictConfig(HYDRA)
    assert "" == capsys.readouterr().err
    shutdown_logging()
    assert LOST == capsys.readouterr().err


def test_what_dict_config_took_is_said_at_the_end_of_the_process():
    ended = run_python(f"""
        import logging.config, logging_helpers
        logging_helpers.init_logging()
        logging.config.dictConfig({HYDRA!r})
    """)
    assert (0, "", LOST) == (ended.code, ended.out, ended.err)


def test_loggers_that_dict_config_disabled_are_enabled_again(run_dir, library, capsys):
    wanted = logging.getLogger("wanted.so")
    init_logging(run_dir=run_dir, stream=io.StringIO())
    wanted.disabled = True
    try:
        logging.config.dictConfig({"version": 1})
        library.info("lost")
        ensure_interception()
        library.info("seen")
        assert wanted.disabled
    finally:
        wanted.disabled = False
    assert ["seen"] == messages(run_dir)


def test_loggers_that_dict_config_disabled_are_said_at_shutdown(library, capsys):
    init_logging(stream=io.StringIO())
    logging.config.dictConfig({"version": 1})
    shutdown_logging()
    assert DISABLED == capsys.readouterr().err


def test_a_logger_that_was_disabled_before_stays_disabled(library):
    library.disabled = True
    init_logging()
    ensure_interception()
    assert library.disabled


def test_a_library_with_handlers_of_its_own_is_adopted(run_dir, library, capsys):
    kept = logging.StreamHandler(io.StringIO())
    for handler in (logging.StreamHandler(sys.stderr), kept):
        library.addHandler(handler)
    library.propagate = False
    stream = io.StringIO()
    init_logging(run_dir=run_dir, stream=stream)
    library.warning("past root")
    adopt_loggers("library", "library")
    library.warning("through root")
    assert "past root\n" == capsys.readouterr().err
    assert "past root\nthrough root\n" == kept.stream.getvalue()
    assert [("library", "through root")] == [(r.logger, r.message) for r in user_records(run_dir)]
    assert ["WARNING  through root"] == [x[15:] for x in stream.getvalue().splitlines()]


def test_a_library_that_prints_and_propagates_prints_once_when_adopted(library, capsys):
    library.addHandler(logging.StreamHandler(sys.stderr))
    init_logging()
    adopt_loggers("library")
    library.warning("twice?")
    assert 1 == capsys.readouterr().err.count("twice?")


def test_a_library_that_configures_itself_again_is_adopted_again(run_dir, library):
    init_logging(run_dir=run_dir)
    adopt_loggers("library")
    library.addHandler(logging.StreamHandler(sys.stderr))
    library.propagate = False
    ensure_interception()
    library.info("seen")
    assert (["seen"], []) == (messages(run_dir), library.handlers)


def test_adopting_needs_logging_set_up_and_names():
    with pytest.raises(RuntimeError, match=r"needs logging set up; call init_logging\(\) first"):
        adopt_loggers("library")
    init_logging()
    with pytest.raises(TypeError, match=r"logger name 5 is not text; accepted are names"):
        adopt_loggers("library", 5)


@pytest.mark.parametrize("again", ["ensure", "adopt", "init"])
def test_a_directive_beats_the_level_that_a_library_has_set_since(
    run_dir, library, monkeypatch, again
):
    monkeypatch.setenv("LOG_LEVEL", "INFO,library=DEBUG")
    init_logging(run_dir=run_dir)
    library.setLevel(logging.ERROR)  # as transformers does when it is imported
    library.debug("lost")
    if again == "init":
        init_logging(run_dir=run_dir)
    elif again == "adopt":
        adopt_loggers("library")
    else:
        ensure_interception()
    library.debug("seen")
    assert ["seen"] == messages(run_dir)
    shutdown_logging()
    assert logging.ERROR == library.level


@pytest.mark.parametrize("end", [init_logging, shutdown_logging])
def test_a_level_set_since_stays_when_its_directive_goes(library, monkeypatch, end):
    monkeypatch.setenv("LOG_LEVEL", "INFO,library=DEBUG")
    init_logging()
    library.setLevel(logging.ERROR)
    monkeypatch.delenv("LOG_LEVEL")
    end()
    assert logging.ERROR == library.level


def test_what_dict_config_took_is_said_with_the_next_call(capsys):
    init_logging(stream=io.StringIO())
    logging.config.dictConfig(HYDRA)
    for _ in range(2):
        logging.getLogger("app").info("lost")
    assert ("lost\nlost\n", LOST) == tuple(capsys.readouterr())


def test_shutdown_gives_back_the_handlers_that_others_put_in_place_of_all(capsys):
    root = logging.getLogger()
    root.addHandler(logging.StreamHandler(sys.stderr))
    init_logging(stream=io.StringIO())
    logging.basicConfig(force=True)
    (since,) = root.handlers
    ensure_interception()
    shutdown_logging()
    assert [since] == root.handlers


def test_ensuring_before_init_logging_does_nothing():
    before = list(logging.getLogger().handlers)
    ensure_interception()
    assert before == logging.getLogger().handlers


def test_shutdown_gives_back_handlers_levels_and_propagation(library, monkeypatch):
    root = logging.getLogger()
    console = logging.StreamHandler(sys.stderr)
    root.handlers.insert(0, console)
    root.setLevel(logging.ERROR)
    own = [logging.StreamHandler(sys.stderr), logging.StreamHandler(io.StringIO())]
    library.handlers[:] = own
    library.propagate = False
    library.setLevel(logging.CRITICAL)
    monkeypatch.setenv("LOG_LEVEL", "DEBUG,library=INFO,never.seen=ERROR")

    def state():
        loggers = (root, library, logging.getLogger("never.seen"))
        return [(x.level, list(x.handlers), x.propagate) for x in loggers]

    before = state()
    for _ in range(2):
        init_logging()
        adopt_loggers("library")
        assert before != state()
        monkeypatch.setenv("LOG_LEVEL", "DEBUG,library=WARNING")
        init_logging()
        assert logging.WARNING == library.level
        assert logging.NOTSET == logging.getLogger("never.seen").level
        shutdown_logging()
        assert before == state()
    root.removeHandler(console)


def test_a_handler_added_meanwhile_stays_after_shutdown(library):
    init_logging()
    adopt_loggers("library")
    handlers = [logging.StreamHandler(io.StringIO()) for _ in range(2)]
    logging.getLogger().addHandler(handlers[0])
    library.addHandler(handlers[1])
    shutdown_logging()
    assert handlers[0] == logging.getLogger().handlers[-1]
    assert [handlers[1]] == library.handlers


def test_caplog_sees_records_while_logging_is_set_up(run_dir, caplog):
    init_logging(run_dir=run_dir)
    logging.getLogger("app").warning("for both")
    assert [("app", logging.WARNING, "for both")] == caplog.record_tuples
    assert ["for both"] == messages(run_dir)
