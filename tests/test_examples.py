import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from launchers.launching import (
    assert_console_shows,
    assert_ended,
    attempts,
    console,
    end_group,
    environment,
    file_names,
    line_of,
    read_files,
    run,
    told,
    torchrun,
)

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
LAUNCH_RANKS = EXAMPLES / "launch_ranks.py"


def example(name, *arguments, directory, code=0, **variables):
    """Run an example by itself; returns its console lines and all other lines."""
    command = [sys.executable, EXAMPLES / name, *arguments]
    finished = run(command, directory, timeout_seconds=60, **variables)
    assert finished.code == code, finished
    assert finished.out == ""
    return console(finished.err)


def example_ranks(ranks, name, *arguments, directory):
    """Run an example as ranks of a job."""
    return example("launch_ranks.py", "-n", ranks, EXAMPLES / name, *arguments, directory=directory)


def said(lines):
    """What the console's lines say, without their time."""
    return [(line.rank, line.level, line.message) for line in lines]


def said_by(lines, rank):
    return [(level, message) for by, level, message in said(lines) if by == rank]


def files_of_one_run(run_dir, names):
    """Records of a run's files, each with one banner and a clean end."""
    assert sorted(path.name for path in (run_dir / "logs").iterdir()) == names
    files = read_files(run_dir)
    for records in files.values():
        (attempt,) = attempts(records)
        assert_ended(attempt)
    return files


class TestSingleProcess:
    MESSAGES = (
        ("INFO", "This is a regular log message"),
        ("INFO", "3/4 is 0.75"),
        ("ERROR", "1/0 is not a ratio"),
    )

    def test_prints_the_guides_lines_without_a_rank_and_makes_no_file(self, tmp_path):
        lines, others = example("single_process.py", directory=tmp_path)
        *messages, warning = said(lines)
        assert messages == [(None, *message) for message in self.MESSAGES]
        assert warning[:2] == (None, "WARNING")
        assert warning[2].endswith("UserWarning: Warnings are log records as well")
        assert others[0] == "Traceback (most recent call last):"
        assert others[-1] == "ZeroDivisionError: division by zero"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["err-0", "out-0"]

    def test_its_file_has_traceback_and_extra_fields(self, tmp_path):
        example("single_process.py", "--run-dir", "run", directory=tmp_path)
        files = files_of_one_run(tmp_path / "run", ["script.log"])
        _, first, ratio, error, _, _ = files["script.log"]
        program = EXAMPLES / "single_process.py"
        assert told([first]) == [
            ("INFO", "__main__", "main", line_of(program, "a regular"), self.MESSAGES[0][1])
        ]
        assert ratio.extra == {"ratio": "3/4"}
        assert error.exception.endswith("\nZeroDivisionError: division by zero")
        assert {record.rank for record in files["script.log"]} == {None}

    def test_the_level_variable_shows_more(self, tmp_path):
        lines, _ = example("single_process.py", directory=tmp_path, LOG_LEVEL="DEBUG")
        assert (None, "DEBUG", "Seen with LOG_LEVEL=DEBUG only") in said(lines)


class TestDistributed:
    def test_every_rank_logs_and_rank_0_speaks_for_the_job(self, tmp_path):
        lines, others = example_ranks(4, "distributed.py", "--run-dir", "run", directory=tmp_path)
        assert others == []
        sums = {0: 124500, 1: 124750, 2: 125000, 3: 125250}
        for rank, total in sums.items():
            expected = [
                ("INFO", "Worker ready"),
                ("INFO", f"Worker {rank}: sum of 250 numbers is {total}"),
            ]
            if rank == 0:
                expected.insert(0, ("INFO", "Starting distributed job"))
                expected += [
                    ("WARNING", "Only rank 0 warns"),
                    ("ERROR", "Only rank 0 complains"),
                ]
            assert said_by(lines, rank) == expected
        files = files_of_one_run(tmp_path / "run", file_names(4))
        assert_console_shows(lines, files)

    def test_by_itself_it_shows_no_rank(self, tmp_path):
        lines, others = example("distributed.py", directory=tmp_path)
        assert others == []
        assert said(lines)[:2] == [
            (None, "INFO", "Starting distributed job"),
            (None, "INFO", "Worker ready"),
        ]

    def test_a_rank_set_by_hand_is_shown(self, tmp_path):
        lines, others = example("distributed.py", directory=tmp_path, RANK="2")
        assert others == []
        assert said(lines)[0] == (2, "INFO", "Worker ready")


