"""The logging guide's shell commands run as they are written."""

import sys

from guide_blocks import BLOCKS, printed
from support import run_program

# Stand-ins that set what the launchers set; `make test-launchers` starts the real ones.
TORCHRUN = f"""#!{sys.executable}
import os, subprocess, sys
count = int(sys.argv[1].removeprefix("--nproc_per_node="))
for rank in range(count):
    ranks = dict(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(count))
    subprocess.run([sys.executable, *sys.argv[2:]], env=os.environ | ranks, check=True)
"""
SKY = f"""#!{sys.executable}
import os, subprocess, sys
assert sys.argv[1:] == ["launch", "--num-nodes", "4", "task.yaml"]
for node in range(4):
    ranks = dict(SKYPILOT_NODE_RANK=str(node), SKYPILOT_NUM_NODES="4")
    subprocess.run([sys.executable, "train.py"], env=os.environ | ranks, check=True)
"""
TRAIN = """
import logging
from logging_helpers import init_logging, log_master
init_logging(show_rank=True)
logging.getLogger("train").info("ready")
logging.getLogger("train").debug("detail")
log_master("one for all")
"""


def run_bash(name, directory):
    """Run a block of the guide's shell commands; returns what it printed on stderr."""
    for program in ("train.py", "worker.py"):
        (directory / program).write_text(TRAIN)
    commands = directory / "bin"
    commands.mkdir()
    # A link to an environment's python would lose the environment.
    python = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'
    for command, code in (("python", python), ("torchrun", TORCHRUN), ("sky", SKY)):
        (commands / command).write_text(code)
        (commands / command).chmod(0o755)
    path = f"{commands}:/usr/bin:/bin"
    ended = run_program(["bash", "-euc", BLOCKS[name]], cwd=directory, PATH=path)
    assert (0, "") == (ended.code, ended.out), ended.err
    return ended.err


def test_the_level_block_shows_details(tmp_path):
    expected = ["INFO     ready", "DEBUG    detail", "INFO     one for all"]
    assert expected == printed(run_bash("level", tmp_path))


def test_the_launchers_block_shows_ranks(tmp_path):
    job = ["[0] INFO     ready", "[0] INFO     one for all"]
    job += [f"[{rank}] INFO     ready" for rank in (1, 2, 3)]
    assert [*job, *job, "[2] INFO     ready"] == printed(run_bash("launchers", tmp_path))
