"""The documentation shows what the tests run."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```python program=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_lines_for_other_schedulers_are_those_that_the_launcher_tests_run():
    blocks = BLOCK.findall((ROOT / "docs" / "launchers.md").read_text())
    assert ["ray_tasks.py", "dask_tasks.py"] == [program for program, _ in blocks]
    for program, text in blocks:
        run = (ROOT / "tests" / "launchers" / "programs" / program).read_text()
        lines = {line.strip() for line in run.splitlines()}
        assert [line for line in text.splitlines() if line.strip() not in lines] == []
        # What the program does in its main() is no part of what it defines.
        assert _definitions(text).items() <= _definitions(run).items()


def _definitions(program):
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {one.name: ast.dump(one) for one in ast.parse(program).body if isinstance(one, kinds)}


def test_every_module_of_the_architecture_page_exists():
    page = (ROOT / "docs" / "architecture.md").read_text()
    tree = page.split("```")[1]
    named = re.findall(r"\b(\w+\.py)\b", tree)
    there = {path.name for path in (ROOT / "src").rglob("*.py")}
    assert named
    assert [name for name in named if name not in there] == []


def test_every_link_of_the_documentation_leads_somewhere():
    for page in (ROOT / "docs").glob("*.md"):
        links = re.findall(r"\]\((?!http)([^)#]+)", page.read_text())
        assert [link for link in links if not (page.parent / link).exists()] == [], page


def test_the_ratios_of_the_readme_are_those_that_were_measured():
    section = (ROOT / "README.md").read_text().partition("## What it costs\n")[2]
    section = section.partition("\n## ")[0]
    quoted = re.findall(r"^\| (.+) \| (\d\.\d\d) \|$", section, re.MULTILINE)
    quoted += [("accelerate", re.findall(r"(\d\.\d\d) of accelerate's", section)[0])]
    measured = (ROOT / "bench" / "results.md").read_text()
    assert len(quoted) > 3
    for name, ratio in quoted:
        row = next(line for line in measured.splitlines() if line.startswith(f"| {name}"))
        assert ratio == row.split(" | ")[3].split(" ")[0], name
