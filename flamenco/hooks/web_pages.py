"""What plugins add to the web page: pages of their own, each an ES module beside the plugin."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from msgspec import Struct

_PATH: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_MODULE: Final = re.compile(r"[\w-][\w.-]*\.m?js", re.ASCII)


class WebPage(Struct, frozen=True, kw_only=True):
    """A page at `/plugins/<plugin>/<path>`, in the navigation under its `title`.

    `module` is a file, from the plugin's own folder on: an ES module whose default export is a component. It imports
    what it needs of the page from `../../ui.js`. `icon` is one of those that the page has.
    """

    path: str
    title: str
    module: str | Path
    icon: str = "plug"


class PluginPage(Struct, frozen=True, kw_only=True):
    """A page with the plugin that it is of, and where its module lies."""

    plugin: str
    page: WebPage
    file: Path


def problem_with_path(path: object) -> str:
    """What is wrong with the path of a page; empty for nothing."""
    fits = isinstance(path, str) and _PATH.fullmatch(path)
    return "" if fits else f"path is {path!r:.100}, expected small letters, digits, - and _, such as 'usage'"


def problem_with_module(module: object) -> str:
    """What is wrong with the name of a module; empty for nothing."""
    fits = isinstance(module, str | Path) and _MODULE.fullmatch(Path(module).name)
    return "" if fits else f"module is {module!r:.100}, expected the name of a file, such as 'usage.js'"
