import pytest
from launchers.engines.probing import PROBE, assert_probed, seen_by_all
from launchers.launching import line_of, run, torchrun

pytestmark = pytest.mark.launchers

ACCELERATED = PROBE.with_name("accelerated.py")


def expected_of_accelerated(rank):
    """Records of the program: level, logger, function, line, message."""

    def at(logger, text, message):
        return ("INFO", logger, "main", line_of(ACCELERATED, text), message)

    def master(*record):
        return [at(*record)] if rank == 0 else []

    theirs = "accelerated.theirs"
    return [
        at("accelerated", 'logger.info("process', f"process {rank} of 2"),
        *master("accelerated", "training starts", "training starts"),
        *(at("accelerated", 'logger.info("step', f"step {step}") for step in range(3)),
        *master(theirs, "on the main process", "[RANK 0] theirs on the main process"),
        at(theirs, "on every process", f"[RANK {rank}] theirs on every process"),
    ]


def test_ranks_and_masters_are_those_of_accelerate(tmp_path):
    command = torchrun("--standalone", "--nproc-per-node=2", ACCELERATED, "run")
    finished = run(command, tmp_path, timeout_seconds=100, TMPDIR=str(tmp_path))
    assert finished.code == 0, finished

    identities = [
        {
            "world_size": 2,
            "local_rank": rank,
            "local_world_size": 2,
            "node_rank": 0,
            "launcher": "torchrun",
            "restart": 0,
            "job_id": seen_by_all(tmp_path / "run", "TORCHELASTIC_RUN_ID"),
        }
        for rank in range(2)
    ]
    others = assert_probed(
        tmp_path / "run", finished.err, identities, expected=expected_of_accelerated
    )
    assert others == []
