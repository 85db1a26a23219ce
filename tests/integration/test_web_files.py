"""The files of the web page as the manager sends them: from anywhere, kept for ever, and nothing of anybody else."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import pytest
from falcon import testing

from flamenco.api.app import create_app
from flamenco.farm.context import Farm
from flamenco.web.addresses import VIEWS
from flamenco.web.assets import STATIC, Assets
from tests.integration.test_pages import BROWSER, PROGRAMS

NAME = "<script>alert('R&D')</script>"
MOST_PACKED_KB = 120
LINK = re.compile(r'(?:href|src)="([^"]+)"')
MODULE = re.compile(r'(?:from|import\()\s*"([^"\n]+)"')


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """The page comes out of no database, so one kind is enough."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


@pytest.fixture
def client(make_farm: Callable[..., Farm]) -> testing.TestClient:
    """The application over a farm with a name that would do harm if it were part of the page, called directly."""
    return testing.TestClient(create_app(make_farm(manager_name=NAME)))


def filled(view: str) -> str:
    """The path of a view, with something in place of each variable."""
    return re.sub(r"\{\w+\}", "some-id", view)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("above", ["", "/tools/farm"])
def test_every_view_finds_its_files(client: testing.TestClient, view: str, above: str) -> None:
    """From whatever address one begins, below a proxy's path as well, all that the document names is there."""
    path = filled(view)
    page = client.simulate_get(path, headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    base = re.search(r'<base href="([^"]+)">', page.text)
    assert base is not None
    start = urljoin(f"http://farm{above}{path}", base[1])
    assert start == f"http://farm{above}/"
    links = [link for link in LINK.findall(page.text) if link != base[1]]
    assert len(links) > 10
    for link in links:
        at = urljoin(start, link)
        assert client.simulate_get(at.removeprefix(f"http://farm{above}")).status_code == 200, link


def test_the_document(client: testing.TestClient) -> None:
    """It says nothing that somebody made up, asks for nothing from elsewhere, and is asked for anew each time."""
    page = client.simulate_get("/", headers=BROWSER)
    assert NAME not in page.text
    assert "&lt;script&gt;alert(&#x27;R&amp;D&#x27;)&lt;/script&gt;" in page.text
    assert page.headers["cache-control"] == "no-cache"
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'self'; img-src 'self' data: blob:;")
    assert "frame-ancestors 'none'" in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert not re.search(r"<script(?![^>]*\bsrc=)", page.text)
    head = client.simulate_head("/", headers=BROWSER)
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("headers", PROGRAMS)
def test_programs_get_json(client: testing.TestClient, headers: dict[str, str]) -> None:
    """Who does not ask for a page gets an error as everywhere."""
    answer = client.simulate_get("/jobs", headers=headers)
    assert (answer.status_code, answer.json["code"]) == (404, 404)


def test_files_are_kept_for_ever(client: testing.TestClient) -> None:
    """Packed for who can unpack; under the name of what is in them all, so none can be of another version."""
    assets = Assets()
    path = f"/web/{assets.version}/app/main.js"
    packed = client.simulate_get(path, headers={"Accept-Encoding": "gzip, br"})
    assert packed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert packed.headers["content-type"] == "text/javascript; charset=utf-8"
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "Accept-Encoding"
    plain = client.simulate_get(path)
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(packed.content) == plain.content
    assert plain.content.splitlines()[-1:] == (STATIC / "app" / "main.js").read_bytes().splitlines()[-1:]
    for other in ("/web/0123456789abcdef/app/main.js", f"/web/{assets.version}/index.html", f"/web/{assets.version}/x"):
        assert client.simulate_get(other).status_code == 404
    for outside in ("../resources.py", "%2e%2e/resources.py", "..%2fresources.py", "/etc/passwd"):
        assert client.simulate_get(f"/web/{assets.version}/{outside}").status_code == 404


def test_another_content_is_another_version(tmp_path: Path) -> None:
    """Also when only names change."""
    (tmp_path / "a.js").write_text("1")
    one = Assets(tmp_path).version
    (tmp_path / "a.js").rename(tmp_path / "b.js")
    other = Assets(tmp_path).version
    (tmp_path / "b.js").write_text("2")
    assert len({one, other, Assets(tmp_path).version}) == 3


def test_modules_are_there() -> None:
    """Each module imports by relative paths, and only what is there."""
    known = Assets().by_path
    for name, asset in known.items():
        if not name.endswith(".js"):
            continue
        for imported in MODULE.findall(asset.plain.decode()):
            assert imported.startswith("."), (name, imported)
            path = urljoin(f"/{name}", imported).lstrip("/")
            # Types are for editors.
            assert path in known or (path.endswith(".d.ts") and (STATIC / path).is_file()), (name, imported)


def test_scripts_and_styles_are_small() -> None:
    """All that is loaded, compressed, also what only some views need."""
    sizes = {
        name: len(asset.packed or asset.plain)
        for name, asset in Assets().by_path.items()
        if name.endswith((".js", ".css"))
    }
    assert sum(sizes.values()) <= MOST_PACKED_KB * 1024, sizes
