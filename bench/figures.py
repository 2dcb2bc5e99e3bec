"""Medians, ranges, ratios, and the page they are written to."""

from __future__ import annotations

import os
import platform
import re
import statistics
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

RESULTS = Path(__file__).with_name("results.md")


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Median and the range that holds the middle 80 %: ``1.00 (0.95-1.10)``."""
    low, high = percentiles(values)
    middle = statistics.median(values)
    return f"{middle:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"  # noqa: RUF001 - a range


def percentiles(values: Sequence[float]) -> tuple[float, float]:
    """The 10th and the 90th percentile."""
    tenths = statistics.quantiles(values, n=10, method="inclusive")
    return tenths[0], tenths[-1]


def ratios(subject: Sequence[float], peer: Sequence[float]) -> list[float]:
    """Round by round, so that what slowed the machine slowed both."""
    return [ours / theirs for ours, theirs in zip(subject, peer, strict=True)]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first and last are figures."""
    marks = [":--", *["--:"] * (len(header) - 2), ":--"]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, marks, *rows))


def machine(packages: Iterable[str]) -> str:
    """Where, when and with what."""
    cpu = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        match = re.search(r"model name\s*:\s*(.*)", cpuinfo.read_text())
        cpu = match[1] if match else cpu
    versions = []
    for package in packages:
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            versions.append(f"{package} absent")
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC; {cpu}, {os.cpu_count()} cores{load};"
        f" {platform.system()} {platform.release()}; Python {sys.version.split()[0]};"
        f" {', '.join(versions)}."
    )


def write_section(name: str, text: str) -> None:
    """Replace one command's part of `results.md`, print it, and leave the rest alone."""
    print(text)
    section = f"<!-- {name} -->\n\n{text}\n\n<!-- /{name} -->\n"
    page = RESULTS.read_text() if RESULTS.exists() else "# Measured\n\n"
    pattern = re.compile(rf"<!-- {name} -->.*?<!-- /{name} -->\n", re.DOTALL)
    if pattern.search(page):
        page = pattern.sub(lambda _: section, page)
    else:
        page += f"{section}\n"
    RESULTS.write_text(page)
