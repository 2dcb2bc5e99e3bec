"""Every code block of the logging guide runs as it is written.

Added are imports that the guide forgets, the functions of an application that it calls, and
the call of a function that it only defines.
"""

import inspect
import logging
import re
import sys

import pytest
from guide_blocks import BLOCKS, STAMP, printed
from support import file_names, messages, run_program

import logging_helpers

FORGOTTEN = "import logging\nimport os\n"
HELPERS = "from logging_helpers import init_logging, log_master, get_node_rank\n"
SHOWN = FORGOTTEN + HELPERS + "init_logging(show_rank=True)\n"
TORCH = """
import sys, types

num_epochs, model = 2, "model"
saved = []

def train_epoch(_):
    return 0.5

def save_checkpoint(model, epoch):
    saved.append(epoch)

def module(name, **contents):
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(contents)
    return sys.modules[name]

local_rank = int(os.environ.get("LOCAL_RANK", 0))
dist = module(
    "torch.distributed",
    init_process_group=lambda backend: None,
    get_rank=lambda: int(os.environ["RANK"]),
)
module("torch", distributed=dist, cuda=types.SimpleNamespace(current_device=lambda: local_rank))
"""
PIPELINE = """
def process_shard(shard_id):
    return 100 + shard_id

def gather_results():
    return 201
"""
RANK_0 = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0"}
RANK_1 = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}
NODE_0, NODE_1 = {"SKYPILOT_NODE_RANK": "0"}, {"SKYPILOT_NODE_RANK": "1"}

# What stands before a block, what after it, and what each process of a job prints.
CASES = {
    "single-node": (FORGOTTEN, "", [({}, ["INFO     This is a regular log message"])]),
    "distributed": (
        FORGOTTEN,
        "",
        [
            (RANK_0, ["[0] INFO     Worker ready", "[0] INFO     Starting distributed job"]),
            (RANK_1, ["[1] INFO     Worker ready"]),
            ({}, ["INFO     Worker ready", "INFO     Starting distributed job"]),
        ],
    ),
    "pytorch": (
        FORGOTTEN + TORCH,
        "main()\n",
        [
            (
                RANK_0,
                [
                    "[0] INFO     Loading dataset",
                    "[0] INFO     Hyperparameters: lr=0.001, batch_size=32",
                    "[0] INFO     GPU 0 ready",
                    "[0] INFO     Epoch 0: loss=0.5000",
                    "[0] INFO     Saved checkpoint_0.pt",
                    "[0] INFO     Epoch 1: loss=0.5000",
                    "[0] INFO     Saved checkpoint_1.pt",
                ],
            ),
            (RANK_1, ["[1] INFO     GPU 1 ready"]),
        ],
    ),
    "skypilot": (
        "",
        "",
        [
            (
                NODE_0,
                [
                    "[0] INFO     Head node: Setting up cluster",
                    "[0] INFO     All nodes: Starting worker process",
                    "[0] ERROR    Error on this node!",
                    "[0] INFO     Downloading dataset to shared storage",
                    "[0] INFO     Processing local shard",
                ],
            ),
            (
                NODE_1,
                [
                    "[1] INFO     All nodes: Starting worker process",
                    "[1] ERROR    Error on this node!",
                    "[1] INFO     Processing local shard",
                ],
            ),
        ],
    ),
    "pipeline": (
        FORGOTTEN + PIPELINE,
        "distributed_data_pipeline()\n",
        [
            (
                RANK_0,
                [
                    "[0] INFO     Starting pipeline with 2 workers",
                    "[0] INFO     Processing shard 0/2",
                    "[0] INFO     Completed: 100 records",
                    "[0] INFO     Pipeline complete: 201 total records",
                ],
            ),
            (
                RANK_1,
                ["[1] INFO     Processing shard 1/2", "[1] INFO     Completed: 101 records"],
            ),
        ],
    ),
    "practice-1": (
        FORGOTTEN + HELPERS,
        'logging.info("x")\n',
        [({}, ["INFO     x"]), (RANK_1, ["[1] INFO     x"]), (NODE_1, ["[1] INFO     x"])],
    ),
    "practice-2": (
        SHOWN,
        "",
        [
            (
                RANK_0,
                [
                    "[0] INFO     Starting distributed training",
                    "[0] INFO     All workers synchronized",
                    "[0] INFO     Saving final results",
                ],
            ),
            (RANK_1, []),
        ],
    ),
    "practice-3": (
        SHOWN,
        "for logger in (data_logger, model_logger, metrics_logger): logger.info(logger.name)\n",
        [(RANK_1, ["[1] INFO     data", "[1] INFO     model", "[1] INFO     metrics"])],
    ),
    "practice-4": (
        SHOWN + 'logger, batch_id = logging.getLogger("worker"), 17\n',
        "",
        [
            (RANK_1, ["[1] INFO     Worker 1: Processing batch 17"]),
            ({}, ["INFO     Worker 0: Processing batch 17"]),
        ],
    ),
    "practice-5": (
        SHOWN,
        "",
        [
            (
                RANK_0,
                [
                    "[0] INFO     Starting",
                    "[0] WARNING  Warning: GPU memory low",
                    "[0] ERROR    Critical error",
                ],
            ),
            (RANK_1, []),
        ],
    ),
}


