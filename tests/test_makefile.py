"""The Makefile's environments."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAKEFILE = (ROOT / "Makefile").read_text()
ENVIRONMENTS = sorted(
    {*re.findall(r"\.venv-(\w+)/", MAKEFILE)}
    | {*re.search(r"patsubst %,\.venv-%/installed,([\w ]+)", MAKEFILE)[1].split()}
)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_environment_has_something_to_install(name):
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", f".venv-{name}/installed"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    installs = re.findall(r"-m pip install (.*)", done.stdout)
    assert all(re.sub(r"--\S+", "", arguments).split() for arguments in installs), installs
