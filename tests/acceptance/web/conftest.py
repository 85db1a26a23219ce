"""A browser for all modules, a tab for each test, in which nothing may go wrong unseen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tests.acceptance.conftest import running_manager
from tests.acceptance.test_faults import running_workers
from tests.acceptance.web.farms import LookedAt, looked_at

PATIENCE_MS = 20_000


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine."""
    program = shutil.which("chromium")
    assert program, "this test needs Chromium; on Debian: apt install chromium"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LookedAt]:
    """A manager with two workers, for all tests of a module."""
    folder = tmp_path_factory.mktemp("farm")
    with (
        running_manager(folder, "--processes", "2") as manager,
        running_workers(folder, manager.url, 2),
        looked_at(manager) as farm,
    ):
        yield farm


class Trouble:
    """What went wrong in a tab: errors of scripts, of the policy, of requests, and whatever came from elsewhere."""

    def __init__(self, page: Page, url: str, expected: Sequence[str] = ()) -> None:
        self._expected = expected
        self.found: list[str] = []
        self._url = url
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.found.append(f"{error}"))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(each in message.text for each in self._expected):
            self.found.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self._url, "data:", "blob:")):
            self.found.append(f"asked {request.url}")


@pytest.fixture
def expected() -> list[str]:
    """What a test says that the console will say: browsers tell there of every request that is refused."""
    return []


@pytest.fixture
def page(browser: Browser, farm: LookedAt, expected: list[str]) -> Iterator[Page]:
    """A tab on a wide screen. Nothing may have been said to the console at the end, nor asked of anybody else."""
    context = browser.new_context(base_url=farm.manager.url, viewport={"width": 1400, "height": 850})
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    trouble = Trouble(opened, farm.manager.url, expected)
    yield opened
    context.close()
    assert trouble.found == []


def until(page: Page, expression: str) -> None:
    """Wait until an expression is true in the page, looked at with each frame that is drawn.

    Playwright's own way has the page evaluate a text, which its policy forbids.
    """
    look = f"const look = () => ({expression}) ? done() : requestAnimationFrame(look); look();"
    page.evaluate(f"() => new Promise((done) => {{ {look} }})")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures of the page are kept, for people to look at."""
    return tmp_path_factory.mktemp("pictures")
