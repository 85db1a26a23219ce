"""The plan of the house, held by its imports: they go down only, and each library has one home."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "flamenco"

LOW = {"domain", "hooks", "config", "platforms"}
MIDDLE = LOW | {"store", "compiler", "files"}
HIGH = MIDDLE | {"farm"}
TOP = HIGH | {
    "authoring",
    "discovery",
    "services",
    "api",
    "web",
    "worker",
    "client",
    "builtin",
    "bundled",
    "demo",
    "simulation",
    "migration",
}

MAY_IMPORT: dict[str, set[str]] = {
    "": {"domain", "hooks", "_version"},
    "_version": set(),
    "collector": set(),
    "platforms": set(),
    "domain": set(),
    "hooks": {"domain"},
    "bundled": {"domain"},
    "protocol": {"domain", "hooks"},
    "config": {"domain", "hooks", "bundled", ""},
    "builtin": {"domain", "hooks", "bundled", "config", ""},
    "discovery": LOW | {""},
    "store": LOW | {"collector"},
    "compiler": LOW | {"bundled", "collector"},
    "files": LOW,
    "authoring": {"domain", "compiler"},
    "farm": MIDDLE | {""},
    "services": HIGH | {""},
    "migration": HIGH,
    "api": HIGH | {"protocol", "discovery", "web", ""},
    "web": HIGH | {""},
    "client": LOW | {"protocol", ""},
    "worker": LOW | {"client", "discovery", ""},
    "blender_launcher": set(),
    "demo": {"domain", "config", "client", "platforms"},
    "simulation": {"domain", "config", "client", "demo", "worker", ""},
    "bootstrap": TOP | {""},
    "server": TOP | {"bootstrap", ""},
    "cli": TOP | {"bootstrap", "server", "collector", ""},
    "task_process": {"builtin", "cli", "hooks", "worker"},
    "testing": TOP | {"bootstrap", "server", ""},
    "__main__": {"cli"},
}
"""For every module or package directly below `flamenco`, those it may import; "" is `flamenco/__init__.py`."""

HOMES: dict[str, tuple[str, ...]] = {
    "sqlalchemy": ("store/",),
    "alembic": ("store/",),
    "psycopg": ("store/",),
    "falcon": ("api/", "web/"),
    "py_mini_racer": ("compiler/helper.py",),
    "gunicorn": ("server/gunicorn.py",),
    "cheroot": ("server/cheroot.py",),
    "fcntl": ("platforms/",),
    "msvcrt": ("platforms/",),
    "resource": ("platforms/", "files/log_scan.py", "files/rule_scan.py"),  # which are programs of one file
    "pwd": ("worker/run_as.py", "cli/service/needs.py"),  # users that programs are run as
    "pluggy": ("hooks/",),
    "bcrypt": ("farm/old_secrets.py",),
    "psutil": ("discovery/networks.py", "compiler/helper.py"),
    "pytest": ("testing.py",),
    "h11": ("simulation/wire.py",),
    "bpy": ("blender_launcher.py",),
}
"""Where each of these libraries may be imported."""

VAGUE_NAMES = {"utils", "util", "helpers", "common", "base", "misc"}

MODULES = sorted(PACKAGE.rglob("*.py"))


def imports_of(source: str, module: str, *, is_package: bool) -> Iterator[str]:
    """Full names of all modules that `source` imports, wherever in it; `from a import b` gives `a.b`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                parts = module.split(".")
                parents = parts[: len(parts) - node.level + is_package]
                origin = ".".join([*parents, *filter(None, [origin])])
            yield from (f"{origin}.{name.name}" for name in node.names)


def name_of(path: Path) -> str:
    """The module's full name."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def layer_of(module: str) -> str:
    """The part of the plan that `flamenco.…` belongs to; "" for the package itself and the names it offers."""
    name = module.split(".")[1] if "." in module else ""
    return name if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file() else ""


@cache
def imports_in(path: Path) -> list[str]:
    """All that the file imports."""
    return list(imports_of(path.read_text("utf-8"), name_of(path), is_package=path.name == "__init__.py"))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_down_only(path: Path) -> None:
    """A module imports from its own part and the parts below it."""
    layer = layer_of(name_of(path))
    assert layer in MAY_IMPORT, f"say in MAY_IMPORT what flamenco/{layer} may import"
    used = {layer_of(name) for name in imports_in(path) if name.split(".")[0] == "flamenco"}
    assert used <= MAY_IMPORT[layer] | {layer}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_libraries_stay_at_home(path: Path) -> None:
    """A library that has a home is imported nowhere else."""
    here = path.relative_to(PACKAGE).as_posix()
    strays = {
        library
        for library in (name.split(".")[0] for name in imports_in(path))
        if library in HOMES and not here.startswith(HOMES[library])
    }
    assert not strays


def test_names_say_something() -> None:
    """No module is called after nothing in particular."""
    named = {part for path in MODULES for part in path.relative_to(PACKAGE).with_suffix("").parts}
    assert not named & VAGUE_NAMES


def test_the_table_has_no_cycle() -> None:
    """The allowed imports themselves go down only: taking away what imports nothing left leaves nothing in the end."""
    left = {layer: set(below) for layer, below in MAY_IMPORT.items()}
    while left:
        lowest = {layer for layer, below in left.items() if not below & set(left)}
        assert lowest, f"a cycle among {sorted(left)}"
        left = {layer: below for layer, below in left.items() if layer not in lowest}


@pytest.mark.parametrize(
    ("source", "is_package", "expected"),
    [
        ("import flamenco.store.engine", False, ["flamenco.store.engine"]),
        ("from flamenco import store, hooks", False, ["flamenco.store", "flamenco.hooks"]),
        ("from ..store import jobs", False, ["flamenco.store.jobs"]),
        ("from . import tasks", False, ["flamenco.farm.tasks"]),
        ("from . import tasks", True, ["flamenco.farm.jobs.tasks"]),
        ("def f():\n    if x:\n        import falcon", False, ["falcon"]),
    ],
)
def test_imports_are_seen(source: str, is_package: bool, expected: list[str]) -> None:
    """Imports are found in every form and place, so that the other tests miss none."""
    assert list(imports_of(source, "flamenco.farm.jobs", is_package=is_package)) == expected
