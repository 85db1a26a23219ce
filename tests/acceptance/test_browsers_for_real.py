"""A real Chromium in which an artist opens a stranger's page, beside a real manager: nothing comes of it."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Response, sync_playwright

from tests import length
from tests.acceptance.conftest import Manager, running_manager
from tests.acceptance.signing_in import PASSWORD, add_user, signed_in

TIMEOUT_MS = 30_000
JOB = {"name": "n", "type": "echo", "submitter_platform": "linux", "settings": {"message": "m"}}
STRANGER = "stranger.example"

FORM = """
<form method=post enctype=text/plain action={url}><input name='{before}' value='{after}'></form>
<script>document.forms[0].submit()</script>
"""
"""A form whose body is JSON, as nearly as a form can: the name of its field, `=`, and its value."""


class _Page(BaseHTTPRequestHandler):
    """The stranger's web server: an empty page, or what the address says that it shall say."""

    pages: ClassVar[dict[str, str]] = {}

    def do_GET(self) -> None:
        body = self.pages.get(self.path, "<!doctype html><title>cats</title>").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def stranger() -> Iterator[str]:
    """The URL of the stranger's site."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://{STRANGER}:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine; the stranger's names lead here, as a name server of theirs may have them do."""
    program = shutil.which("chromium")
    assert program, "this test needs Chromium; on Debian: apt install chromium"
    arguments = ["--no-sandbox", "--host-resolver-rules=MAP *.example 127.0.0.1"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=arguments)
        yield opened
        opened.close()


@pytest.fixture(scope="module", params=length.every(3, ["login", "lan", "open"]))
def shared_manager(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    """A manager in each mode, that an artist can sign in at."""
    folder = tmp_path_factory.mktemp("manager")
    add_user(folder / "data", "anna", "wrangler")
    with running_manager(folder, "--processes", "2", "--set", f"access.mode={request.param}") as running:
        yield running


@pytest.fixture
def page(browser: Browser, shared_manager: Manager) -> Iterator[Page]:
    """A tab of an artist who is signed in at the manager, and has nothing else open."""
    opened = browser.new_page()
    opened.set_default_timeout(TIMEOUT_MS)
    opened.goto(f"{shared_manager.url}/api/version")
    body = json.dumps({"name": "anna", "password": PASSWORD})
    assert opened.evaluate(SIGN_IN, [body]) == 200
    assert opened.evaluate("document.cookie") == ""
    yield opened
    opened.close()


SIGN_IN = """([body]) => fetch("/api/x/sign-in", {method: "POST", body, headers: {"Content-Type": "application/json"}})
    .then(answer => answer.status)"""


def jobs_of(manager: Manager) -> int:
    """How many jobs there are."""
    with signed_in(manager.url, "anna") as client:
        return len(client.get("/api/v3/jobs").json()["jobs"])


def is_to(manager: Manager, response: Response) -> bool:
    """Whether the manager has given this answer to something that a page wanted done."""
    return urlsplit(response.url).netloc == urlsplit(manager.url).netloc and response.request.method != "OPTIONS"


SEND = """([url, method, body]) => fetch(url, {method, mode: "no-cors", body}).then(() => "sent", String)"""


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/v3/jobs"), ("POST", "/api/x/dead-letters/discard")])
def test_a_page_of_somebody_else_sends_a_request(
    shared_manager: Manager, page: Page, stranger: str, method: str, path: str
) -> None:
    """One that a browser sends without asking first: it arrives, and is refused."""
    before = jobs_of(shared_manager)
    page.goto(stranger)
    with page.expect_response(lambda response: is_to(shared_manager, response)) as found:
        page.evaluate(SEND, [shared_manager.url + path, method, json.dumps(JOB)])
    assert found.value.status == 403
    assert jobs_of(shared_manager) == before


def test_a_form_of_somebody_else(shared_manager: Manager, page: Page, stranger: str) -> None:
    """A form that sends itself, with a body that is JSON: no job comes of it."""
    before = jobs_of(shared_manager)
    head, tail = json.dumps(JOB | {"metadata": {"a": "="}}).split("=")
    _Page.pages["/form"] = FORM.format(url=f"{shared_manager.url}/api/v3/jobs", before=head, after=tail)
    with page.expect_response(lambda response: is_to(shared_manager, response)) as found:
        page.goto(f"{stranger}/form")
    assert found.value.status == 403
    assert jobs_of(shared_manager) == before


def test_a_name_that_leads_here(shared_manager: Manager, page: Page) -> None:
    """A page whose name server says that it is the manager now is of one origin with it, and still gets nothing."""
    before = jobs_of(shared_manager)
    there = f"http://{STRANGER}:{urlsplit(shared_manager.url).port}"
    answer = page.goto(f"{there}/api/v3/jobs")
    assert answer
    assert answer.status == 421
    status = page.evaluate(
        """([url, body]) => fetch(url, {method: "POST", body}).then(answer => answer.status)""",
        [f"{there}/api/v3/jobs", json.dumps(JOB)],
    )
    assert status == 421
    assert jobs_of(shared_manager) == before


def test_our_own_page(shared_manager: Manager, page: Page) -> None:
    """What the manager's own page sends is carried out."""
    before = jobs_of(shared_manager)
    page.goto(f"{shared_manager.url}/api/version")
    status = page.evaluate(
        """([body]) => fetch("/api/v3/jobs", {method: "POST", body, headers: {"Content-Type": "application/json"}})
            .then(answer => answer.status)""",
        [json.dumps(JOB)],
    )
    assert status == 200
    assert jobs_of(shared_manager) == before + 1


def test_who_is_signed_in(shared_manager: Manager, page: Page, stranger: str) -> None:
    """The manager's own page is answered as to that one; what a stranger's page fetches is not, nor can it read it."""
    page.goto(f"{shared_manager.url}/api/version")
    who = "() => fetch('/api/x/me').then(answer => answer.json())"
    assert page.evaluate(who) == page.evaluate(who) | {"name": "anna", "role": "wrangler", "way": "session"}
    page.goto(stranger)
    from_there = page.evaluate(
        "([url]) => fetch(url, {credentials: 'include'}).then(answer => answer.text(), String)",
        [f"{shared_manager.url}/api/x/me"],
    )
    assert "anna" not in from_there
