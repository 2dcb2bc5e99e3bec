"""Stacks of all threads in the rank's file: when a launcher ends the rank, and on demand."""

import signal

import pytest
from programs import (
    TIMEOUT_SECONDS,
    ended_by,
    log_text,
    run,
    started,
    terminated,
    user_messages,
    wait_until_ready,
)

from ranklog import read

STACK = "(most recent call first):"
HANG = """
def hang_here():
    ready()
    time.sleep(60)
hang_here()
"""
HANGS = {
    "in a sleep": HANG,
    "in C with the interpreter's lock held": """
def hang_here():
    sleep = ctypes.PyDLL(None).sleep
    ready()
    sleep(60)
hang_here()
""",
    "at a lock": """
def hang_here():
    ready()
    lock.acquire()
lock = threading.Lock()
lock.acquire()
hang_here()
""",
}


@pytest.mark.parametrize("code", HANGS.values(), ids=HANGS)
def test_a_rank_that_is_ended_leaves_the_stacks_of_all_its_threads(code, run_dir):
    start = """
def other_thread():
    threading.Event().wait()
threading.Thread(target=other_thread, daemon=True).start()
init_logging(run_dir=run_dir)
logging.getLogger("train").info("before")
"""
    status, out, err = terminated(start + code, run_dir)
    assert -signal.SIGTERM == status
    assert ("", True) == (out, err.endswith("INFO     before\n"))
    text = log_text(run_dir)
    assert 2 == text.count(STACK)
    assert " in hang_here\n" in text
    assert " in other_thread\n" in text
    assert ["before"] == user_messages(run_dir)


def test_the_stacks_are_raw_text_of_the_last_record(run_dir):
    terminated(f"init_logging(run_dir=run_dir)\nlogging.warning('last')\n{HANG}", run_dir)
    banner, last = read(run_dir)
    assert ("last", None) == (last.message, banner.raw)
    assert last.raw.startswith("Current thread 0x")
    assert " in hang_here\n" in last.raw


def test_stacks_in_a_json_file_cost_no_record(run_dir):
    code = f"init_logging(run_dir=run_dir, file_format='json')\nlogging.warning('last')\n{HANG}"
    assert -signal.SIGTERM == terminated(code, run_dir)[0]
    _, last = read(run_dir)
    assert ("last", True) == (last.message, " in hang_here" in last.raw)


def test_after_rotations_the_stacks_are_in_the_live_file(run_dir):
    code = f"""
init_logging(run_dir=run_dir, rotation=1000)
for number in range(50):
    logging.warning("%d", number)
{HANG}"""
    assert -signal.SIGTERM == terminated(code, run_dir)[0]
    texts = {path.name: path.read_text() for path in (run_dir / "logs").glob("script*")}
    assert len(texts) > 3
    assert ["script.log"] == [name for name, text in texts.items() if STACK in text]
    assert list(map(str, range(50))) == user_messages(run_dir)


def test_a_signal_right_after_a_rotation_leaves_its_stacks_to_the_last_record(run_dir):
    code = f"init_logging(run_dir=run_dir, rotation=100)\nlogging.warning('last' * 99)\n{HANG}"
    terminated(code, run_dir)
    assert log_text(run_dir).startswith("Current thread 0x")
    *_, last = read(run_dir)
    assert ("last" * 99, True) == (last.message, " in hang_here" in last.raw)


def test_a_descriptor_closed_by_others_is_replaced_here_too(run_dir):
    code = f"""
from logging_helpers.outputs import rank_file
rank_file._CHECK_SECONDS = 0  # look after each record
init_logging(run_dir=run_dir)
os.closerange(3, 100)
strangers = [os.open(run_dir + "/stranger", os.O_RDWR | os.O_CREAT) for _ in range(9)]
logging.warning("seen after this one")
logging.warning("last")
{HANG}"""
    assert -signal.SIGTERM == terminated(code, run_dir)[0]
    assert STACK in log_text(run_dir)
    assert STACK not in (run_dir / "stranger").read_text()


