"""How Sphinx makes a site of the manuals; `scripts/docs` runs it, with the checkout as the folder of sources.

The pages stay the Markdown that people read in the repository. What a site needs besides is made here: the order of
the pages out of the lists in docs/index.md, the API in full out of its own description, and a first page at the root.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from flamenco import __version__
from flamenco.api.openapi import document
from flamenco.api.reference import rendered
from flamenco.api.routes import SURFACES

project = "Flamenco"
html_title = f"Flamenco {__version__}"
html_theme = "furo"
html_copy_source = False
smartquotes = False  # of `--listen`, nothing is to be an en dash
extensions = ["myst_parser"]
myst_heading_anchors = 4  # links to headings are written as they are for the repository
nitpicky = True

root_doc = "docs/index"
include_patterns = [
    "docs/*.md",
    "jobtypes/README.md",
    "plugins/README.md",
    "SECURITY.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
]
exclude_patterns = [".*", "benchmarks", "build", "dist", "flamenco", "scripts", "tests"]

OPERATIONS = "docs/operations"
"""The page that has all operations in a line each, and leads to those in full."""

FIRST = f'<!DOCTYPE html><title>Flamenco</title><meta http-equiv="refresh" content="0; url={root_doc}.html">'

_SECTION = re.compile(r"^## (.+)\n((?:(?!^## ).*\n)*)", re.MULTILINE)
_LISTED = re.compile(r"^- \[[^]]+\]\(([^)#]+)\.md\)", re.MULTILINE)


def contents(index: str) -> Iterator[str]:
    """The tables of contents that the lists of the first page stand for, one for each of its sections."""
    for title, section in _SECTION.findall(index):
        pages = [posixpath.normpath(f"/docs/{page}") for page in _LISTED.findall(section)]
        yield "\n".join(["", "```{toctree}", ":hidden:", f":caption: {title}", "", *pages, "```", ""])


def complete(_app: Sphinx, docname: str, source: list[str]) -> None:
    """Add what a page has on the site alone."""
    if docname == root_doc:
        source[0] += "".join(contents(source[0]))
    elif docname == OPERATIONS:
        links = "".join(
            f'<li><a href="../api/{name}.html">{escape(surface.title)}</a></li>' for name, surface in SURFACES.items()
        )
        source[0] += f"\n## In full\n\nWith parameters, bodies, answers and types:\n\n<ul>{links}</ul>\n"


def api_pages(_app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Each part of the API as a manager shows it at `/api/docs`."""
    for name, surface in SURFACES.items():
        body = "".join(rendered(document(surface)))
        yield f"api/{name}", {"title": surface.title, "body": f"<h1>{escape(surface.title)}</h1>{body}"}, "page.html"


def finish(app: Sphinx, error: Exception | None) -> None:
    """What Sphinx does not know to belong to the site: pictures that are HTML, and where to begin."""
    if error is None:
        shutil.copytree(
            Path(app.srcdir) / "docs" / "pictures", Path(app.outdir) / "docs" / "pictures", dirs_exist_ok=True
        )
        (Path(app.outdir) / "index.html").write_text(FIRST, "utf-8")


def setup(app: Sphinx) -> None:
    """Have Sphinx call these."""
    app.connect("source-read", complete)
    app.connect("html-collect-pages", api_pages)
    app.connect("build-finished", finish)
