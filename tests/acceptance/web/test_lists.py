"""Lists: what one sees is in the address, rows stay under the pointer, and what is chosen is what is done."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.acceptance.web.farms import LookedAt

ROWS = '[role="rowgroup"] [role="row"]'


@pytest.fixture(scope="module", autouse=True)
def jobs(farm: LookedAt) -> None:
    """Thirty jobs that wait, of three people and two projects, with priorities of their own."""
    for number in range(30):
        of = {"user.name": ("anna", "bo", "chris")[number % 3], "project": ("Pets", "Agent")[number % 2]}
        farm.submit(f"waiting {number:02}", metadata=of, priority=number, initial_status="paused")


def rows(page: Page) -> Locator:
    """The rows that are shown."""
    return page.locator(ROWS)


def names(page: Page) -> list[str]:
    """The names in the rows that are shown, from the top."""
    return page.locator(f"{ROWS} [data-column=name]").all_inner_texts()


def query(page: Page) -> dict[str, list[str]]:
    """What the address says."""
    return parse_qs(urlsplit(page.url).query)


def test_filters_and_order_are_in_the_address(page: Page) -> None:
    """They survive a reload, going elsewhere and back, and are the same for who is sent the address."""
    page.goto("jobs")
    page.get_by_role("button", name="paused").click()
    page.get_by_role("searchbox", name="Filter").fill("WAITING 1")
    expect(rows(page)).to_have_count(10)
    page.get_by_role("columnheader", name="Priority").get_by_role("button").click()
    expect(rows(page).first).to_contain_text("waiting 19")
    assert query(page) == {"status": ["paused"], "q": ["WAITING 1"], "sort": ["-priority"]}
    before = names(page)
    page.reload()
    expect(rows(page)).to_have_count(10)
    assert names(page) == before
    rows(page).first.get_by_role("link", name="waiting 19").click()
    expect(page.get_by_role("heading", name="waiting 19")).to_be_visible()
    page.go_back()
    expect(rows(page)).to_have_count(10)
    assert names(page) == before
    expect(page.get_by_role("searchbox", name="Filter")).to_have_value("WAITING 1")


@pytest.mark.long
def test_nothing_fits(page: Page) -> None:
    """It says so, and how to see all again."""
    page.goto("jobs?q=no-such-job")
    expect(page.get_by_text("Nothing fits these filters.")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(rows(page).first).to_be_visible()
    assert query(page) == {}


def test_chosen_rows_and_undo(page: Page, farm: LookedAt) -> None:
    """Some rows are chosen, with Shift all between; what is done to them can be taken back."""
    page.goto("jobs?q=waiting&sort=name")
    boxes = rows(page).get_by_role("checkbox")
    boxes.nth(0).click()
    boxes.nth(3).click(modifiers=["Shift"])
    bar = page.get_by_role("toolbar", name="4 chosen")
    bar.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("status")).to_contain_text("Cancel: 4")
    assert {job["name"] for job in farm.ask("jobs", status="canceled")["jobs"]} == {f"waiting 0{n}" for n in range(4)}
    expect(rows(page).nth(3)).to_contain_text("canceled")
    bar.get_by_role("button", name="Choose nothing").click()
    boxes.nth(5).click()
    page.get_by_role("toolbar").get_by_role("button", name="Priority …").click()
    page.get_by_label("Priority, from 0 to 100").fill("99")
    page.get_by_role("dialog").get_by_role("button", name="Priority").click()
    expect(rows(page).nth(5)).to_contain_text("99")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_contain_text("Undo: Priority: 1")
    (job,) = farm.ask("jobs", q="waiting 05")["jobs"]
    assert job["priority"] == 5


@pytest.mark.long
def test_all_that_match(page: Page, farm: LookedAt) -> None:
    """What is chosen by a filter is done to all that match, seen or not, and to nothing else."""
    for number in range(130):
        farm.submit(f"many {number}", initial_status="paused", metadata={"user.name": "many"})
    page.goto("jobs?q=many&status=paused")
    expect(page.locator(".count")).to_have_text("130")
    rows(page).first.get_by_role("checkbox").click()
    page.get_by_role("button", name="Choose all 130 that match").click()
    page.get_by_role("toolbar", name="130 chosen").get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Delete: 130")
    dialog.get_by_role("button", name="Keep").click()
    assert farm.ask("jobs", q="many", status="paused")["total"] == 130
    page.get_by_role("toolbar").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status")).to_contain_text("Delete: 130")
    expect(page.get_by_text("Nothing fits these filters.")).to_be_visible()
    assert farm.ask("jobs", q="waiting")["total"] == 30


def test_jobs_by_project(page: Page) -> None:
    """How many there are of each, with a way to them; how they are put together is in the address."""
    page.goto("jobs?q=waiting")
    page.get_by_label("Group").select_option("By project")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Pets"))
    expect(row.get_by_role("cell").first).to_have_text("15")
    assert query(page) == {"q": ["waiting"], "by": ["project"]}
    row.get_by_role("link", name="Pets").click()
    expect(rows(page)).to_have_count(15)
    assert query(page) == {"q": ["waiting"], "project": ["Pets"]}
    page.go_back()
    page.get_by_label("Group").select_option("By user")
    expect(page.get_by_role("rowheader", name="anna")).to_be_visible()
    page.get_by_role("searchbox", name="Filter").fill("nobody has this")
    expect(page.get_by_text("Nothing fits these filters.")).to_be_visible()


def test_jobs_that_nobody_can_run(page: Page, farm: LookedAt) -> None:
    """The first view says how many there are, and leads to them."""
    lost = farm.submit("for nobody", worker_tag=farm.tag("nobody has this"))
    (worker, *_) = farm.ask("workers")["workers"]
    path = f"/api/v3/worker-mgt/workers/{worker['id']}/settags"  # with changes of tags, jobs are looked through
    farm.client.post(path, json={"tag_ids": [farm.tag("another")]}).raise_for_status()
    page.goto("")
    expect(page.get_by_role("link", name="for nobody")).to_be_visible()
    page.get_by_role("link", name="1 job with tasks that nobody can run").click()
    expect(rows(page)).to_have_count(1)
    assert query(page) == {"stuck": ["true"]}
    farm.client.post(f"/api/v3/jobs/{lost}/setstatus", json={"status": "canceled", "reason": "test"}).raise_for_status()
    expect(page.get_by_text("Nothing fits these filters.")).to_be_visible()


@pytest.mark.long
def test_a_job_beside_the_list(page: Page, farm: LookedAt) -> None:
    """Where there is room, both are there, each with filters of its own; the address says which, on any screen."""
    page.goto("jobs?q=waiting&sort=name")
    rows(page).filter(has_text="waiting 06").locator("[data-column=status]").click()
    beside = page.get_by_role("complementary")
    expect(beside.get_by_role("heading", name="waiting 06")).to_be_visible()
    beside.get_by_role("searchbox", name="Filter").fill("echo-1")
    expect(page).to_have_url(re.compile("t.q=echo-1"))
    expect(beside.locator(ROWS)).to_have_count(1)
    found = query(page)
    assert (found["q"], found["t.q"], "open" in found) == (["waiting"], ["echo-1"], True)
    page.set_viewport_size({"width": 500, "height": 800})
    expect(page.get_by_role("heading", name="waiting 06")).to_be_visible()
    expect(page.get_by_role("row", name="waiting 07")).to_have_count(0)
    page.set_viewport_size({"width": 1400, "height": 850})
    page.keyboard.press("Escape")
    expect(beside).to_have_count(0)
    assert query(page) == {"q": ["waiting"], "sort": ["name"]}


@pytest.mark.long
def test_columns_and_views_with_names(page: Page) -> None:
    """Columns are chosen; what is shown gets a name, and is found by it, also after a reload."""
    page.goto("jobs?user=anna&sort=-priority")
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("checkbox", name="Project").uncheck()
    expect(page.get_by_role("columnheader", name="Project")).to_have_count(0)
    page.get_by_role("textbox", name="Name for what is shown now").fill("Anna's, urgent first")
    page.get_by_role("button", name="Keep").click()
    page.goto("workers")
    page.keyboard.press("/")
    page.keyboard.type("urgent")
    page.keyboard.press("Enter")
    expect(rows(page).first).to_contain_text("waiting 27")
    expect(page.get_by_role("columnheader", name="Project")).to_have_count(0)
    assert query(page)["user"] == ["anna"]


@pytest.mark.long
def test_rows_stay_under_the_pointer(page: Page, farm: LookedAt) -> None:
    """A new job does not push the list down while somebody points at it; a button tells of it."""
    page.goto("jobs?q=jumping")
    expect(page.get_by_text("Nothing fits these filters.")).to_be_visible()
    first = farm.submit("jumping one", initial_status="paused")
    expect(rows(page)).to_have_count(1)
    rows(page).first.hover()
    farm.submit("jumping two", initial_status="paused")
    changes = page.get_by_role("button", name=re.compile("sort anew"))
    expect(changes).to_be_visible()
    assert names(page)[:1] == ["jumping one"]
    farm.client.post(f"/api/v3/jobs/{first}/setpriority", json={"priority": 77})
    expect(rows(page).first).to_contain_text("77")
    changes.click()
    expect(rows(page).first).to_contain_text("jumping two")
