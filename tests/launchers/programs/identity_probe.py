"""One line on every rank and one on the master.

Arguments: run directory, and a directory for the launchers' variables of each process as JSON,
for whoever studies them (none: nothing is written).
"""

import json
import logging
import os
import platform
import sys
from pathlib import Path

from logging_helpers import init_logging, log_master
from logging_helpers.identity.launchers import VARIABLES

PREFIXES = (
    *("RANK", "WORLD_SIZE", "LOCAL_", "NODE_RANK", "GROUP_", "ROLE_", "MASTER_", "CROSS_"),
    *("TORCHELASTIC_", "PET_", "OMPI_", "PMI", "MPI_", "MPIR_", "HYDRA_", "HYDI_", "PRTE_"),
    *("SLURM_", "SLURMD_", "SKYPILOT_", "RAY_", "ACCELERATE_", "DASK_"),
)

logger = logging.getLogger("probe")


def dump_variables(directory):
    directory.mkdir(parents=True, exist_ok=True)
    variables = {k: v for k, v in sorted(os.environ.items()) if k.startswith(PREFIXES)}
    path = directory / f"{platform.node()}-{os.getpid()}.json"
    path.write_text(json.dumps(variables, indent=1))


def main():
    if len(sys.argv) > 2:
        dump_variables(Path(sys.argv[2]))
    init_logging(run_dir=sys.argv[1], show_rank=True)
    variables = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    own = {"pid": os.getpid(), "host": platform.node(), "python": platform.python_version()}
    logger.info("probe", extra={**own, "variables": variables})
    log_master("master", logger=logger)


if __name__ == "__main__":
    main()
