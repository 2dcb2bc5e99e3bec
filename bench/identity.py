"""What asking for the identity costs: ``get_rank_info()``, ``is_master()``, ``get_node_rank()``.

``python bench/identity.py [--rounds N]``. One process; its environment is the machine's, with the
variables of one launcher or none. *Cold*: the rank's variable has changed since the last call.
*Unrelated*: another variable came or went, which may have been a launcher's. *Unchanged*:
nothing did. The first two are timed one call at a time, without the change; the rest in runs
of 100. Cases take turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

from figures import machine, spread, table, write_section

from logging_helpers import get_node_rank, get_rank_info, is_master
from logging_helpers.identity.launchers import VARIABLES

COLD_GOAL = 15.0
UNCHANGED_GOAL = 3.0
CALLS = 100

_TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "job7",
    "TORCHELASTIC_RESTART_COUNT": "0",
    "RANK": "1",
    "WORLD_SIZE": "2",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "GROUP_RANK": "0",
    "GROUP_WORLD_SIZE": "1",
}
_SKYPILOT = {
    "SKYPILOT_NODE_RANK": "1",
    "SKYPILOT_NUM_NODES": "2",
    "SKYPILOT_TASK_ID": "sky-2026-10-05-12-34-56-789012_cluster_1",
}
_CASES = {
    "no launcher": {},
    "`RANK` alone": {"RANK": "1"},
    "`RANK`, `WORLD_SIZE`": {"RANK": "1", "WORLD_SIZE": "4"},
    "SkyPilot": _SKYPILOT,
    "Open MPI": {
        "OMPI_COMM_WORLD_RANK": "3",
        "OMPI_COMM_WORLD_SIZE": "4",
        "OMPI_COMM_WORLD_LOCAL_RANK": "1",
        "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
        "PMIX_RANK": "3",
        "PMIX_NAMESPACE": "prterun-host-77@1",
    },
    "torchrun": _TORCHRUN,
    "srun": {
        "SLURM_PROCID": "3",
        "SLURM_NTASKS": "4",
        "SLURM_LOCALID": "1",
        "SLURM_NODEID": "1",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_STEP_ID": "0",
        "SLURM_JOB_ID": "4711",
        "SLURM_JOB_NAME": "train",
    },
    "torchrun on each SkyPilot node": _TORCHRUN | _SKYPILOT,
}


_RANKS = ("RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID", "SKYPILOT_NODE_RANK")


def set_environment(launcher: dict[str, str]) -> None:
    for name in VARIABLES & os.environ.keys():
        del os.environ[name]
    os.environ.update(launcher)


def cold_microseconds(launcher: dict[str, str]) -> float:
    """Median of single calls, before each of which the rank changed."""
    rank = next((name for name in _RANKS if name in launcher), None)
    times = []
    for turn in range(CALLS):
        if rank is not None:
            os.environ[rank] = str(turn % 2)
        else:
            os.environ["RANK"] = "1"
            get_rank_info()
            del os.environ["RANK"]
        times.append(_one_call())
    return statistics.median(times) * 1e6


def unrelated_microseconds() -> float:
    """Median of single calls, before each of which an unrelated variable came or went."""
    times = []
    for turn in range(CALLS):
        if turn % 2:
            del os.environ["BENCH_TURN"]
        else:
            os.environ["BENCH_TURN"] = "1"
        times.append(_one_call())
    return statistics.median(times) * 1e6


def _one_call() -> float:
    began = time.perf_counter()
    get_rank_info()
    return time.perf_counter() - began


def unchanged_microseconds(function: Callable[[], object]) -> float:
    """One of many calls in a row."""
    function()
    began = time.perf_counter()
    for _ in range(CALLS):
        function()
    return (time.perf_counter() - began) / CALLS * 1e6


def three_reads() -> object:
    """What the guide's function would cost at least."""
    environ = os.environ
    return (
        environ.get("SKYPILOT_NODE_RANK")
        or environ.get("RANK")
        or environ.get("OMPI_COMM_WORLD_RANK")
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=101, help="interleaved rounds [%(default)s]")
    rounds = parser.parse_args().rounds
    count = len(os.environ.keys() - VARIABLES)
    figures: dict[str, list[list[float]]] = {name: [] for name in _CASES}
    for _ in range(rounds):
        for name, launcher in _CASES.items():
            set_environment(launcher)
            figures[name].append(
                [
                    cold_microseconds(launcher),
                    unrelated_microseconds(),
                    *map(unchanged_microseconds, (get_rank_info, is_master, get_node_rank)),
                    unchanged_microseconds(three_reads),
                ]
            )
    rows = [
        (name, *(spread(column) for column in zip(*found, strict=True)), "")
        for name, found in figures.items()
    ]
    header = (
        *("", f"`get_rank_info()`, cold, goal ≤ {COLD_GOAL:g}", "unrelated"),
        *(f"unchanged, goal ≤ {UNCHANGED_GOAL:g}", "`is_master()`", "`get_node_rank()`"),
        *("the guide's three variables read", ""),
    )
    head = f"## Asking for the identity (`bench/identity.py`, {rounds} rounds)"
    write_section(
        "identity",
        f"{head}\n\n{machine(('ranklog',))}\n\n"
        f"µs per call; {count} variables in the environment beside the launcher's.\n\n{table(header, rows)}",
    )


if __name__ == "__main__":
    main()
