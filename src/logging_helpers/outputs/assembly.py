"""Assembles outputs from all that decides about them."""

import logging
from typing import NamedTuple

from logging_helpers.identity.rank_info import RankInfo
from logging_helpers.outputs.console import Console
from logging_helpers.outputs.file_output import FileOutput
from logging_helpers.outputs.sink import Outputs
from logging_helpers.say import say_once
from logging_helpers.settings.resolve import Settings
from ranklog.line_format import LAYOUTS


class Setup(NamedTuple):
    """All that decides what a session does; equal set-ups change nothing.

    Attributes:
        settings: The whole configuration.
        info: The identity of the process.
        directory: Absolute path of the ``logs`` directory, ``None`` for no files.
        owner_pid: The process that called `init_logging`: this one or, in a worker, the one
            whose file is shared. Only the owner writes banners.
    """

    settings: Settings
    info: RankInfo
    directory: str | None
    owner_pid: int

    def has_same_file(self, other: "Setup") -> bool:
        """Whether `other` writes to the same file, in the same layout."""
        return (
            self.directory == other.directory
            and self.info == other.info
            and self.owner_pid == other.owner_pid
            and self.settings.file_format == other.settings.file_format
        )


def open_file(
    setup: Setup, current_setup: Setup | None, current: FileOutput | None
) -> FileOutput | None:
    """The file to write to: the one that is open if it is the same, else a new one.

    Args:
        setup: What is wanted.
        current_setup: What is set up now, if anything.
        current: The file that is open now, if one is.

    Returns:
        The file, or ``None`` where none is wanted, or it cannot be opened and that was said.

    Raises:
        ValueError: The run directory is a file.
        OSError: With ``settings.strict``, the file cannot be opened.
    """
    if setup.directory is None:
        return None
    settings = setup.settings
    if current is not None and current_setup is not None and current_setup.has_same_file(setup):
        current.file.set_rotation(settings.rotation)
        return current
    layout = LAYOUTS[settings.file_format]()
    try:
        return FileOutput(setup.directory, setup.info, layout, settings.rotation, setup.owner_pid)
    except NotADirectoryError as error:
        raise ValueError(
            f"argument run_dir={settings.run_dir!r} is a file, or has one where"
            f" {setup.directory!r} needs a directory; accepted is a directory"
        ) from error
    except OSError as error:
        if settings.strict:
            raise
        say_once(
            f"cannot write to {error.filename or setup.directory}: {error.strerror};"
            " logging to the console only"
        )
        return None


def assemble(setup: Setup, file: FileOutput | None) -> Outputs:
    """The outputs of a set-up: its console, and `file`."""
    settings, info = setup.settings, setup.info
    label = f"[{info.rank}] " if settings.show_rank and info.rank is not None else ""
    prints_all = settings.console_ranks.includes(info.rank, info.world_size)
    return Outputs(
        console=Console(settings.stream, label),
        console_level=settings.console_level,
        console_floor=logging.NOTSET if prints_all else logging.WARNING,
        file=file,
        file_level=settings.file_level,
    )
