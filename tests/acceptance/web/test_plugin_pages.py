"""Pages of plugins: of one in a folder outside, as the manual shows; of some that are broken; and the shipped ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, Page, expect

from tests import length
from tests.acceptance.conftest import running_manager, wait_until
from tests.acceptance.test_faults import running_workers
from tests.acceptance.web.farms import HOSTILE, LookedAt, looked_at
from tests.acceptance.web.test_looks import axe, look_at
from tests.docs import manual

__all__ = ["axe"]

LIMITS_MS = 15_000
"""The page asks for the use of limits every five seconds at most, however much happens."""

BROKEN = """
from flamenco import WebPage, hookimpl

@hookimpl
def web_pages():
    for name in ("syntax", "throws", "later", "nothing", "imports"):
        yield WebPage(path=name, title=f"Broken: {name}", module=f"{name}.js")
"""
MODULES = {
    "syntax": "export default function (",
    "throws": "export default function Throws() { throw new Error('thrown by the plugin'); }",
    "later": """
        import { html, useEffect } from "../../ui.js";
        export default function Later() {
            useEffect(() => { throw new Error("thrown by the plugin"); }, []);
            return html`<p>here</p>`;
        }""",
    "nothing": "export const other = 1;",
    "imports": 'import { notThere } from "../../ui.js"; export default () => notThere;',
}


class Refuses(BaseHTTPRequestHandler):
    """A receiver that wants no event."""

    def do_POST(self) -> None:
        """Say that it is gone."""
        self.send_response(410)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def refusing() -> Iterator[str]:
    """Such a receiver; its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Refuses) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LookedAt]:
    """A manager with plugins of its own, in a folder that is none of its data, and shipped ones; and a worker."""
    folder = tmp_path_factory.mktemp("farm")
    outside = tmp_path_factory.mktemp("outside")
    (outside / "example.py").write_text(manual.hooks()["web_pages"].example)
    (outside / "example.js").write_text(manual.hooks()["web_pages"].module)
    (outside / "broken.py").write_text(BROKEN)
    for name, text in MODULES.items():
        (outside / f"{name}.js").write_text(text)
    (folder / "data").mkdir()
    with refusing() as url:
        endpoint = {"name": "chat", "url": url, "secret": "a secret for the receiver", "events": ["/jobs"]}
        plugins: dict[str, Any] = {"webhooks": {"endpoints": [endpoint]}, "mqtt": None}
        plugins["fair_share"] = {"shares": {HOSTILE["markup"]: 30, "film": 10}}
        configuration = {"plugins_dir": str(outside), "plugins": plugins}
        (folder / "data" / "flamenco-manager.yaml").write_text(yaml.safe_dump(configuration))
        with (
            running_manager(folder, "--processes", "2") as manager,
            running_workers(folder, manager.url, 1),
            looked_at(manager) as farm,
        ):
            yield farm


def test_a_page_from_outside(page: Page, farm: LookedAt) -> None:
    """That of the manual: in the navigation and the palette, and live."""
    page.goto("")
    page.get_by_role("navigation").get_by_role("link", name="What waits").click()
    expect(page).to_have_url(f"{farm.manager.url}/plugins/example/waiting")
    expect(page.get_by_role("heading", name="What waits")).to_be_visible()
    assert page.title().startswith("What waits")
    tag = farm.tag("nobody has it")
    farm.submit("waits for somebody", count=7, worker_tag=tag)
    expect(page.locator("dd")).to_have_text("7")
    page.goto("jobs")
    page.keyboard.press("/")
    page.keyboard.type("what wai")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What waits")).to_be_visible()


@pytest.mark.parametrize("name", length.every(3, MODULES))
def test_a_broken_page_harms_nothing_else(page: Page, farm: LookedAt, expected: list[str], name: str) -> None:
    """It says whose it is and what is wrong; one goes elsewhere, and all else works."""
    expected.append("thrown by the plugin")
    page.goto(f"plugins/broken/{name}")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The page of the plugin broken does not work.")
    expect(alert).to_contain_text({"nothing": "default export", "imports": "notThere"}.get(name, ""))
    page.get_by_role("link", name="Jobs", exact=True).click()
    expect(page.get_by_role("grid", name="Jobs")).to_be_visible()
    page.get_by_role("navigation").get_by_role("link", name="What waits").click()
    expect(page.get_by_role("heading", name="What waits")).to_be_visible()


