import pytest
from launchers.engines.probing import PROBE, said_by_us
from launchers.expected import assert_banner
from launchers.launching import (
    assert_console_shows,
    assert_ended,
    attempts,
    console,
    file_names,
    line_of,
    python_of,
    read_files,
    run,
    told,
)

pytestmark = pytest.mark.launchers

FITTING = PROBE.with_name("lightning_ddp.py")


def at(function, text, message):
    return ("INFO", "fitting", function, line_of(FITTING, text), message)


SET_UP = ("set_up", 'logger.info("set up"', "set up")


def batches(rank):
    return [
        at("training_step", 'logger.info("batch', f"batch {number} on torch rank {rank}")
        for number in range(2)
    ]


def identity(rank):
    return {
        "rank": rank,
        "world_size": 2,
        "local_rank": rank,
        "local_world_size": None,
        "node_rank": 0,
        "launcher": "lightning",
        "restart": None,
        "job_id": None,
    }


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    directory = tmp_path_factory.mktemp("fitted")
    command = [python_of("RANKLOG_TORCH_PYTHON"), FITTING, "run"]
    finished = run(command, directory, timeout_seconds=100, TMPDIR=str(directory))
    assert finished.code == 0, finished
    assert sorted(path.name for path in (directory / "run" / "logs").iterdir()) == file_names(2)
    return finished, read_files(directory / "run")


def test_the_parent_becomes_rank_0_in_the_midst_of_its_file(fitted):
    _, files = fitted
    before, after = attempts(files["script.log"])
    assert_banner(before, **dict.fromkeys(identity(0), None))
    assert told(before.records) == [at(*SET_UP), at("main", "before fit", "before fit")]
    assert_ended(before, "reconfigured")
    assert_banner(after, **identity(0))
    assert before.banner.pid == after.banner.pid
    assert told(after.records) == [
        at(*SET_UP),
        at("on_fit_start", "fit starts", "fit starts"),
        *batches(0),
        at("main", "after fit", "after fit"),
    ]
    assert_ended(after)


def test_the_child_is_rank_1_from_its_start_to_its_end(fitted):
    # Lightning takes WORLD_SIZE away again when `fit` ends: that makes no second master.
    _, files = fitted
    (attempt,) = attempts(files["script_1.log"])
    assert_banner(attempt, **identity(1))
    assert told(attempt.records) == [at(*SET_UP), at(*SET_UP), *batches(1)]
    assert_ended(attempt)


def test_the_console_shows_each_record_once(fitted):
    finished, files = fitted
    lines, others = console(finished.err)
    assert_console_shows(lines, files)
    assert said_by_us(others) == []
