"""The command `ranklog`: words in, answers out, and how it ends."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest
from support import run_program, run_python
from views.runs import ask, at, error, start, stop, write

import ranklog
from ranklog.line_format import TextLayout, encode
from ranklog.views import VIEWS

COMMAND = [sys.executable, "-m", "ranklog"]
TIMEOUT_SECONDS = 60
FINITE = [view.command for view in VIEWS if view.command != "follow"]


@pytest.fixture
def fine_run(tmp_path):
    return write(
        tmp_path, {rank: [start(rank=rank, world_size=2), stop(9, rank)] for rank in (0, 1)}
    )


def test_help_names_every_command_and_what_exit_statuses_mean():
    answer = ask("--help")
    assert (0, "") == (answer.code, answer.err)
    for view in VIEWS:
        assert re.search(rf"^    {view.command}\s+{view.help}$", answer.text, re.MULTILINE)
    assert "Exit status: 0 fine, 1 findings" in answer.text


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.command)
def test_every_command_has_its_help_and_the_filters(view):
    answer = ask(view.command, "--help")
    assert (0, "") == (answer.code, answer.err)
    assert view.help in answer.text
    for option in ("rank", "level", "logger", "since", "until", "grep", "attempt", "json", "raw"):
        assert f"--{option}" in answer.text
    assert view.scope in answer.text
    assert view.finding in " ".join(answer.text.split())
    assert "2 wrong usage." in answer.text
    assert f"(default {view.attempt})" in answer.text.replace("\n                       ", " ")


def test_an_unknown_option_shows_the_options_of_its_command(fine_run):
    for arguments in (["merge", "--foo", fine_run], ["--foo", "merge", fine_run]):
        answer = ask(*arguments)
        assert (2, b"") == (answer.code, answer.out)
        assert answer.err.startswith("usage: ranklog merge [-h] [--rank RANKS]")
        assert answer.err.endswith("ranklog merge: error: unrecognized arguments: --foo\n")


def test_the_version_is_that_of_the_package():
    assert f"ranklog {ranklog.__version__}\n" == ask("--version").text


USAGE = {
    "no command": ([], "the following arguments are required: COMMAND"),
    "an unknown command": (["marge", "x"], "invalid choice: 'marge'"),
    "no path": (["merge"], "the following arguments are required: PATH"),
    "an unknown option": (["merge", "--ranks", "0"], "--ranks"),
    "both forms": (["merge", "--json", "--raw"], "not allowed with argument"),
    "no such path": (["merge", "nowhere"], "no run directory or log file at 'nowhere'"),
    "no such pattern": (["merge", "no*where"], "no run directory or log file at 'no*where'"),
    "ranks": (["merge", "--rank", "one"], "rank='one' is malformed at 'one'; accepted are"),
    "ranks, backwards": (["merge", "--rank", "3-1"], "rank='3-1' has a range that runs backwards"),
    "a level": (
        ["merge", "--level", "loud"],
        "level='loud' is no level; accepted are TRACE, DEBUG,",
    ),
    "a time": (["merge", "--since", "noon"], "since='noon' is no time; accepted are times such as"),
    "a span": (["merge", "--until", "5 weeks"], "until='5 weeks' is no time; accepted are"),
    "a pattern": (["merge", "--grep", "("], "grep='(' is no regular expression: "),
    "an attempt": (["merge", "--attempt", "0"], "attempt='0' is none; accepted are 'last', 'all'"),
    "an attempt, in words": (["merge", "--attempt", "first"], "attempt='first' is none; accepted"),
    "no such attempt": (["merge", "--attempt", "3"], "attempt=3 is not in this run; it has 1"),
    "columns": (["timeline", "--columns", "many"], "invalid int value: 'many'"),
}


@pytest.mark.parametrize(("arguments", "words"), USAGE.values(), ids=USAGE)
def test_wrong_usage_is_named_and_ends_with_2(fine_run, arguments, words):
    has_path = (
        not arguments or arguments[-1] == "merge" or arguments[-1] in ("x", "nowhere", "no*where")
    )
    answer = ask(*arguments, *([] if has_path else [fine_run]))
    assert (2, b"") == (answer.code, answer.out)
    assert words in answer.err
    assert "ranklog" in answer.err


@pytest.mark.parametrize("command", FINITE)
def test_directories_without_a_log_file_are_no_run_that_is_fine(tmp_path, fine_run, command):
    first, second = tmp_path / "first", tmp_path / "second"
    for directory in (first, second):
        directory.mkdir()
    answer = ask(command, first, second)
    assert (2, b"") == (answer.code, answer.out)
    assert f"no log files in {str(first)!r}, {str(second)!r}; accepted are" in answer.err
    assert 0 == ask(command, first, fine_run).code


@pytest.mark.parametrize("command", [one for one in FINITE if one != "merge"])
def test_where_no_rank_that_was_asked_for_wrote_nothing_is_said_to_be_fine(fine_run, command):
    assert ["no records"] == ask(command, fine_run, "--rank", "9").lines


@pytest.mark.parametrize(
    "arguments", [("--rank", "-1,0"), ("--rank=-1,0",), ("--rank", "-1"), ("--rank", "0-1")]
)
def test_negative_ranks_need_no_equals_sign(fine_run, arguments):
    expected = {"-1": {b"r0001"}}.get(arguments[-1], {b"r0000", b"r0001"})
    answer = ask("merge", fine_run, *arguments)
    assert expected == set(re.findall(rb"r\d{4}", answer.out))


@pytest.mark.parametrize("command", FINITE)
def test_a_run_that_is_fine_is_told_so_with_0(fine_run, command):
    answer = ask(command, fine_run)
    assert (0, "") == (answer.code, answer.err)
    assert answer.text


@pytest.mark.parametrize(("command", "code"), [("first-error", 1), ("silent", 1), ("merge", 0)])
def test_findings_end_with_1(tmp_path, command, code):
    write(tmp_path, {0: [start(world_size=2), error(1, "bad")]})
    assert code == ask(command, tmp_path).code


def test_damage_is_named_with_its_file_and_ends_with_1(fine_run):
    path = fine_run / "logs" / "script_1.log"
    with path.open("ab") as file:
        file.write(b"hello\n" + encode(at(10, "torn"), TextLayout())[:60])
    answer = ask("merge", fine_run)
    assert 1 == answer.code
    assert 4 == answer.out.count(b"| r000")
    assert [
        f"ranklog: {path}: 1 record cut short or damaged, 1 line of no record, such as 'hello'"
    ] == (answer.err.splitlines())


@pytest.mark.parametrize("command", FINITE)
def test_a_file_that_cannot_be_read_is_named_and_the_others_are_read(fine_run, command):
    (fine_run / "logs" / "script_1.log").unlink()
    broken = fine_run / "logs" / "script_1.20261005T000000.000000Z.log.gz"
    broken.write_bytes(b"\x1f\x8bno gzip at all")
    answer = ask(command, fine_run)
    assert (1, 1) == (answer.code, len(answer.err.splitlines()))
    assert answer.err.startswith(f"ranklog: {broken}: ")
    assert answer.text


@pytest.fixture
def open_directory():
    """A directory that other users may look into; pytest's own is private."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


