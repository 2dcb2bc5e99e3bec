"""Exceptions that nobody caught: in the file, while console and exit code are Python's."""

import re
import sys
import textwrap
import threading

import pytest
from programs import log_text, run, user_messages
from support import contents

import ranklog
from logging_helpers import init_logging, shutdown_logging

FAILURES = {
    "main thread": (
        """
        def fail():
            return 1 / 0
        fail()
        """,
        1,
        ["uncaught ZeroDivisionError: division by zero"],
    ),
    "another thread": (
        """
        thread = threading.Thread(target=lambda: 1 / 0, name="loader")
        thread.start()
        thread.join()
        """,
        0,
        ["uncaught in thread loader: ZeroDivisionError: division by zero"],
    ),
    "a destructor": (
        """
        class Resource:
            def __del__(self):
                1 / 0
        Resource()
        """,
        0,
        [
            "Exception ignored in <function Resource.__del__ at 0x>:"
            " ZeroDivisionError: division by zero"
        ],
    ),
}


@pytest.mark.parametrize(("code", "status", "expected"), FAILURES.values(), ids=FAILURES)
def test_the_traceback_is_in_the_file_and_console_and_code_are_pythons(
    code, status, expected, run_dir
):
    code = textwrap.dedent(code)
    ended, out, err = run("init_logging(run_dir=run_dir)\n" + code, run_dir)
    expected_code, expected_out, expected_err = run("pass\n" + code, run_dir)
    assert (status, expected_out) == (expected_code, "")
    assert (expected_code, expected_out) == (ended, out)
    assert without_addresses(expected_err) == without_addresses(err)
    (failure,) = [r for r in ranklog.read(run_dir) if not (r.is_banner or r.is_end)]
    assert ("CRITICAL", "__main__") == (failure.level, failure.logger)
    assert failure.exception.startswith("Traceback (most recent call last):\n  File ")
    assert failure.exception.endswith("\nZeroDivisionError: division by zero")
    assert expected == [without_addresses(failure.message)]


def without_addresses(text):
    """What differs from one run to the next."""
    return re.sub("0x[0-9a-f]+", "0x", text)


def without_lines(text):
    """What differs between two programs that fail in the same way."""
    return re.sub(r"line \d+", "line", without_addresses(text))


def test_the_record_names_the_place_where_it_was_raised(run_dir):
    run("init_logging(run_dir=run_dir)\ndef fail():\n    1 / 0\nfail()", run_dir)
    failure = list(ranklog.read(run_dir))[1]
    assert ("__main__", "fail") == (failure.logger, failure.function)
    assert f'File "<string>", line {failure.line}, in fail' in failure.exception


def test_the_end_record_says_that_it_was_an_exception_and_counts_the_report(run_dir):
    code, _, _ = run("init_logging(run_dir=run_dir)\n1 / 0", run_dir)
    *_, end = ranklog.read(run_dir)
    assert (1, True, "exception") == (code, end.is_end, end.extra["exit"])
    assert {"CRITICAL": 1} == end.extra["records"]


def test_a_file_of_a_high_level_has_the_report_too(run_dir):
    run("init_logging('CRITICAL', run_dir=run_dir, file_level=1000)\n1 / 0", run_dir)
    assert ["uncaught ZeroDivisionError: division by zero"] == user_messages(run_dir)


@pytest.mark.parametrize(("code", "status"), [("sys.exit(3)", 3), ("sys.exit('no')", 1)])
def test_sys_exit_is_no_crash(code, status, run_dir):
    ended, _, _ = run(f"init_logging(run_dir=run_dir)\n{code}", run_dir)
    assert (status, []) == (ended, user_messages(run_dir))


def test_sys_exit_in_a_thread_is_no_crash(run_dir):
    run("init_logging(run_dir=run_dir)\nthreading.Thread(target=sys.exit).start()", run_dir)
    assert [] == user_messages(run_dir)


def test_an_interrupt_leaves_one_line_and_no_traceback(run_dir):
    code, _, err = run("init_logging(run_dir=run_dir)\nraise KeyboardInterrupt", run_dir)
    banner, record, end = ranklog.read(run_dir)
    assert (-2, True, "exception") == (code, banner.is_banner, end.extra["exit"])
    assert ("WARNING", "interrupted by KeyboardInterrupt", None) == (
        record.level,
        record.message,
        record.exception,
    )
    assert err.endswith("KeyboardInterrupt\n")


def test_a_hook_that_was_there_is_called_and_prints(run_dir):
    code, _, err = run(
        """
        def hook(kind, value, frames):
            sys.stderr.write("theirs: " + str(value))
        sys.excepthook = hook
        init_logging(run_dir=run_dir)
        raise ValueError("oh")
        """,
        run_dir,
    )
    assert (1, "theirs: oh") == (code, err)
    assert ["uncaught ValueError: oh"] == user_messages(run_dir)


def test_a_worker_reports_with_its_own_pid(run_dir):
    run(
        """
        init_logging(run_dir=run_dir)
        if os.fork() == 0:
            raise ValueError("in the child")
        os.wait()
        """,
        run_dir,
    )
    banner, failure, end = ranklog.read(run_dir)
    assert "uncaught ValueError: in the child" == failure.message
    assert failure.pid not in (None, banner.pid)
    assert {} == end.extra["records"]


def test_a_hostile_exception_is_reported_and_printed(run_dir):
    code, _, err = run(
        """
        class Hostile(Exception):
            def __str__(self): raise RuntimeError("no text")
            __repr__ = __str__
        init_logging(run_dir=run_dir)
        raise Hostile
        """,
        run_dir,
    )
    assert (1, True) == (code, "Hostile" in err)
    (message,) = user_messages(run_dir)
    assert message.startswith("uncaught Hostile")


