"""What the programs that real launchers start are expected to leave in their files."""

import socket
from pathlib import Path

from launchers.launching import assert_ended, line_of, told

import ranklog

PROGRAMS = Path(__file__).parent / "programs"
TRAIN = PROGRAMS / "train.py"
MPI_SUM = PROGRAMS / "mpi_sum.py"
NODE_TASK = PROGRAMS / "node_task.py"


def expected_of_training(rank, *, torch_rank, torch_size):
    """Records of `train.py` that ends well: level, logger, function, line, message."""

    def at(level, function, text, message):
        return (level, "training", function, line_of(TRAIN, text), message)

    def master(level, text, message):
        return [at(level, "main", text, message)] if rank == 0 else []

    facts_message = f"torch rank {torch_rank} of {torch_size}"
    return [
        at("DEBUG", "tell_facts", 'logger.debug("torch rank', facts_message),
        *master("INFO", "training starts", "training starts"),
        *(
            at("INFO", "run_step", "logger.info(", f"step {step} on torch rank {torch_rank}")
            for step in range(6)
        ),
        at("DEBUG", "train", 'logger.debug("weights"', "weights"),
        *master("WARNING", "training ends", "training ends"),
    ]


def expected_of_mpi_sum(rank, *, size):
    """Records of `mpi_sum.py`: level, logger, function, line, message."""

    def at(level, function, text, message):
        return (level, "mpi", function, line_of(MPI_SUM, text), message)

    def master(level, text):
        return [at(level, "main", text, text)] if rank == 0 else []

    ranks = sum(range(size + 1))
    return [
        at("DEBUG", "tell_facts", "logger.debug(", f"MPI rank {rank} of {size}"),
        *master("INFO", "summing starts"),
        *(
            at(
                "INFO",
                "sum_over_ranks",
                "logger.info(",
                f"sum {number} on MPI rank {rank} is {number * ranks}",
            )
            for number in range(5)
        ),
        *master("WARNING", "summing ends"),
    ]


def expected_of_node_task(rank):
    """Records of `node_task.py`: level, logger, function, line, message."""

    def at(level, function, text, message):
        return (level, "node", function, line_of(NODE_TASK, text), message)

    return [
        at("DEBUG", "tell_facts", "logger.debug(", "facts"),
        *([at("INFO", "main", "task starts", "task starts")] if rank == 0 else []),
        at("INFO", "main", "node works", "node works"),
    ]


def facts(attempt):
    """What the program itself knew of its process: pid, python and the launcher's variables."""
    return attempt.records[0].extra


def assert_banner(attempt, **fields):
    """The banner has exactly `fields`, and the process's own facts."""
    own = {key: facts(attempt)[key] for key in ("pid", "python")}
    expected = {"host": socket.gethostname(), "version": ranklog.__version__, **own, **fields}
    assert dict(attempt.banner.extra) == expected
    everything = [attempt.banner, *attempt.records]
    assert {record.pid for record in everything} == {own["pid"]}
    assert {record.rank for record in everything} == {fields["rank"]}


def assert_complete(attempt, expected):
    """The attempt has exactly the expected records, in order, and a clean end."""
    assert told(attempt.records) == expected
    assert_ended(attempt)