def test_a_restart_goes_on_below_the_stacks(run_dir):
    terminated(f"init_logging(run_dir=run_dir)\nlogging.warning('first')\n{HANG}", run_dir)
    run("init_logging(run_dir=run_dir)\nlogging.warning('second')", run_dir)
    assert ["first", "second"] == user_messages(run_dir)


@pytest.mark.parametrize("is_before", [True, False], ids=["set before", "set after, ensured"])
def test_a_handler_of_the_program_is_called_as_well(is_before, run_dir):
    """It runs at once, not when the call it interrupts is over."""
    setting = "signal.signal(signal.SIGTERM, handler)\n"
    code = f"""
def handler(number, frame):
    logging.warning("handler")
    os._exit(7)
{setting if is_before else ""}
init_logging(run_dir=run_dir)
{"" if is_before else setting + "logging_helpers.ensure_interception()"}
def hang_here():
    ready()
    os.read(0, 1)
hang_here()
"""
    status, _, _ = terminated(code, run_dir)
    assert (7, ["handler"]) == (status, user_messages(run_dir))
    assert " in hang_here\n" in log_text(run_dir)


def test_a_handler_set_later_is_called_also_after_shutdown_and_in_forks(run_dir):
    code = """
def handler(number, frame):
    os._exit(7)
init_logging(run_dir=run_dir)
signal.signal(signal.SIGTERM, handler)
child = os.fork()
if child == 0:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)
assert os.waitpid(child, 0)[1] >> 8 == 7
shutdown_logging()
ready()
os.read(0, 1)
"""
    assert 7 == terminated(code, run_dir)[0]
    assert STACK not in log_text(run_dir)


def test_an_ignored_signal_stays_ignored(run_dir):
    code = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
init_logging(run_dir=run_dir)
signal.raise_signal(signal.SIGTERM)
"""
    assert 0 == run(code, run_dir)[0]
    assert STACK in log_text(run_dir)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_that_is_ended_in_a_healthy_job_leaves_no_stacks(method, run_dir, tmp_path):
    program = tmp_path / "pool_program.py"
    program.write_text(
        """
import logging, multiprocessing, sys
from logging_helpers import init_logging, init_worker

def work(number):
    logging.warning("%d", number)

if __name__ == "__main__":
    init_logging(run_dir=sys.argv[1])
    context = multiprocessing.get_context(sys.argv[2])
    with context.Pool(2, initializer=init_worker) as pool:
        pool.map(work, range(4))
    # Left the block: the workers were ended by SIGTERM.
"""
    )
    code = f"""
import subprocess
subprocess.run([sys.executable, {str(program)!r}, run_dir, {method!r}], check=True)
"""
    status, _, err = run(code, run_dir)
    assert (0, ["0", "1", "2", "3"]) == (status, sorted(user_messages(run_dir))), err
    assert STACK not in log_text(run_dir)


def test_a_child_with_a_rank_of_its_own_leaves_its_stacks(run_dir):
    code = """
init_logging(run_dir=run_dir)
child = os.fork()
if child == 0:
    os.environ["RANK"] = "1"
    init_logging(run_dir=run_dir)
    def hang_here():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    hang_here()
assert os.waitpid(child, 0)[1] == signal.SIGTERM
"""
    assert 0 == run(code, run_dir)[0]
    assert " in hang_here\n" in log_text(run_dir, "script_1.log")
    assert STACK not in log_text(run_dir)


OFF = {
    "crash_reports=False": "init_logging(run_dir=run_dir, crash_reports=False)",
    "no file": "init_logging()",
    "after shutdown": "init_logging(run_dir=run_dir)\nshutdown_logging()",
    "switched off": "init_logging(run_dir=run_dir)\ninit_logging(run_dir=run_dir, crash_reports=False)",
}  # fmt: skip


@pytest.mark.parametrize("code", OFF.values(), ids=OFF)
def test_nothing_is_registered(code, run_dir):
    asked = "\nprint(faulthandler.unregister(signal.SIGTERM), faulthandler.is_enabled())"
    assert (0, "False False\n") == run(code + asked, run_dir)[:2]


def test_the_stacks_are_there_on_demand_and_the_program_goes_on(run_dir):
    code = """
