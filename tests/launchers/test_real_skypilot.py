import os
import sys

import pytest
from launchers.expected import (
    NODE_TASK,
    TRAIN,
    assert_banner,
    assert_complete,
    expected_of_node_task,
    expected_of_training,
    facts,
)
from launchers.launching import (
    assert_console_shows,
    assert_holds_no_torn_line,
    attempts,
    console,
    file_name,
    file_names,
    read_files,
    run,
    run_together,
    told,
    torchrun,
)

pytestmark = pytest.mark.launchers

TASK_ID = "sky-2026-11-24-07-31-45-123456_ranklog-test_1"


@pytest.mark.parametrize("node", [0, 3])
def test_a_process_with_nothing_but_a_node_rank_has_that_rank(tmp_path, node):
    command = [sys.executable, NODE_TASK, "run"]
    finished = run(command, tmp_path, timeout_seconds=60, SKYPILOT_NODE_RANK=str(node))
    assert finished.code == 0, finished

    assert os.listdir(tmp_path / "run" / "logs") == [file_name(node)]
    files = read_files(tmp_path / "run")
    (attempt,) = attempts(files[file_name(node)])
    assert facts(attempt)["variables"] == {"SKYPILOT_NODE_RANK": str(node)}
    assert_banner(
        attempt,
        rank=node,
        world_size=None,
        local_rank=None,
        local_world_size=None,
        node_rank=node,
        launcher="skypilot",
        restart=None,
        job_id=None,
    )
    assert_complete(attempt, expected_of_node_task(node))

    lines, others = console(finished.err)
    assert_console_shows(lines, files)
    assert others == []


def test_torchrun_on_each_of_two_nodes_gives_four_identities(tmp_path):
    each_node = torchrun("--standalone", "--nproc-per-node=2", TRAIN, "run", -1)
    nodes = [
        (
            each_node,
            {
                "SKYPILOT_NODE_RANK": str(node),
                "SKYPILOT_NUM_NODES": "2",
                "SKYPILOT_TASK_ID": TASK_ID,
            },
        )
        for node in (0, 1)
    ]
    both = run_together(nodes, tmp_path, timeout_seconds=90)
    assert [finished.code for finished in both] == [0, 0], both

    assert sorted(os.listdir(tmp_path / "run" / "logs")) == file_names(4)
    files = read_files(tmp_path / "run")
    for rank in range(4):
        (attempt,) = attempts(files[file_name(rank)])
        variables = facts(attempt)["variables"]
        assert variables["RANK"] == variables["LOCAL_RANK"] == str(rank % 2)
        assert variables["WORLD_SIZE"] == "2"
        assert_banner(
            attempt,
            rank=rank,
            world_size=4,
            local_rank=rank % 2,
            local_world_size=2,
            node_rank=rank // 2,
            launcher="skypilot/torchrun",
            restart=0,
            job_id=TASK_ID,
        )
        assert_complete(attempt, expected_of_training(rank, torch_rank=rank % 2, torch_size=2))

    messages = [record[4] for records in files.values() for record in told(records)]
    assert messages.count("training starts") == messages.count("training ends") == 1
    consoles = [console(finished.err) for finished in both]
    assert_console_shows(consoles[0][0] + consoles[1][0], files)
    assert_holds_no_torn_line(consoles[0][1] + consoles[1][1])
    ranks = [sorted({line.rank for line in lines}) for lines, _ in consoles]
    assert ranks == [[0, 1], [2, 3]]
