"""The page follows the farm by itself, and goes on when the manager was away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.conftest import Manager, running_manager
from tests.acceptance.web.conftest import PATIENCE_MS
from tests.acceptance.web.farms import LookedAt, looked_at


def test_a_job_runs_before_ones_eyes(page: Page, farm: LookedAt) -> None:
    """From queued to completed, with all its tasks, without touching anything; and its log is there."""
    job_id = farm.submit("runs", count=5, initial_status="paused")
    page.goto(f"jobs/{job_id}")
    expect(page.get_by_role("heading", name="runs")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("header.head")).to_contain_text("completed")
    expect(page.locator('[role="rowgroup"] [role="row"]').filter(has_text="completed")).to_have_count(5)
    expect(page.locator("header.head .progress")).to_contain_text("100 %")
    page.get_by_role("link", name="echo-3").click()
    expect(page.get_by_role("log")).to_contain_text("runs")


@pytest.fixture
def fragile(tmp_path: Path) -> Iterator[Manager]:
    """A manager that is killed, and comes back at the same address."""
    with running_manager(tmp_path, "--processes", "1") as manager:
        yield manager


def test_the_manager_is_away_and_back(browser: Browser, fragile: Manager, tmp_path: Path) -> None:
    """The page says so, loses neither filter nor what is being typed, and goes on by itself."""
    context = browser.new_context(base_url=fragile.url, viewport={"width": 1400, "height": 850})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    with looked_at(fragile) as farm:
        farm.submit("before", initial_status="paused")
    page.goto("jobs?status=paused&sort=name")
    expect(page.get_by_role("row", name="before")).to_be_visible()
    assert fragile.stop() == 0
    expect(page.get_by_role("alert")).to_contain_text("The manager does not answer")
    field = page.get_by_role("searchbox", name="Filter")
    field.press_sequentially("bef")
    expect(page.get_by_role("row", name="before")).to_be_visible()
    with running_manager(tmp_path, "--processes", "1", listen=fragile.url.removeprefix("http://")) as again:
        expect(page.get_by_role("alert")).to_be_hidden()
        with looked_at(again) as farm:
            farm.submit("before and after", initial_status="paused")
        expect(page.get_by_role("row", name="before and after")).to_be_visible()
        expect(field).to_have_value("bef")
        assert "status=paused" in page.url
        assert "q=bef" in page.url
        context.close()
