"""MPICH, started with its Hydra process manager."""

from pathlib import Path

from launchers.launching import python_of


def mpiexec(*arguments):
    """The start of a command line for MPICH's mpiexec, and its python."""
    python = python_of("RANKLOG_MPICH_PYTHON")
    return [str(Path(python).parent / "mpiexec"), *arguments, python]
