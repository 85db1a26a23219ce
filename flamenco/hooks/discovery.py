"""Finds plugins: those that are installed, those in a studio's folder, and the shipped ones. Loads what is chosen.

Installed plugins and those in the folder are meant to be used, so they are enabled unless the configuration says no;
the shipped ones are off until it says yes. Looking for plugins imports none of them.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import keyword
import os
import re
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, metadata
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
_NO_PLUGIN = re.compile(r"[._].*|test_.*|conftest")


_MODULE = re.compile(r"flamenco_plugin_(\w+)_[0-9a-f]{8}\b")
"""What the modules of plugins in a folder are called; see `_import`."""


class PluginError(ConfigError):
    """A plugin is wrong. The text names it, and says where in it and why; `plugin` is its name."""

    def __init__(self, message: str, plugin: str) -> None:
        super().__init__(message)
        self.plugin = plugin


class Plugin(Struct, frozen=True, kw_only=True):
    """A plugin that is there. `file` is empty when it is not known before it is loaded; so is `version`.

    `summary` is the first line of its docstring, `hooks` are those it implements, as far as its file tells. `problem`
    is why it cannot be used, a sentence; empty while nobody found one.
    """

    name: str
    origin: Origin
    file: str = ""
    version: str = ""
    summary: str = ""
    hooks: tuple[str, ...] = ()
    enabled: bool = False
    problem: str = ""
    entry_point: EntryPoint | None = None


def find(shipped: Path | None, folder: Path | None, version: str = "") -> dict[str, Plugin]:
    """Every plugin by name. `version` is that of the shipped ones.

    One that is installed or in the folder takes the place of a shipped one of its name. Any other name that is there
    twice is a `problem`, as is a name that could be no key of a configuration. Raises `ConfigError` for a folder that
    cannot be read.
    """
    found = {plugin.name: plugin for plugin in _in_folder(shipped, "shipped", version)}
    own: dict[str, Plugin] = {}
    for plugin in (*_installed(), *_in_folder(folder, "folder")):
        if other := own.get(plugin.name):
            where = " and ".join(each.file or each.origin for each in (other, plugin))
            problem = f"There are two plugins {plugin.name!r}: {where}; remove or rename one of them."
            plugin = replace(other, problem=problem)  # noqa: PLW2901 (neither of them can be meant)
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
    """Import the plugin. Raises `PluginError` naming its file, and the line where it went wrong."""
    if plugin.problem:
        raise PluginError(plugin.problem, plugin.name)
    try:
        module: object = plugin.entry_point.load() if plugin.entry_point else _import(plugin)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        own = (PROJECT, plugin.entry_point.module.partition(".")[0] if plugin.entry_point else "")
        if missing in own:
            raise _unloadable(plugin, error) from error
        raise PluginError(
            f"The plugin {plugin.name!r} ({place_of(error, plugin.file)}) needs the Python package {missing}, which "
            f"is not installed: `pip install {_distribution(plugin, missing)}`, or leave the plugin out with "
            f"{DISABLE_VARIABLE}={plugin.name}.",
            plugin.name,
        ) from error
    except (Exception, SystemExit) as error:
        raise _unloadable(plugin, error) from error
    _check_version(plugin, getattr(module, "requires_hooks", HOOKS_VERSION))
    return module


def _unloadable(plugin: Plugin, error: BaseException) -> PluginError:
    return PluginError(
        f"The plugin {plugin.name!r} cannot be loaded ({place_of(error, plugin.file)}): {one_line(error)}; mend it, or "
        f"leave it out with {DISABLE_VARIABLE}={plugin.name}.",
        plugin.name,
    )


def _distribution(plugin: Plugin, package: str) -> str:
    """What to install for a plugin that lacks a package: for a shipped one there may be an extra of its name."""
    try:
        extras = metadata("flamenco-farm").get_all("Provides-Extra") or []
    except PackageNotFoundError:
        extras = []
    return f"'flamenco-farm[{plugin.name}]'" if plugin.origin == "shipped" and plugin.name in extras else package


def owner_of(function: object) -> str:
    """The plugin that a function is of, as far as its module tells: an installed one by its package, the core empty."""
    module = getattr(function, "__module__", None) or ""
    found = _MODULE.match(module)
    package = module.partition(".")[0]
    return found[1] if found else "" if package == PROJECT else package


def docstring_of(plugin: Plugin) -> str:
    """The docstring in the plugin's file, which is not run; empty where there is none, or no file that can be read."""
    try:
        tree = _parsed(Path(plugin.file).read_bytes()) if plugin.file else None
    except OSError:
        return ""
    return (ast.get_docstring(tree) or "") if tree else ""