def test_a_directory_in_the_place_of_a_file_and_one_without_permission(open_directory):
    """As a user who may not read all: root may."""
    tmp_path = open_directory
    write(tmp_path, {0: [start(world_size=2), stop(9)], 1: [start(rank=1)]})
    fine = tmp_path / "logs" / "script.log"
    secret = tmp_path / "logs" / "script_1.log"
    secret.chmod(0)
    (tmp_path / "logs" / "script_2.log").mkdir()
    source = os.path.dirname(os.path.dirname(ranklog.__file__))
    code = f"""
        import os, sys
        sys.path.insert(0, {source!r})
        from ranklog.command_line import run
        run(["merge", {str(fine)!r}], os.environ)  # imports, while that can be read
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        code = run(["merge", {str(tmp_path)!r}], os.environ)
        if is_root:
            os.seteuid(0)
        sys.exit(code)
    """
    done = run_python(code)
    assert 1 == done.code
    assert [f"ranklog: {secret}: Permission denied"] == done.err.splitlines()
    assert 2 * ["ranklog:start:0", "ranklog:end:0"] == re.findall(r"ranklog:\w+:0", done.out)


def test_a_clock_that_was_set_back_is_a_note_and_no_finding(tmp_path):
    write(tmp_path, {0: [start(900, world_size=1), at(901), at(1), at(2), stop(902)]})
    answer = ask("merge", tmp_path)
    assert (0, 5) == (answer.code, len(re.findall(r"\| r0000 \|", answer.text)))
    assert re.fullmatch(r"ranklog: .*script\.log: the clock was set back from .*\n", answer.err)


def big_run(path):
    lines = [at(n / 1000, f"step {n} " + "x" * 200) for n in range(20_000)]
    return write(path, {0: lines})


@pytest.mark.parametrize("form", [[], ["--json"], ["--raw"]])
def test_a_pipe_that_is_closed_ends_it_quietly(tmp_path, form):
    big_run(tmp_path)
    with subprocess.Popen(
        [*COMMAND, "merge", tmp_path, *form], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.readline()
        process.stdout.close()
        assert (b"", 0) == (process.stderr.read(), process.wait(TIMEOUT_SECONDS))


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="nothing can be stopped here")
def test_unbuffered_all_is_printed_also_when_a_write_is_interrupted(tmp_path):
    write(tmp_path, {0: [start(), *(at(second, "x" * 200) for second in range(2_000))]})
    command = [*COMMAND, "merge", "--raw", tmp_path]
    environ = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ) as process:
        first = process.stdout.read(1)
        time.sleep(0.3)  # it waits in the middle of a write by now
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGCONT)
        printed = first + process.stdout.read()
    assert printed == Path(tmp_path, "logs", "script.log").read_bytes()
    assert process.wait(TIMEOUT_SECONDS) == 0