class TestLoguruNative:
    def test_loguru_and_stdlib_records_share_console_and_file(self, tmp_path):
        lines, others = example_ranks(2, "loguru_native.py", "--run-dir", "run", directory=tmp_path)
        expected = [
            ("INFO", "Loguru formats arguments and keeps {braces}"),
            ("INFO", "Bound fields are in the file"),
            ("SUCCESS", "So are those of a context"),
            ("ERROR", "Bad input is logged, not fatal"),
            ("WARNING", "A library warns through stdlib"),
        ]
        assert said_by(lines, 1) == expected
        assert said_by(lines, 0) == [*expected, ("INFO", "Only rank 0, with loguru's logger")]
        assert others.count("ZeroDivisionError: division by zero") == 2
        files = files_of_one_run(tmp_path / "run", file_names(2))
        assert_console_shows(lines, files)
        _, _, bound, context, error, library, _ = files["script_1.log"]
        assert bound.extra == {"epoch": 3, "loss": 0.25}
        assert context.extra == {"request": "abc"}
        assert error.exception.endswith("\nZeroDivisionError: division by zero")
        assert (library.logger, library.function) == ("some.library", "library_call")


class TestSkypilotTask:
    def test_the_head_node_speaks_for_all(self, tmp_path):
        told_by = {}
        for node in (0, 1):
            lines, others = example(
                "skypilot_task.py",
                *("--run-dir", "run", "--darts", 20_000),
                directory=tmp_path,
                SKYPILOT_NODE_RANK=str(node),
                SKYPILOT_NUM_NODES="2",
            )
            assert others == []
            told_by[node] = said(lines)
        every_node = ["All nodes: Starting worker process", "Processing local shard"]
        for node, expected in (
            (0, ["Head node: Setting up cluster", *every_node]),
            (1, every_node),
        ):
            *messages, result = told_by[node]
            assert messages == [(node, "INFO", message) for message in expected]
            assert re.fullmatch(rf"Node {node} of 2: pi is about 3\.1\d", result[2])
        files_of_one_run(tmp_path / "run", file_names(2))

    def test_an_error_names_its_node(self, tmp_path):
        lines, _ = example(
            "skypilot_task.py",
            *("--darts", 100, "--min-free-gb", 1e9),
            directory=tmp_path,
            SKYPILOT_NODE_RANK="1",
        )
        assert (1, "ERROR", "Error on this node! 1e+09 GB of disk wanted, not free") in said(lines)

    def test_the_task_file_runs_the_example(self):
        task = (EXAMPLES / "skypilot_task.yaml").read_text()
        assert "python examples/skypilot_task.py" in task
        assert "num_nodes: 2" in task


@pytest.fixture
def corpus(tmp_path):
    """Four files that are counted, among them one that does not parse, and one that is not."""
    files = {
        "a.py": "x = 1\n",
        "b.py": "def short():\n    pass\n",
        "broken.py": "print 'two'\n",
        "package/long.py": "async def long():\n    a = 1\n    b = 2\n    return a + b\n",
        "test/skipped.py": "x = 1\n",
        "data.txt": "x = 1\n",
    }
    for name, text in files.items():
        path = tmp_path / "corpus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "corpus"


