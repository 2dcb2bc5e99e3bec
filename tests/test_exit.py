"""How a process ends is in its file, and what is logged while it ends as well."""

import re

import pytest
from support import messages, run_python, user_records

import ranklog

START = """
    import logging, os, sys
    import logging_helpers
    logging_helpers.init_logging(run_dir=sys.argv[1])
    logging.info("x")
"""
ENDS = {
    "end of the program": ("", 0, "exit"),
    "sys.exit": ("sys.exit(3)", 3, "exit"),
    "uncaught exception": ("1 / 0", 1, "exception"),
    "caught exception": ("try: 1 / 0\n    except ZeroDivisionError: pass", 0, "exit"),
    "shutdown": ("logging_helpers.shutdown_logging()", 0, "shutdown"),
    "shutdown before an exception": ("logging_helpers.shutdown_logging(); 1 / 0", 1, "shutdown"),
    "os._exit": ("os._exit(0)", 0, None),
}


@pytest.mark.parametrize(("code", "status", "kind"), ENDS.values(), ids=ENDS.keys())
def test_the_end_record_tells_how_a_process_ended(run_dir, code, status, kind):
    ended = run_python(f"{START}    {code}\n", run_dir)
    banner, record, *ends = ranklog.read(run_dir)
    assert (status, True, "x") == (ended.code, banner.is_banner, record.message)
    counts = {"INFO": 1}
    if kind == "exception":  # its traceback: see tests/crash_reports
        assert "CRITICAL" == ends.pop(0).level
        counts["CRITICAL"] = 1
    expected = [] if kind is None else [(True, kind, counts, banner.pid)]
    assert expected == [(e.is_end, e.extra["exit"], e.extra["records"], e.pid) for e in ends]


def test_what_an_exit_handler_logs_still_reaches_the_file(run_dir):
    ended = run_python(
        """
        import atexit, logging, sys

        def last_words():
            logging.getLogger("app").warning("stdlib, after loguru has removed its sinks")
            logging.getLogger("app").warning("and once more")

        atexit.register(last_words)
        import logging_helpers
        logging_helpers.init_logging(run_dir=sys.argv[1])
        atexit.register(lambda: logging.info("before that"))
        """,
        run_dir,
    )
    expected = ["before that", "stdlib, after loguru has removed its sinks", "and once more"]
    assert expected == messages(run_dir)
    assert (0, "", 3) == (ended.code, ended.out, len(ended.err.splitlines()))


DELETED = """
    import atexit, logging, sys
    log = logging.getLogger("app")
    if "handler" in sys.argv:
        atexit.register(log.info, "last words")
    import logging_helpers

    class Trainer:
        def __del__(self):
            try:
                1 / 0
            except ZeroDivisionError:
                log.exception("trainer %s", "closed", extra={"epoch": 3})
            log.log(35, "and once more", stack_info=True)

    logging_helpers.init_logging(run_dir=sys.argv[1])
    trainer = Trainer()
    """


@pytest.mark.parametrize("handler", ["", "handler"])
def test_what_an_object_logs_when_the_interpreter_deletes_it_reaches_file_and_console(
    run_dir, handler
):
    """As trainers and pools do that are global variables.

    From Python 3.13 on, loguru ends the process with a segmentation fault by then.
    """
    ended = run_python(DELETED, run_dir, handler)
    assert (0, "") == (ended.code, ended.out)
    *before, closed, again = user_records(run_dir)
    assert ["last words"] * bool(handler) == [record.message for record in before]
    where = ("app", "__del__")
    assert ("ERROR", "trainer closed", {"epoch": 3}, where) == (
        closed.level,
        closed.message,
        closed.extra,
        (closed.logger, closed.function),
    )
    assert "ZeroDivisionError: division by zero" == closed.exception.splitlines()[-1]
    assert ("Level 35", where) == (again.level, (again.logger, again.function))
    assert again.message.startswith("and once more\nStack (most recent call last):\n")
    shown = re.findall(r"^\[[\d:.]{12}\] (\w.*)", ended.err, re.MULTILINE)
    words = ["INFO     last words"] * bool(handler)
    assert [*words, "ERROR    trainer closed", "Level 35 and once more"] == shown
    assert "Logging error" not in ended.err


def test_a_call_of_init_logging_in_an_exit_handler_sends_no_last_record_through_loguru(run_dir):
    ended = run_python(
        """
        import atexit, logging, sys
        run_dir = sys.argv[1]

        @atexit.register
        def again():
            logging_helpers.init_logging(run_dir=run_dir, level="DEBUG")
            logging.debug("after loguru's end")

        import logging_helpers

        class Trainer:
            def __del__(self, log=logging.getLogger("app").debug):
                log("trainer closed")

        logging_helpers.init_logging(run_dir=run_dir)
        trainer = Trainer()
        """,
        run_dir,
    )
    assert ["after loguru's end", "trainer closed"] == messages(run_dir)
    assert (0, 2) == (ended.code, len(ended.err.splitlines()))


def test_a_forked_child_that_exits_writes_no_end(run_dir):
    ended = run_python(
        START
        + """
    child = os.fork()
    if child == 0:
        logging.info("from the child")
        sys.exit(0)
    os.waitpid(child, 0)
    """,
        run_dir,
    )
    banner, _, from_child, *ends = ranklog.read(run_dir)
    assert (0, "from the child", banner.pid) == (ended.code, from_child.message, banner.pid)
    assert from_child.pid not in (None, banner.pid)
    assert ["exit"] == [end.extra["exit"] for end in ends]


def test_a_forked_child_that_calls_init_logging_goes_on_in_its_parents_file(run_dir):
    ended = run_python(
        START
        + """
    child = os.fork()
    if child == 0:
        logging_helpers.init_logging("DEBUG", run_dir=sys.argv[1])
        logging.debug("from the child")
        sys.exit(0)
    os.waitpid(child, 0)
    """,
        run_dir,
    )
    records = list(ranklog.read(run_dir))
    assert (0, 1, 1) == (
        ended.code,
        sum(record.is_banner for record in records),
        sum(record.is_end for record in records),
    )
    assert ["x", "from the child"] == messages(run_dir)


def test_a_forked_child_with_a_rank_of_its_own_gets_a_file_of_its_own(run_dir):
    ended = run_python(
        START
        + """
    for rank in ("1", "2"):
        if os.fork() == 0:
            os.environ["RANK"] = rank
            logging_helpers.init_logging(run_dir=sys.argv[1])
            logging.info("rank " + rank)
            sys.exit(0)
        os.wait()
    """,
        run_dir,
    )
    assert 0 == ended.code
    for name, message in (
        ("script.log", "x"),
        ("script_1.log", "rank 1"),
        ("script_2.log", "rank 2"),
    ):
        banner, record, end = ranklog.read(run_dir / "logs" / name)
        assert (True, message, "exit") == (banner.is_banner, record.message, end.extra["exit"])