init_logging(run_dir=run_dir, dump_signal=signal.SIGUSR1)
def wait_here():
    ready()
    os.read(0, 1)
wait_here()
logging.warning("goes on")
"""
    with started(code, run_dir) as process:
        wait_until_ready(process)
        process.send_signal(signal.SIGUSR1)
        process.communicate("x", timeout=TIMEOUT_SECONDS)
        assert 0 == process.returncode
    assert " in wait_here\n" in log_text(run_dir)
    assert ["goes on"] == user_messages(run_dir)


def test_the_demand_reaches_a_handler_of_the_program_and_ends_no_worker(run_dir):
    code = """
signal.signal(signal.SIGUSR1, lambda *_: os.write(1, b"theirs\\n"))
init_logging(run_dir=run_dir, dump_signal=signal.SIGUSR1)
signal.raise_signal(signal.SIGUSR1)
init_logging(run_dir=run_dir, dump_signal=signal.SIGUSR2)
signal.raise_signal(signal.SIGUSR1)
if os.fork() == 0:
    signal.raise_signal(signal.SIGUSR2)
    os._exit(5)
print(os.wait()[1] >> 8)
"""
    status, out, _ = run(code, run_dir)
    assert (0, "theirs\ntheirs\n5\n") == (status, out)
    assert 2 == log_text(run_dir).count(STACK)


def test_without_the_demand_the_signal_ends_the_program_as_ever(run_dir):
    status, _, _ = ended_by(signal.SIGUSR1, f"init_logging(run_dir=run_dir)\n{HANG}", run_dir)
    assert (-signal.SIGUSR1, False) == (status, STACK in log_text(run_dir))


FAULT = "init_logging(run_dir=run_dir)\nlogging.warning('last')\nfaulthandler._sigsegv()"


def test_a_fault_in_c_code_leaves_its_stack(run_dir):
    status, _, err = run(FAULT, run_dir)
    text = log_text(run_dir)
    assert (-signal.SIGSEGV, 1) == (status, len(err.splitlines()))
    assert "Fatal Python error: Segmentation fault\n\nCurrent thread 0x" in text
    _, last = read(run_dir)
    assert last.raw.startswith("Fatal Python error: Segmentation fault\n")
    assert ["last"] == user_messages(run_dir)


ENABLED = {
    "by the environment": ("", {"PYTHONFAULTHANDLER": "1"}),
    "by the program": ("faulthandler.enable()\n", {}),
}


@pytest.mark.parametrize(("code", "variables"), ENABLED.values(), ids=ENABLED)
def test_where_faulthandler_is_enabled_the_console_keeps_the_stack(code, variables, run_dir):
    status, _, err = run(code + FAULT, run_dir, **variables)
    assert (-signal.SIGSEGV, True) == (status, "Fatal Python error" in err)
    assert STACK not in log_text(run_dir)


def test_faulthandler_enabled_by_others_meanwhile_stays_enabled_after_shutdown(run_dir):
    code = """
init_logging(run_dir=run_dir)
faulthandler.enable()
shutdown_logging()
faulthandler._sigsegv()
"""
    status, _, err = run(code, run_dir)
    assert (-signal.SIGSEGV, True) == (status, "Fatal Python error" in err)


def test_a_worker_reports_a_fault_too(run_dir):
    code = """
init_logging(run_dir=run_dir)
if os.fork() == 0:
    faulthandler._sigsegv()
print(os.wait()[1] & 127)
"""
    assert f"{signal.SIGSEGV:d}\n" == run(code, run_dir)[1]
    assert STACK in log_text(run_dir)


def test_a_change_of_the_file_moves_the_stacks_with_it(run_dir):
    code = f"""
init_logging(run_dir=run_dir)
init_logging(run_dir=run_dir + "2")
{HANG}"""
    terminated(code, run_dir)
    second = run_dir.with_name(run_dir.name + "2")
    assert (False, True) == (STACK in log_text(run_dir), STACK in log_text(second))
