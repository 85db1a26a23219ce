"""Follows every link within a site that lies in a folder: to files, and to places in pages. Asks no network.

`python scripts/site_links.py FOLDER` prints what leads nowhere, and ends with 1 if anything does. Links to elsewhere
have to be of https; whether anybody answers there is not asked.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The places that a page has, and the links in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.places: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what this tag has of either."""
        for name, value in attrs:
            if name == "id" and value:
                self.places.add(value)
            elif value is not None and (name == "href" or (name == "src" and tag != "iframe")):
                self.links.append(value)
            elif value and name == "srcset":
                self.links += [each.split()[0] for each in value.split(",")]


def dead(site: Path) -> Iterator[str]:
    """What leads nowhere, with the page that it is on."""
    files = [file for file in site.rglob("*.html") if "_static" not in file.parts]
    pages = {file: Page(file.read_text("utf-8")) for file in files}
    for file, page in pages.items():
        for link in dict.fromkeys(page.links):
            if why := _why_dead(file, link, pages):
                yield f"{file.relative_to(site)}: {link}: {why}"


def _why_dead(file: Path, link: str, pages: dict[Path, Page]) -> str:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return "" if parts.scheme in ("https", "mailto", "data") else "elsewhere, and not by https"
    target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
    if not target.is_file():
        return "there is no such file"
    if parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].places:
        return "there is no such place in it"
    return ""


def main() -> None:
    """Look, and tell."""
    site = Path(sys.argv[1]).resolve()
    found = sorted(dead(site))
    for each in found:
        print(each, file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