def test_no_such_page(page: Page, farm: LookedAt) -> None:
    """Which is said."""
    page.goto("plugins/example/other")
    expect(page.get_by_role("alert")).to_contain_text("No plugin that is enabled has this page.")


def test_fair_shares(page: Page, farm: LookedAt) -> None:
    """Who has had what, and to whom something is due."""
    job_id = farm.submit("used", 3, metadata={"user": "film"})
    farm.await_status(job_id, "completed")
    page.goto("plugins/fair_share/usage")
    expect(page.get_by_role("rowheader", name=HOSTILE["markup"])).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="film")).to_contain_text("%")
    assert page.title() != "hit"


def test_the_sinks(page: Page, farm: LookedAt) -> None:
    """One entry of two plugins; what was not delivered is tried again, and discarded."""
    job_id = farm.submit(HOSTILE["markup"])
    farm.await_status(job_id, "completed")
    assert wait_until(lambda: len(farm.ask("dead-letters")["dead_letters"]) >= 3, 60)
    page.goto("")
    page.get_by_role("navigation").get_by_role("link", name="Event sinks").click()
    expect(page.get_by_role("listitem").filter(has_text="webhooks.chat").first).to_contain_text("dead letters")
    rows = page.locator("tbody tr")
    first = farm.ask("dead-letters")["dead_letters"][0]
    page.get_by_role("button", name=f"Discard …: {first['event_id']}", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Discard").click()
    expect(page.get_by_role("button", name=f"Discard …: {first['event_id']}", exact=True)).to_have_count(0)
    assert first["key"] not in {each["key"] for each in farm.ask("dead-letters")["dead_letters"]}
    page.get_by_role("button", name="Try all again").click()
    expect(page.get_by_role("status").filter(has_text="Tried once more")).to_be_visible()
    page.get_by_role("button", name="Discard all").click()
    page.get_by_role("dialog").get_by_role("button", name="Discard").click()
    expect(page.get_by_text("Every event was delivered.")).to_be_visible()
    expect(rows).to_have_count(0)
    page.goto("plugins/mqtt/sinks")
    expect(page.get_by_role("heading", name="Event sinks")).to_be_visible()
    assert page.title() != "hit"


@pytest.mark.long
@pytest.mark.parametrize("scheme", length.every(2, ["light", "dark"]))
def test_how_they_look(page: Page, farm: LookedAt, axe: str, pictures: Path, scheme: str) -> None:
    """They keep nobody out, and are no wider than a phone."""
    farm.await_status(farm.submit(HOSTILE["long"][:200], metadata={"user": HOSTILE["right to left"]}), "completed")
    addresses = ("plugins/fair_share/usage", "plugins/webhooks/sinks", "plugins/example/waiting")
    look_at(page, [*addresses, "plugins/broken/nothing"], scheme, axe, pictures)


@pytest.mark.long
def test_limits_of_a_plugin(browser: Browser, tmp_path: Path, axe: str, pictures: Path) -> None:
    """What licences are in use, and who waits for them, is on the page of tags, by names that people made up."""
    config = tmp_path / "limits.yaml"
    limits = {"limits": {"nuke": 0, "free": 3}, "task_types": {"misc": ["nuke"]}, "job_types": {}}
    config.write_text(yaml.safe_dump({"plugins": {"worker_limits": limits}}))
    with running_manager(tmp_path, "--config", str(config)) as manager, looked_at(manager) as farm:
        page = browser.new_context(base_url=manager.url).new_page()
        page.goto("tags")
        expect(page.get_by_text("No policy has put a limit on tasks yet.")).to_be_visible()
        farm.submit(HOSTILE["markup"], 2)
        farm.submit("second", 1)
        limit = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="nuke"))
        expect(limit).to_contain_text("full", timeout=LIMITS_MS)
        expect(limit).to_contain_text("0 / 0")
        expect(limit.get_by_role("cell").nth(1)).to_have_text("3")
        expect(limit.get_by_role("link")).to_have_count(2)
        expect(limit.get_by_role("link").first).to_have_text(HOSTILE["markup"])
        for theme in ("light", "dark"):
            look_at(page, ["tags"], f"limits-{theme}", axe, pictures)
        page.context.close()
