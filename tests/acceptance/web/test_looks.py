"""How every view looks: for everybody, in both themes and on a phone, whatever things are called."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from flamenco.web.addresses import VIEWS
from tests.acceptance.conftest import running_manager, wait_until
from tests.acceptance.rendering import Painter, picture
from tests.acceptance.web.conftest import PATIENCE_MS, Trouble, until
from tests.acceptance.web.farms import HOSTILE, TIMEOUT_S, LookedAt

PUT_OFF: dict[str, Any] = {
    "start_after": "+9h",
    "start_after_reason": HOSTILE["right to left"],
    "time_limits": {"*": {"max_run_time": "2h"}},
}
LOOKED_AT: dict[str, Any] = {
    "type": "frame-script",
    "settings": {"script": "/bin/true", "frames": "1-3"},
    "preview": {"frames": "1"},
}
PACKAGES = Path(__file__).parents[2] / "web"
SCREENS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1400, "height": 850}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1400, "height": 850}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 800}},
}


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core, which knows what is in the way of people who see, hear or move otherwise."""
    script = PACKAGES / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        npm = shutil.which("npm")
        assert npm, "this test needs npm; on Debian: apt install npm"
        subprocess.run([npm, "ci", "--silent", "--prefix", str(PACKAGES)], check=True, timeout=300)
    return script.read_text("utf-8")


@pytest.fixture(scope="module")
def places(farm: LookedAt) -> dict[str, str]:
    """The address of each view, of a farm in which everything has a name that somebody made up to do harm."""
    jobs = [farm.submit(name, count=3, metadata={"user.name": name, "project": name}) for name in HOSTILE.values()]
    for job_id in jobs:
        farm.await_status(job_id, "completed")
    tags = [farm.tag(name[:200]) for name in HOSTILE.values()]
    (worker, *_) = farm.ask("workers")["workers"]
    changed = {"tag_ids": tags}
    farm.client.post(f"/api/v3/worker-mgt/workers/{worker['id']}/settags", json=changed).raise_for_status()
    waiting = farm.submit("waits", count=2, worker_tag=tags[0], initial_status="paused")
    farm.submit(HOSTILE["markup"], depends_on=[{"job": waiting}], metadata={"user.name": HOSTILE["template"]})
    after = farm.submit("after", depends_on=[{"job": jobs[1]}, {"job": waiting}], **PUT_OFF)
    for name in HOSTILE.values():
        deleted = farm.submit(name, initial_status="paused", metadata={"user.name": name, "project": name})
        farm.client.delete(f"/api/v3/jobs/{deleted}").raise_for_status()
    looked_at = [farm.submit(name, **LOOKED_AT) for name in HOSTILE.values()]
    assert wait_until(lambda: farm.ask("jobs", waiting_for_approval="true")["total"] == len(looked_at), TIMEOUT_S)
    (task, *_) = farm.ask(f"jobs/{jobs[0]}/tasks")["tasks"]
    return {
        "farm": "",
        "jobs": "jobs",
        "jobs-by-project": "jobs?by=project",
        "jobs-to-approve": "jobs?waiting_for_approval=true",
        "job-to-approve": f"jobs?open={looked_at[0]}",
        "job": f"jobs/{jobs[0]}",
        "job-beside": f"jobs?open={jobs[0]}",
        "job-grid": f"jobs/{jobs[0]}?tab=grid",
        "job-timeline": f"jobs/{jobs[0]}?tab=timeline",
        "job-why": f"jobs/{jobs[0]}?tab=why",
        "job-images": f"jobs/{jobs[0]}?tab=images",
        "job-settings": f"jobs/{jobs[0]}?tab=settings",
        "job-details": f"jobs/{jobs[1]}?tab=details",
        "job-dependencies": f"jobs/{after}?tab=dependencies",
        "job-waited-for": f"jobs/{waiting}?tab=dependencies",
        "job-starts-later": f"jobs/{after}?tab=details",
        "job-history": f"jobs/{jobs[0]}?tab=history",
        "job-blocklist": f"jobs/{jobs[0]}?tab=blocklist",
        "task": f"jobs/{jobs[0]}/tasks/{task['id']}",
        "task-line": f"jobs/{jobs[0]}/tasks/{task['id']}?line=1",
        "task-details": f"jobs/{jobs[0]}/tasks/{task['id']}?tab=details",
        "task-attempts": f"jobs/{jobs[0]}/tasks/{task['id']}?tab=attempts",
        "task-commands": f"jobs/{jobs[0]}/tasks/{task['id']}?tab=commands",
        "task-commands-windows": f"jobs/{jobs[0]}/tasks/{task['id']}?tab=commands&platform=windows",
        "workers": "workers",
        "worker-beside": f"workers?open={worker['id']}",
        "worker": f"workers/{worker['id']}",
        "tags": "tags",
        "submit": "submit",
        "submit-type": "submit/simple-blender-render",
        "wall": "wall",
        "trash": "trash",
        "trash-nothing-fits": "trash?q=nothing-is-called-that",
        "archives": "archives?days=9999",
        "me": "me",
        "connect": "connect",
        "users": "users",
        "audit": "audit",
        "audit-none": "audit?who=nobody",
        "no-plugin-page": "plugins/none/none",
        "settings": "settings",
        "settings-storage": "settings/storage",
        "settings-variables": "settings/variables",
        "settings-job-types": "settings/job-types",
        "settings-plugins": "settings/used-plugins",
        "settings-about": "settings/about",
        "setup": "setup",
        "setup-storage": "setup/storage",
        "setup-platforms": "setup/platforms?storage=/mnt/farm",
        "setup-blender": "setup/blender?storage=/mnt/farm",
        "setup-confirm": "setup/confirm?storage=/mnt/farm",
        "setup-worker": "setup/worker",
        "setup-render": "setup/render",
        "nothing-fits": "jobs?q=nothing-is-called-that",
        "gone": "jobs/00000000-0000-4000-8000-000000000000",
    }


