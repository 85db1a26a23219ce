"""A proxy says who is signed in: believed when it is one that is trusted, and from nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flamenco.bootstrap import create_farm, prepare
from flamenco.cli.configuration import configure
from flamenco.domain.access import Role
from flamenco.farm import users
from flamenco.farm.context import Farm
from tests.integration.entering import Client

PROXY = "10.0.0.2"


@pytest.fixture
def farm(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Farm]:
    """The farm of a manager in mode login behind a proxy."""
    own: dict[str, Any] = getattr(request, "param", {"role": "artist", "roles": {"root": "admin"}})
    content = {
        "access": {"mode": "login", "proxy": {"trusted": [PROXY]}},
        "plugins": {"proxy_header": own},
        "data_dir": str(tmp_path),
    }
    (tmp_path / "flamenco-manager.yaml").write_text(json.dumps(content))
    loaded = configure(tmp_path / "flamenco-manager.yaml", None)
    prepare(loaded.config, loaded.hooks)
    made = create_farm(loaded.config, loaded.hooks)
    yield made
    made.close()


def by(farm: Farm, name: str, address: str = PROXY, header: str = "X-Remote-User") -> Client:
    """Somebody whom the proxy names, who sits at their desk."""
    return Client(farm, {header: name, "X-Forwarded-For": "10.5.5.5"}, address)


def test_whom_the_proxy_names_is_signed_in(farm: Farm) -> None:
    """With the role that the settings have for them, and as a user of the farm, who can have tokens."""
    anna = by(farm, "anna")
    assert anna.get("/api/x/me").json == {"mode": "login", "role": "artist", "way": "plugin", "name": "anna"}
    assert by(farm, "root", header="x-remote-user").get("/api/x/me").json["role"] == "admin"
    made = anna.post("/api/x/tokens", {"name": "Blender", "role": "submit"}).json
    assert Client(farm, {"Authorization": f"Bearer {made['text']}"}).get("/api/x/me").json["name"] == "anna"
    assert [each.name for each in users.everybody(farm)] == ["anna", "root"]


@pytest.mark.parametrize("address", ["10.0.0.3", "127.0.0.1", "8.8.8.8"])
def test_from_anybody_else_the_header_says_nothing(farm: Farm, address: str) -> None:
    """Every client can send it."""
    assert by(farm, "root", address).get("/api/x/me").status_code == 401


def test_the_name_alone_is_no_token(farm: Farm) -> None:
    """Who was named by the proxy a moment ago is not whoever writes the same as a token."""
    assert by(farm, "root").get("/api/x/me").status_code == 200
    for text in ("root", "proxy_header admin root", "plugin proxy_header admin root"):
        assert Client(farm, {"Authorization": f"Bearer {text}"}).get("/api/x/me").status_code == 401


def test_no_name_is_nobody(farm: Farm) -> None:
    """The proxy passes on what needs no signing in."""
    assert by(farm, "").get("/api/x/me").status_code == 401


@pytest.mark.parametrize("farm", [{}], indirect=True)
def test_without_a_role_one_has_to_be_a_user(farm: Farm) -> None:
    """Otherwise everybody at the studio would be one."""
    refused = by(farm, "anna").get("/api/x/me")
    assert refused.status_code == 403
    assert "no user of this farm" in refused.json["message"]
    users.add(farm, "anna", Role.WRANGLER)
    assert by(farm, "anna").get("/api/x/me").json["role"] == "wrangler"


def test_a_token_goes_before_the_header(farm: Farm) -> None:
    """A program that runs as somebody is that program."""
    made = by(farm, "anna").post("/api/x/tokens", {"name": "t", "role": "submit"}).json
    client = Client(farm, {"Authorization": f"Bearer {made['text']}", "X-Remote-User": "root"}, PROXY)
    assert client.get("/api/x/me").json["role"] == "submit"
