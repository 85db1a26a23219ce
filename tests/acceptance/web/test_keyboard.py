"""By keyboard alone: submit a job, find it, watch it, cancel it, requeue one task of it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.web.farms import LookedAt

FOCUSED = "(([focused]) => focused.innerText || focused.name || '')([document.activeElement])"
ROLE = "document.activeElement.getAttribute('role')"


def focus_on(page: Page, name: str) -> None:
    """Tab on until what has the focus is a field or a button of that name."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED).strip().startswith(name):
            return
    raise AssertionError(f"nothing called {name} can be reached")


def focus_on_rows(page: Page) -> None:
    """Tab on until a row of the table has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(ROLE) == "row":
            return
    raise AssertionError("no row can be reached")


def test_a_job_by_keyboard(page: Page, farm: LookedAt) -> None:
    """From a form to a single task, without touching the mouse."""
    page.goto("submit/echo")
    expect(page.get_by_role("textbox", name="Name")).to_be_focused()
    page.keyboard.type("by hand")
    focus_on(page, "message")
    page.keyboard.type("hello")
    focus_on(page, "count")
    page.keyboard.press("Control+A")
    page.keyboard.type("3")
    focus_on(page, "job paused")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="by hand")).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("w")
    expect(page.get_by_role("row", name="w0")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("by han")
    expect(page.get_by_role("option", name="by hand")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="by hand")).to_be_visible()
    page.keyboard.press("Control+K")
    page.keyboard.type("Resume")
    expect(page.get_by_role("option", name="Resume")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("header.head")).to_contain_text("completed")
    page.keyboard.press("g")
    page.keyboard.press("j")
    expect(page.get_by_role("row", name="by hand")).to_be_visible()
    focus_on_rows(page)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="by hand")).to_be_visible()
    expect(page.get_by_role("row", name="echo-3")).to_contain_text("completed")
    focus_on_rows(page)
    page.keyboard.press("j")
    page.keyboard.press("r")
    expect(page.get_by_role("status")).to_contain_text("Requeue: 1")
    (job,) = farm.ask("jobs", q="by hand")["jobs"]
    farm.await_status(job["id"], "completed")


@pytest.mark.long
def test_cancel_by_keyboard(page: Page, farm: LookedAt) -> None:
    """Rows are chosen and acted upon by keys; Escape chooses nothing."""
    for number in range(3):
        farm.submit(f"to cancel {number}", initial_status="paused")
    page.goto("jobs?q=to+cancel&sort=name")
    expect(page.get_by_role("row", name="to cancel 0")).to_be_visible()
    focus_on_rows(page)
    page.keyboard.press("x")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.get_by_role("toolbar", name="2 chosen")).to_be_visible()
    page.keyboard.press("c")
    expect(page.get_by_role("status")).to_contain_text("Cancel: 2")
    page.keyboard.press("Escape")
    expect(page.get_by_role("toolbar")).to_have_count(0)
    assert [job["name"] for job in farm.ask("jobs", q="to cancel", status="canceled", sort="name")["jobs"]] == [
        "to cancel 0",
        "to cancel 1",
    ]


@pytest.mark.long
def test_keys_are_told_and_rest_while_one_types(page: Page) -> None:
    """`?` lists them; in a field they are letters."""
    page.goto("jobs")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("searchbox", name="Filter").press_sequentially("gwc?/")
    expect(page.get_by_role("searchbox", name="Filter")).to_have_value("gwc?/")
    assert "/jobs" in page.url