class TestDataPipeline:
    def test_counts_a_corpus_exactly(self, tmp_path, corpus):
        lines, others = example_ranks(
            2,
            "data_pipeline.py",
            *("--run-dir", "run", "--corpus", corpus),
            directory=tmp_path,
        )
        assert others == []
        by_rank_0 = said_by(lines, 0)
        warning = by_rank_0.pop(2)
        assert warning[0] == "WARNING"
        assert warning[1].startswith("broken.py does not parse: ")
        assert by_rank_0 == [
            ("INFO", "Starting pipeline with 2 workers"),
            ("INFO", "Processing shard 0/2"),
            ("INFO", "Completed: 2 records"),
            ("INFO", "Pipeline complete: 4 total records"),
            ("INFO", "7 lines, 42 tokens, 1 files did not parse"),
            ("INFO", "Longest function: long in package/long.py, 4 lines"),
        ]
        assert said_by(lines, 1) == [
            ("INFO", "Processing shard 1/2"),
            ("INFO", "Completed: 2 records"),
        ]

        files = files_of_one_run(tmp_path / "run", file_names(2))
        assert_console_shows(lines, files)
        debug = [
            record for records in files.values() for record in records if record.level == "DEBUG"
        ]
        program = EXAMPLES / "data_pipeline.py"
        place = ("DEBUG", "pipeline", "process_shard", line_of(program, "logger.debug("))
        assert told(debug) == [
            (*place, "a.py: 1 lines, 6 tokens"),
            (*place, "b.py: 2 lines, 12 tokens"),
            (*place, "package/long.py: 4 lines, 24 tokens"),
        ]

        results = tmp_path / "run" / "results"
        assert sorted(os.listdir(results)) == ["shard_0.json", "shard_1.json"]
        shards = [json.loads((results / name).read_text()) for name in sorted(os.listdir(results))]
        (launch_id,) = {shard.pop("launch") for shard in shards}
        assert re.fullmatch(r"[0-9a-f]{32}", launch_id)
        completed = [
            r.extra for records in files.values() for r in records if "Completed" in r.message
        ]
        assert shards == completed
        assert shards[0] == {"files": 2, "unparsed": 1, "lines": 1, "tokens": 6, "longest": None}

    def test_rank_0_gives_up_on_a_shard_that_does_not_come(self, tmp_path, corpus):
        stale = tmp_path / "run" / "results" / "shard_1.json"
        stale.parent.mkdir(parents=True)
        stale.write_text('{"launch": "an earlier one"}')
        lines, _ = example(
            "data_pipeline.py",
            *("--run-dir", "run", "--corpus", corpus, "--timeout-seconds", "0.1"),
            directory=tmp_path,
            code=1,
            RANK="0",
            WORLD_SIZE="2",
        )
        last = said(lines)[-1]
        assert last == (0, "ERROR", "Pipeline incomplete: no result of shards [1] in 0.1 s")


