"""The manager refuses what a stranger's web page would do by way of a browser, on every surface, in its words."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from falcon import testing

from flamenco.api.app import create_app
from flamenco.config.access_settings import AccessConfig, ProxyConfig
from flamenco.farm.context import Farm

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

JOB = {"name": "n", "type": "echo-sleep-test", "submitter_platform": "linux", "settings": {"message": "m"}}
UNSAFE = [
    ("POST", "/api/v3/jobs"),
    ("POST", "/api/v3/worker/register-worker"),
    ("PUT", "/api/v3/configuration/file"),
    ("DELETE", "/api/v3/jobs/6f1c3c3e-4d7e-4f0b-9a55-0d3d1f0e9b1a"),
    ("POST", "/api/jobs"),
    ("POST", "/api/x/dead-letters/discard"),
    ("POST", "/nowhere"),
]


def ask(farm: Farm, method: str, path: str, **headers: str) -> testing.Result:
    """Ask the manager, with headers whose names have underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return testing.TestClient(create_app(farm)).simulate_request(method, path, headers=named, json=JOB)


@pytest.mark.parametrize(("method", "path"), UNSAFE)
@pytest.mark.parametrize(
    "headers", [{"Sec_Fetch_Site": "cross-site"}, {"Origin": "http://evil.example"}, {"Origin": "null"}]
)
def test_a_page_of_somebody_else_changes_nothing(farm: Farm, method: str, path: str, headers: dict[str, str]) -> None:
    """Whatever it asks for, known or not: 403, before anything is done."""
    answer = ask(farm, method, path, Host="farm:8080", **headers)
    assert answer.status_code == 403
    assert "A web page from somewhere else" in answer.json["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec_Fetch_Site": "same-origin", "Origin": "http://farm:8080"},
        {"Origin": "http://farm:8080"},
        {"Sec_Fetch_Site": "same-site", "Origin": "http://localhost:8081"},
    ],
)
def test_our_pages_and_programs_do(farm: Farm, headers: dict[str, str]) -> None:
    """A page of the manager submits a job, as do those who are no browser, and today's interface in development."""
    assert ask(farm, "POST", "/api/v3/jobs", Host="farm:8080", **headers).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/api/version", "/api/v3/version", "/api/x/events", "/api/openapi.json", "/nowhere"]
)
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.nip.io", "", "\x1b[2J.example"])
def test_a_name_that_is_not_ours(farm: Farm, capfd: pytest.CaptureFixture[str], path: str, host: str) -> None:
    """Nothing can be read by it either; the sentence says what to set. It is logged once, and no terminal obeys it."""
    answer = ask(farm, "GET", path, Host=host)
    assert answer.status_code == 421
    assert "allowed_hosts: [" in answer.json["message"]
    assert "\x1b" not in answer.text + "".join(capfd.readouterr())


@pytest.mark.parametrize("host", ["farm", "farm:80", "10.0.0.1", "[fe80::1]:8080", "farm.local", socket.gethostname()])
def test_names_that_are_ours(farm: Farm, host: str) -> None:
    """Addresses, names that only this network can give, and what the machine is called."""
    assert ask(farm, "GET", "/api/version", Host=host).status_code == 200


def test_names_of_the_configuration(make_farm: Callable[..., Farm]) -> None:
    """What the administrator lists, and any at all where that says so."""
    listed: Any = make_farm(allowed_hosts=("Farm.Studio.Example",))
    assert ask(listed, "GET", "/api/version", Host="farm.studio.example:8080").status_code == 200
    assert ask(listed, "GET", "/api/version", Host="other.studio.example").status_code == 421
    every = make_farm(allowed_hosts=("*",))
    assert ask(every, "GET", "/api/version", Host="other.studio.example").status_code == 200


@pytest.mark.parametrize(("peer", "status"), [("10.0.0.2", 200), ("10.0.0.3", 403)])
def test_behind_a_proxy_the_host_is_what_that_was_asked_for(
    make_farm: Callable[..., Farm], peer: str, status: int
) -> None:
    """One that is trusted says so; others say nothing, and what they send is of another host then."""
    settings = AccessConfig(mode="open", proxy=ProxyConfig(trusted=("10.0.0.2",)))
    farm = make_farm(access=settings, public_url="https://farm.studio.com/flamenco")
    headers = {"Host": "127.0.0.1:8080", "X-Forwarded-Host": "farm.studio.com", "Origin": "https://farm.studio.com"}
    client = testing.TestClient(create_app(farm))
    answer = client.simulate_post("/api/v3/jobs", headers=headers, json=JOB, remote_addr=peer)
    assert answer.status_code == status
    assert client.simulate_get("/api/version", headers={"Host": "farm.studio.com"}).status_code == 200