def test_no_view_is_left_out(places: dict[str, str]) -> None:
    """Whatever can be in an address bar is looked at here."""
    looked_at = {"/" + address.partition("?")[0] for address in places.values()}
    patterns = {view: re.compile(re.sub(r"\{\w+\}", "[^/]+", view)) for view in VIEWS}
    assert [view for view, pattern in patterns.items() if not any(map(pattern.fullmatch, looked_at))] == []


@pytest.fixture(scope="module", params=list(SCREENS))
def screen(request: pytest.FixtureRequest, browser: Browser, farm: LookedAt) -> Iterator[tuple[str, BrowserContext]]:
    """A kind of screen, by its name."""
    context = browser.new_context(base_url=farm.manager.url, **SCREENS[request.param])
    yield request.param, context
    context.close()


def settled(page: Page) -> None:
    """Wait until nothing is said to be loading any more."""
    expect(page.locator("main")).not_to_be_empty()
    expect(page.get_by_text("Loading …")).to_have_count(0)


def found_by(axe: str, page: Page) -> list[str]:
    """What axe-core has to say of the page as it is."""
    page.evaluate(axe)
    answer: dict[str, Any] = page.evaluate("axe.run()")
    return [
        f"{each['id']}: {each['help']} {json.dumps(node['target'])} {node['failureSummary']}"
        for each in answer["violations"]
        for node in each["nodes"][:3]
    ]


def look_at(page: Page, addresses: Sequence[str], name: str, axe: str, pictures: Path) -> None:
    """Look at these views, dark where the name says so: on a wide screen and on a phone, nobody is kept out.

    A picture of each is kept.
    """
    page.emulate_media(color_scheme="dark" if name.endswith("dark") else "light")
    problems = {}
    for address in addresses:
        page.goto(address)
        for screen, width in (("wide", 1400), ("phone", 390)):
            page.set_viewport_size({"width": width, "height": 850})
            settled(page)
            page.screenshot(path=pictures / f"{address.replace('/', '-') or 'farm'}-{name}-{screen}.png")
            if found := found_by(axe, page):
                problems[address, screen] = found
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (address, screen)
        assert page.title() != "hit", address
    assert problems == {}


@pytest.mark.long
def test_views(
    screen: tuple[str, BrowserContext], farm: LookedAt, places: dict[str, str], axe: str, pictures: Path
) -> None:
    """No view keeps anybody out, is wider than its screen, runs a name as a script, or says anything is wrong.

    A picture of each is kept.
    """
    kind, context = screen
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    trouble = Trouble(page, farm.manager.url)
    problems = {}
    for name, address in places.items():
        page.goto(f"{farm.manager.url}/{address}")
        settled(page)
        page.screenshot(path=pictures / f"{name}-{kind}.png")
        if found := found_by(axe, page):
            problems[name] = found
        assert page.title() != "hit", name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    assert problems == {}
    # The one answer that is an error is of the job that there is not.
    assert [each for each in trouble.found if "404" not in each] == []
    page.close()


def test_names_are_texts(page: Page, farm: LookedAt, places: dict[str, str]) -> None:
    """Each is there to the letter, in lists and on views of its own."""
    page.goto("jobs?sort=name")
    settled(page)
    shown = page.locator('[data-column="name"] a').all_text_contents()
    assert set(HOSTILE.values()) <= set(shown)
    page.goto(places["job"])
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE["markup"])
    page.goto("tags")
    fields = page.locator("input[name=name]")
    expect(fields).to_have_count(len(HOSTILE) + 1)
    assert {name[:200] for name in HOSTILE.values()} <= {field.input_value() for field in fields.all()}


@pytest.mark.long
def test_an_image_is_shown(browser: Browser, tmp_path: Path) -> None:
    """What a job rendered last is among its images, and on the first page."""
    with running_manager(tmp_path) as manager:
        painter = Painter(manager.url)
        page = browser.new_page(base_url=manager.url)
        assert painter.show(picture()).status_code == 202
        page.goto(f"jobs/{painter.job_id}?tab=images")
        image = page.get_by_role("tabpanel").get_by_role("img")
        expect(image).to_be_visible()
        until(page, "document.querySelector('[role=tabpanel] img').naturalWidth > 0")
        page.goto("")
        expect(page.get_by_role("img", name="Rendered last")).to_be_visible()
        page.close()
        painter.client.close()
