"""What people see in a browser beside the web page: the add-on, and that there is nothing at an address."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from falcon import testing

from flamenco import ApiResponse, Route
from flamenco.api.app import create_app
from flamenco.farm.context import Farm
from tests.integration.test_plugin_routes import app_with

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PROGRAMS = [{}, {"Accept": "*/*"}, {"Accept": "application/json"}]
NAME = "<script>alert('R&D')</script>"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Pages come out of no database, so one kind is enough."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


@pytest.fixture
def named_farm(make_farm: Callable[..., Farm]) -> Farm:
    """A farm with a name that would do harm if it were part of the page."""
    return make_farm(manager_name=NAME)


@pytest.fixture
def client(named_farm: Farm) -> testing.TestClient:
    """The application over that farm, called directly."""
    return testing.TestClient(create_app(named_farm))


@pytest.mark.parametrize("path", ["/sign-in", "/nothing", "/job-files/none"])
def test_pages_are_of_one_piece(client: testing.TestClient, path: str) -> None:
    """They load nothing from anywhere, run nothing, and are light or dark as the browser is."""
    page = client.simulate_get(path, headers=BROWSER)
    assert "color-scheme: light dark" in page.text
    assert not re.search(r"<script|<link|<img|src=|@import|url\(", page.text)
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["vary"] == "Accept"
    head = client.simulate_head(path, headers=BROWSER)
    assert (head.status_code, head.content) == (page.status_code, b"")
    assert head.headers["content-length"] == str(len(page.content))


def test_addresses_behind_a_proxy(client: testing.TestClient) -> None:
    """Below a path of a proxy, links lead below that, and nothing that a request says becomes part of the page."""
    page = client.simulate_get("/sign-in", headers=BROWSER | {"X-Forwarded-Prefix": '/farm"><script>'})
    assert 'action="/sign-in"' in page.text
    assert "<script>" not in page.text
    nothing = client.simulate_get("/nothing", headers=BROWSER | {"X-Forwarded-Prefix": "/farm"})
    assert 'href="/farm/"' in nothing.text


@pytest.mark.parametrize("path", ["/nothing", "/app/jobs", "/<script>", "/job-files/job-1/2/3", "/apis"])
def test_nothing_here(client: testing.TestClient, path: str) -> None:
    """Somebody in a browser is shown where there is something."""
    page = client.simulate_get(path, headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert 'href="/"' in page.text
    assert "<script>" not in page.text


@pytest.mark.parametrize("path", ["/", "/nothing", "/flamenco3-addon.zip", "/job-files/job-1/2/3"])
@pytest.mark.parametrize("headers", PROGRAMS)
def test_programs_get_json(client: testing.TestClient, path: str, headers: dict[str, str]) -> None:
    """Who does not ask for a page gets an error as everywhere."""
    answer = client.simulate_get(path, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (404, 404)


@pytest.mark.parametrize("path", ["/api/nothing", "/api", "/api/v3/nothing", "/api/v3/jobs/"])
def test_the_api_speaks_json_to_all(client: testing.TestClient, path: str) -> None:
    """Below `/api` a browser gets JSON too: a page that uses the API asks from there."""
    answer = client.simulate_get(path, headers=BROWSER)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")


ADDONS = pytest.mark.parametrize("path", ["/flamenco3-addon.zip", "/flamenco-addon.zip"])


@ADDONS
def test_the_addon(client: testing.TestClient, named_farm: Farm, path: str) -> None:
    """The file that lies beside the manager is there for artists, whole or in parts."""
    named_farm.config.data_dir.mkdir(exist_ok=True)
    (named_farm.config.data_dir / "flamenco3-addon.zip").write_bytes(b"PK\x03\x04 and so on")
    whole = client.simulate_get(path, headers=BROWSER)
    assert (whole.status_code, whole.content) == (200, b"PK\x03\x04 and so on")
    assert whole.headers["content-type"] == "application/zip"
    assert 'filename="flamenco3-addon.zip"' in whole.headers["content-disposition"]
    part = client.simulate_get(path, headers={"Range": "bytes=1-2"})
    assert (part.status_code, part.content) == (206, b"K\x03")
    known = client.simulate_get(path, headers={"If-None-Match": whole.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


def test_another_addon(make_farm: Callable[..., Farm], tmp_path: Path) -> None:
    """A studio may keep it elsewhere, and call it otherwise."""
    (tmp_path / "ours.zip").write_bytes(b"ours")
    client = testing.TestClient(create_app(make_farm(addon_file=str(tmp_path / "ours.zip"))))
    assert client.simulate_get("/flamenco3-addon.zip").content == b"ours"


@ADDONS
def test_no_addon(client: testing.TestClient, path: str) -> None:
    """Where there is none, people and programs are told where to get it and where to put it."""
    for headers in (BROWSER, {}):
        answer = client.simulate_get(path, headers=headers)
        assert answer.status_code == 404
        assert "flamenco.blender.org" in answer.text
        assert "addon_file" in answer.text
        assert ('href="https://flamenco.blender.org/download/"' in answer.text) == (headers is BROWSER)


def test_pages_of_plugins_come_first(farm: Farm) -> None:
    """A plugin that has a page for people replaces ours."""
    theirs = ApiResponse(body="<p>ours", content_type="text/html")
    client = app_with(
        farm, *(Route(path=path, respond=lambda *_: theirs, summary="") for path in ("/", "/flamenco3-addon.zip"))
    )
    for path in ("/", "/flamenco3-addon.zip"):
        assert client.simulate_get(path, headers=BROWSER).text == "<p>ours"
