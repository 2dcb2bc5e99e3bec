import ast
from pathlib import Path

import logging_helpers
import ranklog
import skypilot_logging

PACKAGES = (logging_helpers, ranklog, skypilot_logging)
OFFERING = ("logging_helpers", "ranklog")


def _modules():
    for package in PACKAGES:
        root = Path(package.__file__).parent
        for path in root.rglob("*.py"):
            parts = (root.name, *path.relative_to(root).with_suffix("").parts)
            name = ".".join(parts).removesuffix(".__init__")
            yield name, ast.parse(path.read_text())


def _imports():
    """Each module with the project's modules it imports, parents of packages left out."""
    modules = dict(_modules())
    for name, tree in modules.items():
        wanted = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    wanted.add(inner if inner in modules else node.module)
            elif isinstance(node, ast.Import):
                wanted.update(alias.name for alias in node.names)
        # What a package only offers by its own name, it loads when first asked for.
        is_offered = name in OFFERING
        yield name, set() if is_offered else {w for w in wanted if w in modules}


def test_imports_form_a_dag():
    graph = dict(_imports())
    done = set()

    def visit(name, above):
        assert name not in above, f"import cycle: {' -> '.join((*above, name))}"
        if name not in done:
            for wanted in graph[name]:
                visit(wanted, (*above, name))
            done.add(name)

    for name in graph:
        visit(name, ())
    assert len(done) > 30


def test_the_reading_half_never_imports_the_writing_half_nor_loguru():
    for name, tree in _modules():
        if name.startswith("ranklog"):
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom):
                    assert not (node.module or "").startswith(("logging_helpers", "loguru")), name
                elif isinstance(node, ast.Import):
                    assert all(
                        not alias.name.startswith(("logging_helpers", "loguru"))
                        for alias in node.names
                    ), name


def test_the_contract_imports_nothing_but_the_standard_library_and_itself():
    for name, wanted in _imports():
        if name.startswith("ranklog.line_format"):
            assert all(w.startswith("ranklog.line_format") for w in wanted), name


def test_only_the_writing_half_of_the_contract_is_used_by_the_writing_half():
    for name, wanted in _imports():
        if name.startswith("logging_helpers"):
            assert all(
                w.startswith(("logging_helpers", "ranklog.line_format")) or w == "ranklog"
                for w in wanted
            ), (name, wanted)


def test_no_module_is_longer_than_300_lines():
    for package in PACKAGES:
        for path in Path(package.__file__).parent.rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 300, path
