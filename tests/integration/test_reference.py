"""The API's own manual: every operation and every type is in it, and whatever they say is text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from falcon import testing

from flamenco.api.app import create_app
from flamenco.api.openapi import document
from flamenco.api.reference import rendered
from flamenco.api.routes import SURFACES
from flamenco.farm.context import Farm


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """It comes out of no database, so one kind is enough."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


@pytest.fixture
def client(farm: Farm) -> testing.TestClient:
    """The application, called directly."""
    return testing.TestClient(create_app(farm))


@pytest.mark.parametrize("name", SURFACES)
def test_everything_is_there(client: testing.TestClient, name: str) -> None:
    """Each operation with its path, each type with its fields; and each link leads somewhere on the page."""
    page = client.simulate_get(f"/api/docs/{name}")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    described = document(SURFACES[name])
    ids = re.findall(r' id="([^"]+)"', page.text)
    assert len(ids) == len(set(ids))
    for path, methods in described["paths"].items():
        assert f"<code>{path}</code>" in page.text
        assert {operation["operationId"] for operation in methods.values()} <= set(ids)
    assert {f"type-{kind}" for kind in described["components"]["schemas"]} <= set(ids)
    assert set(re.findall(r'href="#([^"]+)"', page.text)) <= set(ids)
    assert not re.search(r"<script|<link|<img|src=|url\(", page.text)


def test_the_way_there(client: testing.TestClient) -> None:
    """From one page to all of them, below a proxy's path as well; what there is not is said as in the API."""
    page = client.simulate_get("/api/docs", headers={"X-Forwarded-Prefix": "/farm"})
    links = re.findall(r'href="/farm(/[^"]+)"', page.text)
    assert len(links) == 2 * len(SURFACES)
    assert {client.simulate_get(link).status_code for link in links} == {200}
    assert client.simulate_get("/api/docs/v2").status_code == 404
    assert client.simulate_head("/api/docs").status_code == 200


def test_what_is_said_is_text() -> None:
    """A plugin or a studio may have descriptions with signs that would be markup."""
    hostile = "<img src=x onerror=alert(1)> & \"'"
    schema = {"type": "string", "description": hostile, "pattern": hostile, "default": hostile, "enum": [hostile]}
    operation = {
        "operationId": "it",
        "summary": hostile,
        "tags": [hostile],
        "x-access": "view",
        "parameters": [{"name": hostile, "in": "query", "required": False, "schema": schema}],
        "responses": {"200": {"description": hostile}},
    }
    described = {
        "paths": {f"/api/{hostile}": {"get": operation}},
        "components": {"schemas": {"Thing": {"description": hostile, "properties": {hostile: schema}}}},
    }
    page = "".join(rendered(described))
    assert "<img" not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt; &amp; &quot;&#x27;") > 8
