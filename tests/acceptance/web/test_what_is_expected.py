"""Whoever comes from Flamenco's own page finds what that has: each thing of it has a place in this one.

A table of what there is to be seen and done, by where it is in the other page, and how one gets at it here. That those
things do what they say is tried elsewhere; what belongs together is looked at together.
"""

from __future__ import annotations

from typing import Any, Final

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.acceptance.web.farms import LookedAt

pytestmark = pytest.mark.long

Found = tuple[str, str]
"""An ARIA role, or the class of what has none, and a name or a part of one."""

PLACES: Final[dict[str, tuple[str, list[Found]]]] = {
    "header: name of the farm, where one can go, state of the farm": (
        "",
        [
            *(("link", name) for name in ("Flamenco", "Jobs", "Workers", "Tags", "Settings")),
            *((".status", "idle"), ("heading", "Rendered last")),
        ],
    ),
    "header: address of the add-on": ("connect", [("link", "flamenco3-addon.zip"), ("button", "Copy")]),
    "header: documents of the API, version": (
        "settings/about",
        [("link", "/api/v3/openapi3.json"), ("link", "/api/x/openapi.json"), ("button", "Copy diagnostics")],
    ),
    "footer: notifications and their history": ("jobs", [("button", "Notices")]),
    "jobs: table, chips by status, sorting, choosing": (
        "jobs",
        [
            *(("columnheader", name) for name in ("Status", "Name", "Updated", "Priority", "Type", "Progress")),
            *(("button", name) for name in ("paused", "completed", "All")),
            *(("button", "Priority"), ("checkbox", "Choose")),
        ],
    ),
    "job: what is done to it": (
        "jobs/{waiting}",
        [("button", name) for name in ("Resume", "Cancel", "Requeue all", "Priority …", "Delete …")],
    ),
    "job: tabs": (
        "jobs/{waiting}",
        [("tab", name) for name in ("Tasks", "Images", "Settings", "Details", "Blocklist", "History")],
    ),
    "job: settings by their labels, and metadata": (
        "jobs/{waiting}?tab=settings",
        [("term", "Message"), ("heading", "Metadata"), ("term", "project")],
    ),
    "job: details, with an ID to copy": (
        "jobs/{waiting}?tab=details",
        [
            *(("term", name) for name in ("ID", "Updated", "Created", "Status", "Type", "Priority")),
            ("button", "Copy"),
        ],
    ),
    "job: images": ("jobs/{waiting}?tab=images", [("tab", "Images")]),
    "tasks of a job": (
        "jobs/{waiting}",
        [("columnheader", name) for name in ("№", "Status", "Name", "Updated", "Worker")],
    ),
    "task: what is done to it, and its log": (
        "jobs/{done}/tasks/{task}",
        [("button", "Requeue"), ("log", ""), ("button", "Follow"), ("link", "Download")],
    ),
    "task: facts": (
        "jobs/{done}/tasks/{task}?tab=details",
        [("term", name) for name in ("ID", "Status", "Worker", "Type", "Priority", "Created", "Updated", "Activity")],
    ),
    "task: commands with all parameters": (
        "jobs/{done}/tasks/{task}?tab=commands",
        [("heading", "echo"), ("term", "message"), ("button", "Copy")],
    ),
    "workers: table, chips by status": (
        "workers",
        [*(("columnheader", name) for name in ("Status", "Name", "Version")), ("button", "awake")],
    ),
    "worker: requests, after the task or at once": (
        "workers/{worker}",
        [
            *(
                ("button", f"{name} {how}")
                for name in ("Send to sleep", "Shut down")
                for how in ("after the task", "at once")
            ),
            ("button", "Remove …"),
        ],
    ),
    "worker: facts, tags, sleep schedule": (
        "workers/{worker}",
        [
            *(("term", name) for name in ("ID", "Last seen", "Address", "Platform", "Version", "Task types")),
            (".status", "awake"),
            *(("group", "Tags"), ("group", "Sleep schedule")),
            *(("checkbox", "expected"), ("checkbox", "Sleeps by this schedule"), ("checkbox", "Mon")),
        ],
    ),
    "tags: made, renamed, described, removed": (
        "tags",
        [*(("button", name) for name in ("Add tag", "Remove")), *(("link", name) for name in ("Workers", "Jobs"))],
    ),
    "settings: by topic, with help, saved and undone": (
        "settings",
        [("link", name) for name in ("Storage", "Variables")],
    ),
    "settings: variables with values by platform and audience": ("settings/variables", [("button", "Add")]),
    "set-up: welcome, and the steps": ("setup", [("link", name) for name in ("Storage", "Blender")]),
}


@pytest.fixture(scope="module")
def names(farm: LookedAt) -> dict[str, str]:
    """What stands in the addresses for what there is."""
    farm.tag("expected")
    done = farm.submit("done")
    farm.await_status(done, "completed")
    (worker, *_) = farm.ask("workers")["workers"]
    (task,) = farm.ask(f"jobs/{done}/tasks")["tasks"]
    waiting = farm.submit("waiting", metadata={"project": "film"}, initial_status="paused")
    return {"waiting": waiting, "done": done, "task": task["id"], "worker": worker["id"]}


def of(page: Page, role: Any, name: str) -> Locator:
    """All that has this role and name. Terms have no name of their own, but what they say."""
    if role == "term":
        return page.locator("dt").get_by_text(name, exact=True)
    if role.startswith("."):
        return page.locator(role).get_by_text(name)
    return page.get_by_role(role, name=name) if name else page.get_by_role(role)


@pytest.mark.parametrize("place", PLACES)
def test_has_a_place(page: Page, names: dict[str, str], place: str) -> None:
    """Whatever one looks for is there, under a name that says what it is."""
    address, things = PLACES[place]
    page.goto(address.format(**names))
    for role, name in things:
        expect(of(page, role, name).first).to_be_visible()


def test_preceding_jobs_are_chosen(page: Page, farm: LookedAt, names: dict[str, str]) -> None:
    """Those that were not changed since the newest of the chosen ones."""
    page.goto("jobs?sort=-updated")
    page.get_by_role("row").filter(has_text="waiting").get_by_role("checkbox").click()
    page.get_by_role("button", name="Choose preceding").click()
    expect(page.get_by_role("toolbar", name="2 chosen")).to_be_visible()
    assert farm.ask("jobs")["total"] == 2


def test_everything_has_an_address(page: Page, names: dict[str, str]) -> None:
    """A job, a task and a worker that are open are open for whoever is sent the address, beside the list too."""
    page.goto(f"jobs?open={names['done']}")
    expect(page.get_by_role("complementary").get_by_role("heading", name="done")).to_be_visible()
    page.goto(f"workers?open={names['worker']}")
    expect(page.get_by_role("complementary").get_by_role("heading").first).to_be_visible()
    page.goto(f"jobs/{names['done']}/tasks/{names['task']}")
    expect(page.get_by_role("log")).to_be_visible()