def test_ctrl_c_ends_it_quietly(tmp_path):
    big_run(tmp_path)
    with subprocess.Popen(
        [*COMMAND, "merge", tmp_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.read(1)  # it writes, and then waits for somebody to read on
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert (b"", 130) == (process.stderr.read(), process.wait(TIMEOUT_SECONDS))


def shell(line, run_dir):
    """A command line of a shell, `ranklog` and the run directory put in."""
    words = {"RANKLOG": f"{sys.executable} -m ranklog", "RUN": str(run_dir)}
    return run_program(["sh", "-c", line], **words)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_named(fine_run, unbuffered):
    done = shell(f"PYTHONUNBUFFERED={unbuffered} $RANKLOG merge $RUN > /dev/full", fine_run)
    assert (2, "ranklog: [Errno 28] No space left on device\n") == (done.code, done.err)


def test_closed_outputs_are_no_reason_to_crash(fine_run):
    done = shell("$RANKLOG merge $RUN >&-", fine_run)
    assert (2, "ranklog: standard output is closed\n") == (done.code, done.err)
    done = shell("$RANKLOG merge nowhere 2>&-", fine_run)
    assert (2, "") == (done.code, done.out)
    assert 0 == shell("$RANKLOG silent $RUN 2>&-", fine_run).code


@pytest.mark.parametrize(("option", "count"), [("--since", 4), ("--until", 0)])
def test_a_span_longer_than_the_calendar_is_since_ever(fine_run, option, count):
    answer = ask("merge", fine_run, option, "999999d", "--json")
    assert (0, "", count) == (answer.code, answer.err, len(answer.lines))
    assert 0 == ask("timeline", fine_run, option, "999999d").code


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("since", "999999999999d"),
        ("since", "0001-01-01T00:00:00+14:00"),
        ("until", "9999-12-31T23:59:59-14:00"),
        ("level", "9" * 30),
        ("rank", "9" * 30),
    ],
)
def test_a_value_beyond_all_bounds_is_refused_by_name(fine_run, name, value):
    answer = ask("merge", fine_run, f"--{name}", value)
    assert (2, "") == (answer.code, answer.text)
    assert answer.err.startswith(f"ranklog: {name}={value!r} is ")
    assert "accepted are " in answer.err


def test_the_command_is_installed_and_is_the_same(fine_run):
    script = os.path.join(os.path.dirname(sys.executable), "ranklog")
    expected = ask("merge", fine_run)
    for command in ([script], COMMAND):
        done = run_program([*command, "merge", fine_run])
        assert (0, expected.text, "") == (done.code, done.out, done.err)


BARE = """
    import sys
    sys.path.insert(0, sys.argv[1])
    class Refusing:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in ("rich", "loguru", "logging_helpers"):
                raise ImportError(f"{name} is not on a login node")
    sys.meta_path.insert(0, Refusing())
    from ranklog.command_line import run
    for command in sys.argv[3:]:
        run([command, sys.argv[2]], {"FORCE_COLOR": "1"})
    print(*sorted(name for name in sys.modules), file=sys.stderr)
"""


def test_it_needs_nothing_but_the_standard_library(tmp_path):
    write(tmp_path, {0: [start(world_size=2), error(1, "bad", 0, "KeyError: 'x'")]})
    source = os.path.dirname(os.path.dirname(ranklog.__file__))
    code = textwrap.dedent(BARE)
    command = [sys.executable, "-S", "-I", "-c", code, source, tmp_path, *FINITE]
    done = run_program(command)
    assert 0 == done.code, done.err
    assert "".join(ask(command, tmp_path).text for command in FINITE if command != "silent") == (
        "".join(_without_silent(done.out))
    )
    assert "\x1b" not in done.out


def _without_silent(text):
    """What tells how long ago it was is never the same."""
    head, _, rest = text.partition("rank  status")
    return head, re.split(r" ago\n", rest, maxsplit=1)[1]


def test_to_a_pipe_it_loads_no_more_than_it_needs(fine_run):
    code = f"""
        import sys
        from ranklog.command_line import run
        before = set(sys.modules)
        run(["merge", {str(fine_run)!r}], {{}})
        print(*sorted(sys.modules), sep="\\n", file=sys.stderr)
    """
    loaded = set(run_python(code).err.split())
    assert "ranklog.views.merge" in loaded
    unwanted = {"rich", "loguru", "logging_helpers", "json.tool", "gzip", "asyncio", "logging"}
    assert set() == unwanted & loaded
    assert not {name for name in loaded if name.startswith("ranklog.views.")} - {
        "ranklog.views.merge",
        "ranklog.views.request",
    }
