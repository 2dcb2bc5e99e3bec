"""Runs every command of the README and compares its output with what the README shows."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
VOLATILE = (
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00", "UTC"),
    (r"\[\d\d:\d\d:\d\d\.\d{3}\]", "[LOCAL]"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC on \S+, pid \d+", "UTC on H, pid P"),
    (r"\b\d\d:\d\d:\d\d\.\d{3}\b", "TIME"),
    (r'"host":"[^"]+","pid":\d+,"python":"[\d.]+"', '"host":H,"pid":P,"python":V'),
    (r'"pid":\d+', '"pid":P'),
    (r"started on \S+, pid \d+", "started on H, pid P"),
    (r'File "[^"]*?(\w+\.py)"', r'File "\1"'),
)


def _commands():
    """Each console block as pairs of a command and its output."""
    for language, _, text in BLOCK.findall(README):
        if language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                yield command, output


def _steady(text):
    # Newer Pythons put markers under a traceback's lines.
    text = re.sub(r"^(    !)? *[~^]+\n", "", text, flags=re.MULTILINE)
    for pattern, name in VOLATILE:
        text = re.sub(pattern, name, text)
    return text


@pytest.fixture
def reader_directory(tmp_path):
    """A directory with the README's files, as somebody who follows it has them."""
    for _, name, text in BLOCK.findall(README):
        if name:
            (tmp_path / name).write_text(text)
    return tmp_path


def test_every_command_prints_what_the_readme_shows(reader_directory, child_environment):
    path = f"{Path(sys.executable).parent}{os.pathsep}{child_environment['PATH']}"
    commands = list(_commands())
    assert len(commands) == 9
    for command, expected in commands:
        done = subprocess.run(
            ["bash", "-c", f"{command} 2>&1"],
            cwd=reader_directory,
            env={**child_environment, "PATH": path, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert _steady(done.stdout) == _steady(expected), command


def test_every_make_target_of_the_readme_exists():
    targets = sorted(set(re.findall(r"`make ([\w-]+)`", README)))
    assert targets == ["demo", "test", "test-launchers"]
    make = shutil.which("make")
    assert make is not None
    for target in targets:
        subprocess.run([make, "-n", target], cwd=ROOT, check=True, capture_output=True, timeout=60)


def test_every_link_of_the_readme_leads_somewhere():
    links = re.findall(r"\]\((?!http)([^)]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
