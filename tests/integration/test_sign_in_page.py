"""Signing in leads back to where one was in the page, and nowhere else, whatever a link to it says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from falcon import testing

from flamenco import ApiResponse, Authenticator, Identity, Route, hookimpl
from flamenco.api.app import create_app
from flamenco.domain.access import Role
from flamenco.farm.context import Farm
from flamenco.web.addresses import VIEWS, on_the_page
from tests import length
from tests.integration.entering import PASSWORD, access, add_user
from tests.integration.test_pages import BROWSER

WITHIN = [
    *("/", "/jobs", "/jobs?status=failed&status=active&q=%C3%A4%20b", "/users", "/me", "/wall"),
    "/jobs/6f1c3c3e-4d7e-4f0b-9a55-0d3d1f0e9b1a/tasks/6f1c3c3e-4d7e-4f0b-9a55-0d3d1f0e9b1a?tab=log",
    *("/submit/simple-blender-render", "/workers?next=//evil.example"),
]
ELSEWHERE = [
    *("//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example/jobs"),
    *("javascript:alert(1)", "data:text/html,x", "evil.example", "jobs", "", "?q", "#"),
    *("/jobs/../../evil", "/jobs/..", "/jobs/.", "/jobs/%2e%2e", "/jobs/%2E%2E/tasks/x", "/jobs//tasks/x"),
    *("/jobs\r\nSet-Cookie: a=b", "/jobs?x=\r\nX-Bad: 1", "/jobs\n", "/jobs\t", "/ /evil.example", "/jobs\0"),
    *("/api/version", "/api/x/sign-out", "/sign-in", "/sign-in?next=/jobs", "/t/flt_a_b/jobs", "/web/ui.js"),
    *("/flamenco3-addon.zip", "/jobs#@evil.example", "/jobs;@evil.example/..", "/jöbs", "/jobs?q=ö", "/nowhere"),
    *("/@evil.example", "/.evil.example", "/jobs/x/tasks/y/z", f"/jobs?q={'x' * 5000}", "/\u2028/evil.example"),
]


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Which database there is makes no difference to where one is led."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


@pytest.fixture
def client(make_farm: Callable[..., Farm]) -> testing.TestClient:
    """A manager with a user, called directly."""
    farm = make_farm(**access("login"))
    add_user(farm, "anna", Role.ARTIST)
    return testing.TestClient(create_app(farm))


def sign_in(client: testing.TestClient, to: str, password: str = PASSWORD, **headers: str) -> testing.Result:
    """Fill in the form that a link with `next` leads to, and send it."""
    body = urlencode({"name": "anna", "password": password, "link": "", "next": to})
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return client.simulate_post("/sign-in", body=body, headers=BROWSER | form | headers)


def kept(page: testing.Result) -> str:
    """Where the form says that one is to go."""
    found = re.search(r'name="next" value="([^"]*)"', page.text)
    assert found is not None
    return unescape(found[1])


@pytest.mark.parametrize("to", WITHIN)
def test_it_leads_back(client: testing.TestClient, to: str) -> None:
    """The form keeps the address, also after a wrong password; with the right one, one is there."""
    page = client.simulate_get("/sign-in", params={"next": to}, headers=BROWSER)
    assert kept(page) == to
    wrong = sign_in(client, to, "wrong")
    assert (wrong.status_code, kept(wrong)) == (403, to)
    answer = sign_in(client, to)
    assert (answer.status_code, answer.headers["location"]) == (303, to)


@pytest.mark.parametrize("to", length.every(4, ELSEWHERE))
def test_it_leads_nowhere_else(client: testing.TestClient, to: str) -> None:
    """To no other host and to nothing of the manager that is none of the page: to the first view instead."""
    assert kept(client.simulate_get("/sign-in", params={"next": to}, headers=BROWSER)) == "/"
    answer = sign_in(client, to)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "x-bad" not in answer.headers
    assert set(answer.cookies) == {"flamenco_session"}


def test_below_a_path_of_a_proxy(client: testing.TestClient) -> None:
    """The address is that below the manager's own, wherever a proxy has put it."""
    answer = sign_in(client, "/jobs?q=x", **{"X-Forwarded-Prefix": "/tools/farm"})
    assert answer.headers["location"] == "/tools/farm/jobs?q=x"


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_can_be_come_back_to(view: str) -> None:
    """None is forgotten."""
    address = re.sub(r"\{\w+\}", "some-id.x", view)
    assert on_the_page(address) == address


class SignsIn:
    """A plugin with a page where people sign in, who come back from it at once."""

    @hookimpl
    def authenticators(self) -> Iterator[Authenticator]:
        """The button."""
        yield Authenticator(name="door", description="", sign_in="/api/x/door/in")

    @hookimpl
    def api_routes(self) -> Iterator[Route]:
        """The page."""
        answer = ApiResponse(status=303, location="/", sign_in=Identity(name="dora", role="viewer"))
        yield Route(path="in", respond=lambda *_: answer, summary="", access="public")


@pytest.mark.parametrize(("to", "led"), [("/jobs?q=a+b&x=%C3%A4", "/jobs?q=a+b&x=%C3%A4"), ("//evil.example", "/")])
def test_who_signs_in_by_a_plugin_is_led_back_too(make_farm: Callable[..., Farm], to: str, led: str) -> None:
    """The browser keeps where that was; what somebody else has it keep leads nowhere else."""
    farm = make_farm(**access("login"))
    farm.hooks.register(SignsIn(), "door", "folder")
    farm.authenticators = farm.hooks.authenticators(farm.config)
    client = testing.TestClient(create_app(farm))
    page = client.simulate_get("/sign-in", params={"next": to}, headers=BROWSER)
    cookie = page.cookies["flamenco_next"]
    assert cookie.http_only
    answer = client.simulate_get("/api/x/door/in", headers=BROWSER | {"Cookie": f"flamenco_next={cookie.value}"})
    assert (answer.status_code, answer.headers["location"]) == (303, led)
    for harm in ELSEWHERE[:5]:
        kept = quote(harm, safe="")
        answer = client.simulate_get("/api/x/door/in", headers=BROWSER | {"Cookie": f"flamenco_next={kept}"})
        assert answer.headers["location"] == "/", harm
