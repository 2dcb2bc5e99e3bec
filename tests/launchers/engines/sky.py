"""SkyPilot's own executor of a task's nodes, started under our Slurm as its backend does.

Source: `sky.backends.task_codegen` (SlurmCodeGen), SkyPilot 0.14.
"""

import json
import shlex

from launchers.engines.hosts import ADDRESSES
from launchers.launching import python_of, run

TASK_ID = "sky-2026-11-24-07-31-45-123456_ranklog-test_1"


def run_on_nodes(slurm, directory, command, *, timeout_seconds):
    """Run a task of two nodes.

    Args:
        slurm: The cluster.
        directory: Working directory of the command; ``home`` and ``node-logs`` in it are the
            executor's.
        command: What each node runs.
        timeout_seconds: For all of it.

    Returns:
        What is left of srun, and what the executor took of each node's output.
    """
    home, logs = directory / "home", directory / "node-logs"
    # Where the executor changes to before it runs the script.
    (home / "sky_workdir").mkdir(parents=True)
    logs.mkdir()
    variables = {"SKYPILOT_TASK_ID": TASK_ID, "SKYPILOT_NUM_GPUS_PER_NODE": "0"}
    script = shlex.join(map(str, command))
    executor = [
        *(python_of("RANKLOG_SKYPILOT_PYTHON"), "-m", "sky.skylet.executor.slurm"),
        f"--script=cd {shlex.quote(str(directory))} && {script}",
        f"--log-dir={logs}",
        f"--env-vars={json.dumps(variables)}",
        f"--cluster-num-nodes={len(ADDRESSES)}",
        f"--cluster-ips={','.join(ADDRESSES)}",
        f"--cluster-home-dir={home}",
    ]
    srun = ["srun", "--nodes=2", "--ntasks-per-node=1", "--kill-on-bad-exit=1"]
    finished = run(
        slurm.on_cluster(directory, "env", f"HOME={home}", *srun, *executor),
        directory,
        timeout_seconds=timeout_seconds,
    )
    return finished, {path.name: path.read_text() for path in sorted(logs.iterdir())}
