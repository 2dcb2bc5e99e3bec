"""What tests of the outputs share: rank files, and what readers see of them."""

import os
import subprocess
from pathlib import Path

import pytest
from rank_files import notice

from logging_helpers.outputs.rank_file import RankFile
from logging_helpers.settings.resolve import Rotation
from ranklog.line_format import TextLayout


@pytest.fixture
def logs(tmp_path):
    """The path of a ``logs`` directory that does not exist yet."""
    return tmp_path / "run" / "logs"


@pytest.fixture
def make_file(logs):
    """Make a rank file: `rank`, `layout`, `directory` and the fields of `Rotation`."""

    def make(rank=1, layout=None, directory=logs, **rotation):
        layout = layout or TextLayout()
        chosen = Rotation(**rotation)
        return RankFile(str(directory), rank, layout, chosen, lambda text: notice(text, layout))

    return make


@pytest.fixture
def small_disk(tmp_path):
    """An empty file system of 64 kB, which can be full."""
    if os.geteuid() != 0 or not Path("/bin/mount").exists():
        pytest.skip("mounting a small tmpfs needs root on Linux")
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    done = subprocess.run(mount, capture_output=True, text=True, timeout=10)
    if done.returncode:
        pytest.skip(f"no mount here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True, timeout=10)


@pytest.fixture
def clock(monkeypatch):
    """A clock for rank files that stands still until it is moved."""
    from logging_helpers.outputs import rank_file

    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

        def advance(self, seconds):
            self.now += seconds

    clock = Clock()
    monkeypatch.setattr(rank_file, "time", clock)
    return clock