def place_of(error: BaseException, file: str) -> str:
    """Where in a plugin an error came up: its file, and the line where it was left for the last time."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    top = Path(file).parent if Path(file).name == "__init__.py" else Path(file)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if file and (frame.filename == file or Path(frame.filename).is_relative_to(top)):
            return f"{frame.filename}, line {frame.lineno}"
    return file or "<no file>"


def one_line(error: BaseException) -> str:
    """The kind of an error and its text, on one line."""
    text = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _check_version(plugin: Plugin, needed: object) -> None:
    who = f"The plugin {plugin.name!r} ({plugin.file or '<no file>'})"
    match needed:
        case (int() as major, int() as minor):
            if major != HOOKS_VERSION[0] or minor > HOOKS_VERSION[1]:
                has = ".".join(map(str, HOOKS_VERSION))
                raise PluginError(
                    f"{who} needs version {major}.{minor} of the hooks, and here is {has}; get another version of the "
                    f"plugin or of Flamenco, or leave it out with {DISABLE_VARIABLE}={plugin.name}.",
                    plugin.name,
                )
        case _:
            raise PluginError(
                f"{who}: requires_hooks is {needed!r}; write the version of the hooks, such as {HOOKS_VERSION}.",
                plugin.name,
            )


def _installed() -> Iterator[Plugin]:
    for entry_point in sorted(entry_points(group=PROJECT)):
        name = entry_point.name.replace("-", "_")
        spec = _spec_of(entry_point.module)
        file = (spec.origin if spec else "") or ""
        summary, hooks = _described(Path(file)) if file else ("", ())
        yield Plugin(
            name=name,
            problem=problem_with_name(name, f"entry point {entry_point.name} = {entry_point.value}"),
            origin="installed",
            file=file,
            version=entry_point.dist.version if entry_point.dist else "",
            summary=summary,
            hooks=hooks,
            entry_point=entry_point,
        )


def _spec_of(module: str) -> ModuleSpec | None:
    """Where a module is; nothing is imported for it, not even the packages it is in. None when it cannot be told."""
    path: Sequence[str] | None = None
    spec = None
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        name = ".".join(parts[:count])
        try:
            found = (finder.find_spec(name, path) for finder in sys.meta_path)
            spec = next(filter(None, found), None)
            path = list(spec.submodule_search_locations or ()) if spec else None
        except Exception:  # of a finder that somebody installed; told when the plugin is loaded
            return None
        if spec is None:
            return None
    return spec


def _in_folder(folder: Path | None, origin: Origin, version: str = "") -> Iterator[Plugin]:
    """The plugins right in `folder`: a file or a package each. What begins with _, . or test_ is none."""
    try:
        if folder is None or not folder.is_dir():
            return
        names = sorted(os.listdir(folder))  # noqa: PTH208 (names only)
    except OSError as error:
        raise ConfigError(f"The folder of plugins {folder} cannot be read: {error.strerror}.") from error
    for name in names:
        path = folder / name
        if not may_be_plugin(name.removesuffix(".py")):
            continue
        file = path if path.suffix == ".py" else path / "__init__.py"
        problem = problem_with_name(name.removesuffix(".py"), str(path))
        if path.suffix != ".py" and not file.is_file():
            if not _has_python(path):
                continue
            problem = f"The folder {path} has Python files and no __init__.py; add that, and {name!r} is a plugin."
        summary, hooks = _described(file)
        yield Plugin(
            name=name.removesuffix(".py"),
            problem=problem,
            origin=origin,
            file=str(file),
            version=version,
            summary=summary,
            hooks=hooks,
        )


def _has_python(path: Path) -> bool:
    """Whether a folder has a file in it that could be a part of a plugin."""
    try:
        return path.is_dir() and any(may_be_plugin(each.stem) for each in path.glob("*.py"))
    except OSError:
        return False


def may_be_plugin(name: str) -> bool:
    """Whether a file or folder of this name, without `.py`, is taken for a plugin, rather than for tests or hidden."""
    return not _NO_PLUGIN.fullmatch(name)


def check_name(name: str, where: str) -> str:
    """Give the name back. Raises `ConfigError` for one that could not be used as `config.plugins.<name>`."""
    if problem := problem_with_name(name, where):
        raise ConfigError(problem)
    return name


def problem_with_name(name: str, where: str) -> str:
    """Why a plugin cannot be called so; empty where it can."""
    if not _NAME.fullmatch(name) or keyword.iskeyword(name) or hasattr(Mapping, name):
        return (
            f"{name!r} is no name for a plugin ({where}); use small letters, digits and underscores, and no word of "
            "Python."
        )
    return ""


def _described(file: Path) -> tuple[str, tuple[str, ...]]:
    """First line of the docstring, and names of the hooks, of a file that is not run. Nothing for a broken one."""
    try:
        return _outline(file.read_bytes())
    except OSError:
        return "", ()


@lru_cache(maxsize=64)  # whoever reads a configuration looks at all plugins again, which hardly ever change
def _outline(source: bytes) -> tuple[str, tuple[str, ...]]:
    tree = _parsed(source)
    if tree is None:
        return "", ()
    hooks = tuple(
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and any("hookimpl" in ast.unparse(mark) for mark in node.decorator_list)
    )
    return (ast.get_docstring(tree) or "").partition("\n")[0], hooks


def _parsed(source: bytes) -> ast.Module | None:
    """A file's syntax tree, None for a broken one: what is wrong with it is told when it is loaded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about strings, for their author, who sees them when it is loaded
            return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


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
        for part in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
            del sys.modules[part]
        raise
    return module
