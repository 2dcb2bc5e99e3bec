"""What `init_logging` accepts, and what it says of everything else."""

import io
import logging
import signal
from pathlib import Path

import pytest
from support import contents, messages

from logging_helpers import init_logging
from logging_helpers.identity.rank_info import RankInfo
from logging_helpers.session import current_setup
from logging_helpers.settings.levels import LevelRules
from logging_helpers.settings.resolve import Rotation, Settings, fill_job_id, resolve_settings
from ranklog.line_format.rank_sets import RankSet

DEFAULTS = {
    "level": None,
    "run_dir": None,
    "show_rank": False,
    "file_level": None,
    "rotation": "100 MB",
    "retention": None,
    "compression": None,
    "file_format": "text",
    "stream": None,
    "rank": None,
    "patcher": None,
    "console_ranks": "all",
    "strict": False,
    "crash_reports": True,
    "dump_signal": None,
}
INFO = LevelRules(20)
PLAIN = Settings(console_level=INFO, file_level=INFO, rotation=Rotation(100_000_000))
LEVELS = (
    "accepted are NOTSET, TRACE, DEBUG, INFO, SUCCESS, WARNING, ERROR, CRITICAL, WARN, FATAL,"
    " in any case, or a number of 0 or more"
)
SIZES = 'accepted are bytes as a number of 1 or more, or text such as "100 MB" or "64 MiB"'
RANKS = "accepted is a whole number of 0 or more, or None to ask the environment"
SIGNALS = "accepted are signals such as signal.SIGUSR1, or None"
PIECES = (
    "accepted are a number of pieces of 0 or more, a total size such as"
    ' "10 GB", or None to keep all'
)


def patch(record):
    """A program's patcher."""


def resolved(environ=None, **arguments):
    return resolve_settings(environ or {}, **(DEFAULTS | arguments))


STREAM = io.StringIO()
ACCEPTED = {
    "nothing": ({}, {}, PLAIN),
    "level": (
        {},
        {"level": "debug"},
        PLAIN._replace(console_level=LevelRules(10), file_level=LevelRules(10)),
    ),
    "file level": ({}, {"file_level": 5}, PLAIN._replace(file_level=LevelRules(5))),
    "LOG_LEVEL beats the argument": (
        {"LOG_LEVEL": "ERROR"},
        {"level": "DEBUG"},
        PLAIN._replace(console_level=LevelRules(40), file_level=LevelRules(40)),
    ),
    "an empty LOG_LEVEL is none": ({"LOG_LEVEL": ""}, {}, PLAIN),
    "directives go to both outputs": (
        {"LOG_LEVEL": "WARNING,a=DEBUG"},
        {"level": "DEBUG", "file_level": "INFO"},
        PLAIN._replace(
            console_level=LevelRules(30, (("a", 10),)), file_level=LevelRules(20, (("a", 10),))
        ),
    ),
    "directives alone leave the argument": (
        {"LOG_LEVEL": "a=DEBUG"},
        {"level": "ERROR"},
        PLAIN._replace(
            console_level=LevelRules(40, (("a", 10),)), file_level=LevelRules(40, (("a", 10),))
        ),
    ),
    "run_dir as text": ({}, {"run_dir": "/runs/x"}, PLAIN._replace(run_dir="/runs/x")),
    "run_dir as a path": ({}, {"run_dir": Path("/runs/x")}, PLAIN._replace(run_dir="/runs/x")),
    "run_dir as bytes": ({}, {"run_dir": b"/runs/x"}, PLAIN._replace(run_dir="/runs/x")),
    "run_dir from here": ({}, {"run_dir": "./x/"}, PLAIN._replace(run_dir=str(Path.cwd() / "x"))),
    "no rotation": ({}, {"rotation": None}, PLAIN._replace(rotation=Rotation())),
    "rotation in bytes": ({}, {"rotation": 5}, PLAIN._replace(rotation=Rotation(5))),
    "number of pieces": (
        {},
        {"retention": 0, "compression": "gz"},
        PLAIN._replace(rotation=Rotation(100_000_000, keep_pieces=0, gzip=True)),
    ),
    "size of pieces": (
        {},
        {"retention": "10 GB"},
        PLAIN._replace(rotation=Rotation(100_000_000, keep_bytes=10**10)),
    ),
    "the rest": (
        {"LOG_CONSOLE_RANKS": "0"},
        {
            "show_rank": True,
            "file_format": "json",
            "stream": STREAM,
            "rank": 3,
            "patcher": patch,
            "console_ranks": "1",
            "strict": True,
            "crash_reports": False,
            "dump_signal": signal.SIGUSR1,
        },
        PLAIN._replace(
            show_rank=True,
            file_format="json",
            stream=STREAM,
            explicit_rank=3,
            patcher=patch,
            console_ranks=RankSet(((0, 0),)),
            strict=True,
            crash_reports=False,
            dump_signal=int(signal.SIGUSR1),
        ),
    ),
}


