"""The manuals hang together: each is in a list of the first page, and no link leads nowhere.

This is seen without Sphinx, in what people read in the repository; `scripts/docs` holds the site to the same.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.docs.manual import ROOT

INDEX = ROOT / "docs" / "index.md"
BESIDE = ("jobtypes/README.md", "plugins/README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md")
"""Pages of the site that lie beside what they are about."""

PAGES = [*sorted((ROOT / "docs").glob("*.md")), *(ROOT / name for name in BESIDE)]
READ = [*PAGES, ROOT / "README.md"]

PARTS = (
    *("install", "five-minutes", "storage", "from-flamenco", "workers", "submitting", "../jobtypes/README", "plugins"),
    *("settings", "worker-settings", "access", "operating", "troubleshooting", "api", "architecture"),
)
"""What whoever reads from the beginning comes by, in this order."""

_FENCED = re.compile(r"^(```|~~~).*?^\1$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`]*`")
_LINK = re.compile(r"(?<!!)\[[^]]*\]\(([^)\s]+)\)")
_HTML_LINK = re.compile(r"\b(?:src|srcset|href)=\"([^\"]+)\"")
_HEADING = re.compile(r"^#{1,4} (.+)$", re.MULTILINE)
_LISTED = re.compile(r"^- \[[^]]+\]\(([^)#]+)\)", re.MULTILINE)
_NO_PLACE = re.compile(r"[^\w\- ]")


def text_of(page: Path) -> str:
    """What a page says, without blocks of code."""
    return _FENCED.sub("", page.read_text("utf-8"))


def links(page: Path) -> list[str]:
    """Where its links lead, as they are written."""
    text = text_of(page)
    return [*_LINK.findall(_CODE.sub("`", text)), *_HTML_LINK.findall(text)]


def places(page: Path) -> set[str]:
    """Where in a page a link can lead: its headings, as forges and Sphinx call them."""
    slugs = [_NO_PLACE.sub("", title.strip().lower()).replace(" ", "-") for title in _HEADING.findall(text_of(page))]
    times = Counter[str]()
    found = set()
    for slug in slugs:
        found.add(f"{slug}-{times[slug]}" if times[slug] else slug)
        times[slug] += 1
    return found


def why_dead(page: Path, link: str) -> str:
    """What is wrong with a link on a page; empty for nothing. Whether others answer is not asked."""
    if ":" in link.partition("/")[0]:
        return "" if link.startswith("https://") else "not by https"
    path, _, place = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.is_file():
        return "there is no such file"
    if not target.is_relative_to(ROOT):
        return "that is not of this repository"
    return "there is no such heading" if place and place not in places(target) else ""


def test_every_page_is_listed() -> None:
    """Whoever adds a page puts it where people look for it: into a list of docs/index.md, of which the site is made."""
    listed = {(INDEX.parent / link).resolve() for link in _LISTED.findall(INDEX.read_text("utf-8"))}
    assert listed == {page.resolve() for page in PAGES} - {INDEX}


def test_pages_come_in_order() -> None:
    """First what one needs first."""
    listed = [link.removesuffix(".md") for link in _LISTED.findall(INDEX.read_text("utf-8"))]
    assert [link for link in dict.fromkeys(listed) if link in PARTS] == list(PARTS)


@pytest.mark.parametrize("page", READ, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_is_dead(page: Path) -> None:
    """Each leads to a file of the repository, and to a heading that is there."""
    assert [f"{link}: {why}" for link in links(page) if (why := why_dead(page, link))] == []


def test_every_page_begins_with_its_name() -> None:
    """One heading of the first level, at the top: it is what the page is called beside all others."""
    names = [re.findall(r"^# (.+)$", text_of(page), re.MULTILINE) for page in PAGES]
    assert all(len(found) == 1 for found in names)
    assert all(page.read_text("utf-8").startswith("# ") for page in PAGES)


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("install.md", ""),
        ("install.md#linux", ""),
        ("install.md#what-may-come-along", ""),
        ("#first-steps", ""),
        ("https://example.org/x#y", ""),
        ("http://example.org", "not by https"),
        ("../jobtypes", "there is no such file"),
        ("gone.md", "there is no such file"),
        ("install.md#solaris", "there is no such heading"),
        ("#gone", "there is no such heading"),
    ],
)
def test_dead_links_are_seen(link: str, why: str) -> None:
    """Or the tests above would hold of nothing."""
    assert why_dead(INDEX, link) == why
