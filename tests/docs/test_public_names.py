"""What people's own plugins may rely on: three modules, each name of them in the manual, and nothing else needed."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.docs import manual

PUBLIC = ("flamenco", "flamenco.client", "flamenco.testing")
"""For plugins; for whoever speaks to a manager; for tests of plugins."""

HEAVY = {"alembic", "click", "falcon", "gunicorn", "httpx", "PIL", "py_mini_racer", "pytest", "sqlalchemy", "structlog"}
"""What a plugin's file must not have to wait for; a command's help and a worker's start would too."""

SOURCES = {
    **{str(path.relative_to(manual.ROOT)): path.read_text("utf-8") for path in manual.ROOT.glob("plugins/**/*.py")},
    **{path.name: path.read_text("utf-8") for path in manual.ROOT.glob("flamenco/cli/plugin_skeleton*.txt")},
    **{
        f"{path.relative_to(manual.ROOT)}, block {number}": code
        for path in manual.MANUALS
        for number, code in enumerate(manual.blocks("python", str(path.relative_to(manual.ROOT))), 1)
    },
}
"""All the Python that authors of plugins are shown, and will copy."""


def names_of_ours(source: str) -> Iterator[tuple[str, str]]:
    """Module and name of whatever is imported from `flamenco`, wherever; the name is empty for a whole module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((each.name, "") for each in node.names if _is_ours(each.name))
        elif isinstance(node, ast.ImportFrom) and not node.level and _is_ours(node.module or ""):
            yield from ((node.module or "", each.name) for each in node.names)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "flamenco"


def test_there_is_something_to_look_at() -> None:
    """Plugins, skeletons and manuals are all found, or the next test would hold of nothing."""
    kinds = ("plugins/", "plugin_skeleton.py", "plugin_skeleton_test.py", "docs/plugins.md")
    assert all(any(name.startswith(kind) for name in SOURCES) for kind in kinds)


@pytest.mark.parametrize("name", SOURCES)
def test_authors_are_shown_public_names_only(name: str) -> None:
    """What somebody copies from us goes on working: it imports names that are public, and nothing else of ours."""
    private = [
        f"{module}.{imported}"
        for module, imported in names_of_ours(SOURCES[name])
        if module not in PUBLIC or imported not in importlib.import_module(module).__all__
    ]
    assert not private


@pytest.mark.parametrize(
    ("module", "name"),
    [(module, name) for module in PUBLIC for name in importlib.import_module(module).__all__],
)
def test_every_public_name_is_mentioned(module: str, name: str) -> None:
    """Whatever may be imported is in the manual, is there, and says itself what it is."""
    assert re.search(rf"`{name}[`(]", manual.TEXT)
    value = getattr(importlib.import_module(module), name)
    assert not callable(value) or value.__doc__


def test_the_names_of_plugins_cost_little() -> None:
    """`import flamenco`, which every plugin does, loads no server, no database, no client and no command line."""
    loaded = "import sys, flamenco; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True, timeout=60)
    assert not HEAVY & set(done.stdout.split())


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import flamenco.store", [("flamenco.store", "")]),
        ("import flamencoish, os", []),
        ("from flamenco import Hold, Term", [("flamenco", "Hold"), ("flamenco", "Term")]),
        ("def f():\n    from flamenco.client import Job", [("flamenco.client", "Job")]),
        ("from .broker import Broker", []),
    ],
)
def test_imports_are_seen(source: str, expected: list[tuple[str, str]]) -> None:
    """In every form and place, so that the tests above miss none."""
    assert list(names_of_ours(source)) == expected