@pytest.mark.parametrize(
    ("environ", "arguments", "expected"), ACCEPTED.values(), ids=ACCEPTED.keys()
)
def test_arguments_and_variables_are_resolved(environ, arguments, expected):
    assert expected == resolved(environ, **arguments)


REJECTED = {
    "level": (
        {},
        {"level": "LOUD"},
        ValueError,
        f"argument level='LOUD' is not a log level; {LEVELS}",
    ),
    "type of level": (
        {},
        {"level": 1.5},
        TypeError,
        f"argument level=1.5 is not a log level; {LEVELS}",
    ),
    "file level": (
        {},
        {"file_level": -1},
        ValueError,
        f"argument file_level=-1 is not a log level; {LEVELS}",
    ),
    "LOG_LEVEL": (
        {"LOG_LEVEL": "LOUD"},
        {},
        ValueError,
        f"environment variable LOG_LEVEL='LOUD' is not a log level; {LEVELS}",
    ),
    "LOG_LEVEL of blanks": (
        {"LOG_LEVEL": " "},
        {},
        ValueError,
        "environment variable LOG_LEVEL=' ' is malformed at ''; expected one level and name=level"
        " directives, as in INFO,torch=WARNING,mylib.data=DEBUG",
    ),
    "level of a directive": (
        {"LOG_LEVEL": "INFO,torch=LOUD"},
        {},
        ValueError,
        f"environment variable LOG_LEVEL: torch='LOUD' is not a log level; {LEVELS}",
    ),
    "argument although LOG_LEVEL beats it": (
        {"LOG_LEVEL": "INFO"},
        {"level": "LOUD"},
        ValueError,
        f"argument level='LOUD' is not a log level; {LEVELS}",
    ),
    "rotation": (
        {},
        {"rotation": "ten"},
        ValueError,
        f"argument rotation='ten' is not a size; {SIZES}",
    ),
    "retention": (
        {},
        {"retention": -1},
        ValueError,
        f"argument retention=-1 is not known; {PIECES}",
    ),
    "retention that is no total size": (
        {},
        {"retention": "10 days"},
        ValueError,
        "argument retention='10 days' is not a size; accepted are a number of pieces,"
        ' or a total size as text such as "10 GB"',
    ),
    "LOG_LEVEL with another sign": (
        {"LOG_LEVEL": "torch:WARNING"},
        {},
        ValueError,
        "environment variable LOG_LEVEL='torch:WARNING' is malformed at 'torch:WARNING'; expected"
        " one level and name=level directives, as in INFO,torch=WARNING,mylib.data=DEBUG",
    ),
    "type of retention": (
        {},
        {"retention": 1.5},
        ValueError,
        f"argument retention=1.5 is not known; {PIECES}",
    ),
    "truth as retention": (
        {},
        {"retention": True},
        ValueError,
        f"argument retention=True is not known; {PIECES}",
    ),
    "compression": (
        {},
        {"compression": "zip"},
        ValueError,
        "argument compression='zip' is not known; accepted are None, 'gz'",
    ),
    "file format": (
        {},
        {"file_format": "xml"},
        ValueError,
        "argument file_format='xml' is not a format; accepted are 'text', 'json'",
    ),
    "stream": (
        {},
        {"stream": 5},
        TypeError,
        "argument stream=5 is not a text stream; it has no write()",
    ),
    "patcher": ({}, {"patcher": 5}, TypeError, "argument patcher=5 is not callable"),
    "rank": ({}, {"rank": -1}, ValueError, f"argument rank=-1 is not a rank; {RANKS}"),
    "dump signal that cannot be caught": (
        {},
        {"dump_signal": signal.SIGKILL},
        ValueError,
        "argument dump_signal=<Signals.SIGKILL: 9> is a signal with a meaning of its own;"
        f" {SIGNALS}",
    ),
    "dump signal that ends a job": (
        {},
        {"dump_signal": 15},
        ValueError,
        f"argument dump_signal=15 is a signal with a meaning of its own; {SIGNALS}",
    ),
    "dump signal that does not exist": (
        {},
        {"dump_signal": 0},
        ValueError,
        f"argument dump_signal=0 is not a signal here; {SIGNALS}",
    ),
    "type of dump signal": (
        {},
        {"dump_signal": "SIGUSR1"},
        TypeError,
        f"argument dump_signal='SIGUSR1' is not a signal; {SIGNALS}",
    ),
    "truth as dump signal": (
        {},
        {"dump_signal": True},
        TypeError,
        f"argument dump_signal=True is not a signal; {SIGNALS}",
    ),
    "type of rank": ({}, {"rank": "1"}, TypeError, f"argument rank='1' is not a rank; {RANKS}"),
    "truth as rank": ({}, {"rank": True}, TypeError, f"argument rank=True is not a rank; {RANKS}"),
    "run_dir": (
        {},
        {"run_dir": 5},
        TypeError,
        "argument run_dir=5 is not a path; accepted is the path of a directory",
    ),
    "no run_dir": (
        {},
        {"run_dir": ""},
        ValueError,
        "argument run_dir='' names no directory; accepted is the path of a directory",
    ),
    "nul in run_dir": (
        {},
        {"run_dir": "a\0b"},
        ValueError,
        "argument run_dir='a\\x00b' names no directory; accepted is the path of a directory",
    ),
    "LOG_CONSOLE_RANKS": (
        {"LOG_CONSOLE_RANKS": "x"},
        {},
        ValueError,
        "environment variable LOG_CONSOLE_RANKS='x' is malformed at 'x';"
        ' accepted are "all", or ranks and ranges such as "0,3-5,-1"',
    ),
}


