"""What `scripts/docs` holds a site to once it is built: scripts/site_links.py finds what leads nowhere."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from tests.docs.manual import ROOT

dead = runpy.run_path(str(ROOT / "scripts" / "site_links.py"))["dead"]


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ('<a href="below/other.html">', ""),
        ('<a href="below/other.html#there">', ""),
        ('<a href="#here">', ""),
        ('<a href="https://example.org/x#y">', ""),
        ('<img src="below/picture%20one.png">', ""),
        ('<a href="gone.html">', "gone.html: there is no such file"),
        ('<a href="below">', "below: there is no such file"),
        ('<a href="below/other.html#gone">', "below/other.html#gone: there is no such place in it"),
        ('<a href="#gone">', "#gone: there is no such place in it"),
        ('<source srcset="gone.png 2x">', "gone.png: there is no such file"),
        ('<a href="http://example.org">', "http://example.org: elsewhere, and not by https"),
    ],
)
def test_what_leads_nowhere_is_found(tmp_path: Path, link: str, why: str) -> None:
    """Files, places in pages, pictures; elsewhere nobody is asked."""
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "picture one.png").touch()
    (tmp_path / "below" / "other.html").write_text('<p id="there"><a href="../index.html">back</a>')
    (tmp_path / "index.html").write_text(f'<p id="here">{link}')
    assert list(dead(tmp_path)) == ([f"index.html: {why}"] if why else [])