class TestDemo:
    FILE = re.compile(r"  (script\S*) +(\d+) +(\d+) +(\d+)   .*")

    def demo(self, directory):
        command = [sys.executable, EXAMPLES / "demo.py", "--run-dir", "run", "--max-files", 5]
        finished = run(command, directory, timeout_seconds=60)
        assert finished.code == 0, finished
        return finished

    def test_runs_twice_and_appends(self, tmp_path):
        logs = tmp_path / "run" / "logs"
        first = self.demo(tmp_path)
        before = {path.name: path.read_bytes() for path in logs.iterdir()}
        second = self.demo(tmp_path)
        after = {path.name: path.read_bytes() for path in logs.iterdir()}
        assert sorted(after) == sorted(before) == file_names(4)
        assert all(after[name].startswith(data) for name, data in before.items())

        files = read_files(tmp_path / "run")
        for name, records in files.items():
            of_first, of_second = attempts(records)
            for attempt in (of_first, of_second):
                assert_ended(attempt)
                assert sum(r.level in ("DEBUG", "WARNING") for r in attempt.records) == 5, name
        for finished, contents, runs in ((first, before, 1), (second, after, 2)):
            listed = [
                match.groups()
                for match in map(self.FILE.fullmatch, finished.out.splitlines())
                if match
            ]
            this_run = {name: len(records) // 2 for name, records in files.items()}
            assert listed == [
                (name, str(len(data)), str(this_run[name] * runs), str(this_run[name]))
                for name, data in sorted(contents.items())
            ]

    def test_the_screen_shows_the_guides_lines_then_the_merged_beginning(self, tmp_path):
        finished = self.demo(tmp_path)
        lines, others = console(finished.err)
        assert others == []
        counted = Counter(message for _, _, message in said(lines))
        assert counted["Starting pipeline with 4 workers"] == 1
        assert counted["Completed: 5 records"] == 4
        assert counted["Pipeline complete: 20 total records"] == 1
        assert {rank for rank, _, message in said(lines) if "Processing" in message} == {0, 1, 2, 3}
        *_, head = finished.out.partition("all ranks merged:\n")
        shown = head.splitlines()
        assert len(shown) == 12
        record = r"  [\d:]{8}\.\d{6}Z \[[0-3]\] (INFO |DEBUG) +(ranklog|pipeline):\S+:\d+ +\S.*"
        assert all(re.fullmatch(record, line) for line in shown), head
        assert [line.split()[0] for line in shown] == sorted(line.split()[0] for line in shown)
        assert "started on" in shown[0]


@pytest.fixture
def ready(tmp_path):
    """A pipe that processes write their pid to when they are up."""
    path = tmp_path / "ready"
    os.mkfifo(path)
    return path


WAITING = """
import os, signal, sys
with open("ready", "w") as ready:
    ready.write(f"{os.getpid()}\\n")
    ready.flush()
    signal.pause()
"""
FAILING = """
import os, sys
if os.environ["RANK"] == "2":
    pids = []
    with open("ready") as ready:
        while len(pids) < 3:
            pids += ready.readline().split()
    print(*pids)
    sys.exit(7)
"""


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class TestLaunchRanks:
    def launch(self, directory, ranks, script):
        (directory / "script.py").write_text(script)
        command = [sys.executable, LAUNCH_RANKS, "-n", ranks, "script.py", "--option", "x y"]
        return run(command, directory, timeout_seconds=60)

    def test_gives_every_rank_its_variables_and_arguments(self, tmp_path):
        finished = self.launch(
            tmp_path,
            3,
            "import os, sys\n"
            "names = 'RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'LOCAL_WORLD_SIZE'\n"
            "print(*(os.environ[name] for name in names), len(os.environ['LAUNCH_ID']), sys.argv)",
        )
        assert finished.code == 0
        assert finished.err == ""
        assert sorted(finished.out.splitlines()) == [
            f"{rank} 3 {rank} 3 32 ['script.py', '--option', 'x y']" for rank in range(3)
        ]

    def test_passes_on_the_code_of_the_rank_that_failed_and_ends_the_others(self, tmp_path, ready):
        finished = self.launch(tmp_path, 4, FAILING + WAITING)
        assert finished.code == 7
        assert finished.err == "launch_ranks: rank 2 exited with code 7, ending the others\n"
        pids = [int(pid) for pid in finished.out.split()]
        assert len(pids) == 3
        assert not any(map(is_running, pids))

    def test_names_the_signal_that_ended_a_rank(self, tmp_path):
        finished = self.launch(
            tmp_path, 1, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
        )
        assert finished.code == 128 + signal.SIGKILL
        assert finished.err == "launch_ranks: rank 0 was ended by signal 9, ending the others\n"

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_to_the_launcher_ends_all_ranks(self, tmp_path, ready, number):
        (tmp_path / "script.py").write_text(WAITING)
        process = subprocess.Popen(
            [sys.executable, LAUNCH_RANKS, "-n", "2", "script.py"],
            cwd=tmp_path,
            env=environment(),
            start_new_session=True,
            # What starts the tests may ignore SIGINT, as shells do for commands behind "&".
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        try:
            pids = []
            with open(ready) as lines:
                while len(pids) < 2:
                    pids += map(int, lines.readline().split())
            process.send_signal(number)
            assert process.wait(30) == 128 + number
        finally:
            end_group(process)
        assert not any(map(is_running, pids))

    def test_a_job_of_no_ranks_is_refused(self, tmp_path):
        finished = self.launch(tmp_path, 0, "")
        assert finished.code == 2
        assert "argument -n: 0 is not a number of ranks, 1 or more" in finished.err


@pytest.mark.launchers
def test_torch_training_learns_and_saves_checkpoints(tmp_path):
    program = EXAMPLES / "torch_training.py"
    command = torchrun("--standalone", "--nproc-per-node=4", program, "--run-dir", "run")
    finished = run([*command, "--epochs", 3], tmp_path, timeout_seconds=90)
    assert finished.code == 0, finished
    lines, _ = console(finished.err)
    by_rank_0 = said_by(lines, 0)
    losses = [float(message.split("=")[1]) for _, message in by_rank_0 if "Epoch" in message]
    assert losses[2] < losses[0] / 2
    ready = ("INFO", "CPU worker ready: 512 of 2048 samples")
    assert by_rank_0[:3] == [
        ("INFO", "Loading dataset"),
        ("INFO", "Hyperparameters: lr=0.01, batch_size=32"),
        ready,
    ]
    assert by_rank_0[3:] == [
        ("INFO", message)
        for epoch, loss in enumerate(losses)
        for message in (f"Epoch {epoch}: loss={loss:.4f}", f"Saved checkpoint_{epoch}.pt")
    ]
    for rank in (1, 2, 3):
        assert said_by(lines, rank) == [ready]
    files = files_of_one_run(tmp_path / "run", file_names(4))
    assert_console_shows(lines, files)
    for records in files.values():
        assert sum(record.level == "DEBUG" for record in records) == 3 * 512 // 32
    checkpoints = os.listdir(tmp_path / "run" / "checkpoints")
    assert sorted(checkpoints) == [f"checkpoint_{epoch}.pt" for epoch in range(3)]
