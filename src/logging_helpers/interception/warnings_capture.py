"""Sends warnings to the log with their true file and line."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import TextIO

_LOGGER_NAME = "py.warnings"  # stdlib's captureWarnings uses the same


class WarningsCapture:
    """Takes `warnings.showwarning` over and gives it back.

    stdlib's ``captureWarnings`` does the same, but its records point at itself.
    """

    def __init__(self) -> None:
        self._original: Callable[..., None] | None = None

    def start(self) -> None:
        """Capture warnings from now on, also where somebody took them over since."""
        if warnings.showwarning != self._show:  # the end of a catch_warnings() block restores
            if self._original is None:
                self._original = warnings.showwarning
            warnings.showwarning = self._show

    def stop(self) -> None:
        """Show warnings as before, unless somebody has taken them over since."""
        original, self._original = self._original, None
        if original is not None and warnings.showwarning == self._show:
            warnings.showwarning = original

    def _show(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if file is not None:
            if self._original is not None:
                self._original(message, category, filename, lineno, file, line)
            return
        logger = logging.getLogger(_LOGGER_NAME)
        if logger.isEnabledFor(logging.WARNING):
            # The header has no room for a file, so the message names it.
            text = f"{filename}:{lineno}: {category.__name__}: {message}"
            logger.handle(
                logger.makeRecord(_LOGGER_NAME, logging.WARNING, filename, lineno, text, (), None)
            )