def run_block(name, before, after, directory, **variables):
    """Run a block in `directory`; returns what it printed on stderr."""
    program = directory / "train.py"
    program.write_text(before + BLOCKS[name] + after)
    ended = run_program([sys.executable, program], cwd=directory, **variables)
    assert (0, "") == (ended.code, ended.out), ended.err
    return ended.err


@pytest.mark.parametrize(("name", "case"), CASES.items(), ids=CASES.keys())
def test_a_block_prints_what_the_guide_shows(tmp_path, name, case):
    before, after, processes = case
    for variables, expected in processes:
        assert expected == printed(run_block(name, before, after, tmp_path, **variables))


def test_every_block_has_a_test():
    assert {*BLOCKS} == {*CASES, "files", "level", "launchers"}


@pytest.mark.parametrize("name", ["single-node", "distributed"])
def test_the_guides_own_output_lines_are_printed(tmp_path, name):
    shown = re.findall(rf"^# Output: {STAMP}(.*)$", BLOCKS[name], re.M)
    lines = []
    for variables in ({},) if name == "single-node" else (RANK_0, RANK_1):
        lines += printed(run_block(name, FORGOTTEN, "", tmp_path, **variables))
    assert sorted(shown) == sorted(lines)


def test_the_training_blocks_files_are_beside_the_program(tmp_path):
    for variables in (RANK_0, RANK_1):
        run_block("pytorch", FORGOTTEN + TORCH, "main()\n", tmp_path, **variables)
    run_dir = tmp_path / "runs" / "experiment1"
    assert ["script.log", "script_1.log"] == file_names(run_dir)
    *_, gpu = sorted(messages(run_dir))
    assert ("Saved checkpoint_1.pt", 8) == (gpu, len(messages(run_dir)))


def test_the_files_block_makes_the_files_it_lists(tmp_path, monkeypatch):
    block = BLOCKS["files"]
    # No test writes to the root of the machine.
    monkeypatch.setitem(BLOCKS, "files", block.replace("/shared/", f"{tmp_path}/shared/"))
    for rank in ("0", "1", "2"):
        run_block("files", "", "", tmp_path, RANK=rank, WORLD_SIZE="3")
    listed = {int(rank): path for path, rank in re.findall(r"# - (\S+) \(rank (\d)\)", block)}
    paths = {str(path) for path in (tmp_path / "shared").rglob("*") if path.is_file()}
    assert {f"{tmp_path}{path}" for path in listed.values()} == paths
    assert [0, 1, 2] == sorted(listed)


def test_the_functions_have_the_signatures_of_the_api_reference():
    parameters = {
        "init_logging": {"level": None, "run_dir": None, "show_rank": False},
        "log_master": {"message": inspect.Parameter.empty, "logger": None, "level": logging.INFO},
        "get_node_rank": {},
    }
    for name, expected in parameters.items():
        signature = inspect.signature(getattr(logging_helpers, name))
        positional = {
            parameter.name: parameter.default
            for parameter in signature.parameters.values()
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        }
        assert expected == positional
