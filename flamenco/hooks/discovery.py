"""Finds plugins: those that are installed, those in a studio's folder, and the shipped ones. Loads what is chosen.

Installed plugins and those in the folder are meant to be used, so they are enabled unless the configuration says no;
the shipped ones are off until it says yes. Looking for plugins imports none of them.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from flamenco.domain.errors import ConfigError
from flamenco.hooks.specs import HOOKS_VERSION, PROJECT

DISABLE_VARIABLE: Final = "FLAMENCO_DISABLE_PLUGINS"
"""Names of plugins to leave out, with commas between them; `all` (or `1`) leaves out all but the core's own."""

Origin = Literal["core", "installed", "folder", "shipped"]

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_EVERY_PLUGIN = frozenset({"all", "1"})


class Plugin(Struct, frozen=True, kw_only=True):
    """A plugin that is there. `file` is empty when it is not known before it is loaded; so is `version`.

    `summary` is the first line of its docstring, `hooks` are those it implements, as far as its file tells.
    """

    name: str
    origin: Origin
    file: str = ""
    version: str = ""
    summary: str = ""
    hooks: tuple[str, ...] = ()
    enabled: bool = False
    entry_point: EntryPoint | None = None


def find(shipped: Path | None, folder: Path | None, version: str = "") -> dict[str, Plugin]:
    """Every plugin by name. `version` is that of the shipped ones.

    One in the folder takes the place of a shipped one of its name; any other name that is there twice is a
    `ConfigError`, as is a name that could be no key of a configuration.
    """
    found = {plugin.name: plugin for plugin in _in_folder(shipped, "shipped", version)}
    own: dict[str, Plugin] = {}
    for plugin in (*_installed(), *_in_folder(folder, "folder")):
        if other := own.get(plugin.name):
            where = " and ".join(each.file or each.origin for each in (other, plugin))
            raise ConfigError(f"There are two plugins {plugin.name!r}: {where}; remove or rename one of them.")
        own[plugin.name] = plugin
    return found | own


def choose(found: Mapping[str, Plugin], wanted: Mapping[str, bool], environ: Mapping[str, str]) -> list[Plugin]:
    """All of the plugins that were found, each marked as enabled or not, in the order in which they are asked.

    `wanted` is what the configuration says; plugins that it does not name come first. Raises `ConfigError` for a
    name that nobody has.
    """
    for name in wanted:
        if name not in found:
            near = get_close_matches(name, found, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(found)) or 'none'}."
            raise ConfigError(f"plugins: there is no plugin {name!r}; {hint}")
    disabled = {name.strip() for name in environ.get(DISABLE_VARIABLE, "").split(",")}
    names = [*sorted(name for name in found if name not in wanted), *wanted]
    return [
        replace(
            found[name],
            enabled=wanted.get(name, found[name].origin != "shipped")
            and name not in disabled
            and not disabled & _EVERY_PLUGIN,
        )
        for name in names
    ]


def load(plugin: Plugin) -> object:
    """Import the plugin. Raises `ConfigError` naming its file, and the line where it went wrong."""
    try:
        module: object = plugin.entry_point.load() if plugin.entry_point else _import(plugin)
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"The plugin {plugin.name!r} cannot be loaded ({place_of(error, plugin.file)}): {told(error)}; mend it, or "
            f"leave it out with {DISABLE_VARIABLE}={plugin.name}."
        ) from error
    needed = getattr(module, "requires_hooks", HOOKS_VERSION)
    if not _fits(needed):
        has, wants = (".".join(map(str, version)) for version in (HOOKS_VERSION, needed))
        raise ConfigError(
            f"The plugin {plugin.name!r} ({plugin.file}) needs version {wants} of the hooks; here is {has}."
        )
    return module


def place_of(error: BaseException, file: str) -> str:
    """Where in a plugin an error came up: its file, and the line where it was left for the last time."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    top = Path(file).parent if Path(file).name == "__init__.py" else Path(file)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if file and (frame.filename == file or Path(frame.filename).is_relative_to(top)):
            return f"{frame.filename}, line {frame.lineno}"
    return file or "<no file>"


def told(error: BaseException) -> str:
    """The kind of an error and its text, on one line."""
    text = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _fits(needed: object) -> bool:
    match needed:
        case (int() as major, int() as minor):
            return major == HOOKS_VERSION[0] and minor <= HOOKS_VERSION[1]
    raise ConfigError(f"requires_hooks is {needed!r}; write the version of the hooks, such as (1, 0).")


def _installed() -> Iterator[Plugin]:
    for entry_point in sorted(entry_points(group=PROJECT)):
        name = entry_point.name.replace("-", "_")
        spec = _spec_of(entry_point.module)
        file = (spec.origin if spec else "") or ""
        summary, hooks = _described(Path(file)) if file else ("", ())
        yield Plugin(
            name=_checked(name, f"entry point {entry_point.name} = {entry_point.value}"),
            origin="installed",
            file=file,
            version=entry_point.dist.version if entry_point.dist else "",
            summary=summary,
            hooks=hooks,
            entry_point=entry_point,
        )


def _spec_of(module: str) -> importlib.machinery.ModuleSpec | None:
    try:
        return importlib.util.find_spec(module)
    except (ImportError, ValueError):  # told when it is loaded
        return None


def _in_folder(folder: Path | None, origin: Origin, version: str = "") -> Iterator[Plugin]:
    """The plugins right in `folder`: a file or a package each. What begins with _ or . is none."""
    if folder is None or not folder.is_dir():
        return
    for name in sorted(os.listdir(folder)):  # noqa: PTH208 (names only)
        path = folder / name
        if name[0] in "._" or not (path.suffix == ".py" or (path / "__init__.py").is_file()):
            continue
        file = path if path.suffix == ".py" else path / "__init__.py"
        summary, hooks = _described(file)
        yield Plugin(
            name=_checked(path.stem, str(path)),
            origin=origin,
            file=str(file),
            version=version,
            summary=summary,
            hooks=hooks,
        )


def _checked(name: str, where: str) -> str:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is no name for a plugin ({where}); use small letters, digits and underscores.")
    return name


def _described(file: Path) -> tuple[str, tuple[str, ...]]:
    """First line of the docstring, and names of the hooks, of a file that is not run. Nothing for a broken one."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return "", ()
    hooks = tuple(
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and any("hookimpl" in ast.unparse(mark) for mark in node.decorator_list)
    )
    return (ast.get_docstring(tree) or "").partition("\n")[0], hooks


def _import(plugin: Plugin) -> ModuleType:
    """Run a plugin's file. Its module's name has the path in it: two folders may have plugins of one name."""
    digest = hashlib.sha256(plugin.file.encode()).hexdigest()[:8]
    name = f"flamenco_plugin_{plugin.name}_{digest}"
    package = [str(Path(plugin.file).parent)] if Path(plugin.file).name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, plugin.file, submodule_search_locations=package)
    if spec is None or spec.loader is None:
        raise ImportError(f"{plugin.file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # msgspec looks up the types of a Struct's fields there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