@pytest.mark.parametrize(
    ("environ", "arguments", "kind", "message"), REJECTED.values(), ids=REJECTED.keys()
)
def test_what_is_not_accepted_is_one_clear_error_and_changes_nothing(
    monkeypatch, run_dir, environ, arguments, kind, message
):
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(kind) as raised:
        init_logging(**({"run_dir": run_dir} | arguments))
    assert message == str(raised.value)
    assert before == (root.level, list(root.handlers))
    assert (None, False) == (current_setup(), run_dir.exists())


@pytest.mark.parametrize("message", [REJECTED["level"][3]])
def test_bad_input_leaves_what_was_set_up_as_it_was(run_dir, message):
    init_logging(level="ERROR", run_dir=run_dir)
    setup, files = current_setup(), contents(run_dir)
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is compared
        init_logging(level="LOUD", run_dir=run_dir / "other")
    assert message == str(raised.value)
    assert (setup, files) == (current_setup(), contents(run_dir))
    logging.error("still here")
    assert ["still here"] == messages(run_dir)


def test_a_job_id_is_filled_in_and_other_braces_stay():
    info = RankInfo(job_id="job7")
    assert "/runs/job7/{x}/job7" == fill_job_id("/runs/{job_id}/{x}/{job_id}", info)
    assert "/runs/{x}" == fill_job_id("/runs/{x}", RankInfo())