def test_what_is_raised_when_our_modules_are_gone_is_on_the_console_as_ever(run_dir):
    """As an object raises that a module of stdlib holds until Python ends."""
    code = textwrap.dedent(
        """
        class Held:
            def __del__(self):
                1 / 0
        re.held = Held()
        """
    )
    ended = run("import re\ninit_logging(run_dir=run_dir)" + code, run_dir)
    expected = run("import re\n" + code, run_dir)
    assert "ZeroDivisionError: division by zero\n" in expected[2]
    assert [0, "", without_addresses(expected[2])] == [*ended[:2], without_addresses(ended[2])]


def test_an_unraisable_exception_while_one_is_reported_does_not_go_on_for_ever(run_dir):
    code, _, _ = run(
        """
        class Method:
            def __call__(self):
                1 / 0
            def __repr__(self):
                Resource()
                return "method"
        class Resource:
            __del__ = Method()
        sys.unraisablehook = lambda ignored: None
        init_logging(run_dir=run_dir)
        Resource()
        """,
        run_dir,
    )
    expected = ["Exception ignored in method: ZeroDivisionError: division by zero"]
    assert (0, expected) == (code, user_messages(run_dir))


def hooks():
    return sys.excepthook, threading.excepthook, sys.unraisablehook


def test_shutdown_restores_the_hooks(run_dir):
    before = hooks()
    init_logging(run_dir=run_dir)
    assert not set(before) & set(hooks())
    shutdown_logging()
    assert before == hooks()


@pytest.mark.parametrize("arguments", [{}, {"crash_reports": False}], ids=["no file", "off"])
def test_without_a_file_or_switched_off_no_hook_is_set(arguments, run_dir):
    before = hooks()
    init_logging(run_dir=run_dir if arguments else None, **arguments)
    assert before == hooks()


def test_a_second_call_that_switches_them_off_restores_the_hooks(run_dir):
    before = hooks()
    init_logging(run_dir=run_dir)
    init_logging(run_dir=run_dir, crash_reports=False)
    assert before == hooks()


def test_a_hook_in_front_of_ours_stays_and_ours_is_silent_after_shutdown(run_dir, monkeypatch):
    theirs = []
    monkeypatch.setattr(sys, "excepthook", lambda *caught: theirs.append(caught[0]))
    init_logging(run_dir=run_dir)
    ours = sys.excepthook

    def in_front(*caught):
        ours(*caught)

    sys.excepthook = in_front
    shutdown_logging()
    before = contents(run_dir)
    assert in_front is sys.excepthook
    sys.excepthook(ValueError, ValueError("x"), None)
    assert ([ValueError], before) == (theirs, contents(run_dir))


CHAINING = """
def in_front(before, name):
    def hook(*caught):
        sys.stderr.write(f"{name} ")
        before(*caught)
    return hook
"""
FIRST = "init_logging(run_dir=run_dir)\n"
HOOKS = """
sys.excepthook = in_front(sys.excepthook, "main")
threading.excepthook = in_front(threading.excepthook, "thread")
sys.unraisablehook = in_front(sys.unraisablehook, "unraisable")
"""


@pytest.mark.parametrize(
    "again",
    [
        "",
        "init_logging()\ninit_logging(run_dir=run_dir)",
        "init_logging(run_dir=run_dir, crash_reports=False)\ninit_logging(run_dir=run_dir)",
        "shutdown_logging()\ninit_logging(run_dir=run_dir)",
        "logging_helpers.ensure_interception()",
    ],
    ids=["once", "without a file between", "off between", "shut down between", "ensured"],
)
@pytest.mark.parametrize("name", FAILURES)
def test_hooks_that_call_ours_make_no_circle_and_no_second_report(name, again, run_dir):
    code, _, messages = FAILURES[name]
    code = textwrap.dedent(code)
    ended, _, err = run(CHAINING + FIRST + HOOKS + again + "\n" + code, run_dir)
    expected_code, _, expected_err = run(CHAINING + HOOKS + code, run_dir)
    assert (expected_code, without_lines(expected_err)) == (ended, without_lines(err))
    assert messages == [without_addresses(text) for text in user_messages(run_dir)]


@pytest.mark.parametrize("again", ["logging_helpers.ensure_interception()", FIRST])
def test_a_hook_that_calls_nobody_is_preceded_again_on_request(again, run_dir):
    code, _, err = run(
        f"""
{FIRST}
def hook(kind, value, frames):  # as rich.traceback.install() sets one
    sys.stderr.write("theirs: " + str(value))
sys.excepthook = hook
{again}
raise ValueError("oh")
""",
        run_dir,
    )
    assert (1, "theirs: oh") == (code, err)
    assert ["uncaught ValueError: oh"] == user_messages(run_dir)


def test_after_a_change_of_the_run_directory_the_report_is_in_the_new_one(run_dir):
    run(
        "init_logging(run_dir=run_dir)\ninit_logging(run_dir=run_dir + '2')\n1 / 0",
        run_dir,
    )
    assert [] == user_messages(run_dir)
    second = run_dir.with_name(run_dir.name + "2")
    assert ["uncaught ZeroDivisionError: division by zero"] == user_messages(second)


def test_values_of_variables_are_not_in_the_report(run_dir):
    run("init_logging(run_dir=run_dir)\npassword = 'hunter' + str(2)\n1 / 0", run_dir)
    assert "hunter2" not in log_text(run_dir)
