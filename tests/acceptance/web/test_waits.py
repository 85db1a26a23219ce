"""Jobs that wait for others, or for a moment: what the page says of them, and what people decide there."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.conftest import wait_until
from tests.acceptance.web.farms import TIMEOUT_S, LookedAt


def waits_for(farm: LookedAt, job_id: str) -> list[dict[str, Any]]:
    """What a job waits for."""
    found: list[dict[str, Any]] = farm.ask(f"jobs/{job_id}/dependencies")["waits_for"]
    return found


@pytest.mark.long
def test_a_job_waits_for_another(page: Page, farm: LookedAt) -> None:
    """Its head says for what; both lead to each other; what counts as done lets it go at once."""
    sim = farm.submit("the simulation", initial_status="paused")
    light = farm.submit("the lighting", depends_on=[{"job": sim}])
    page.goto(f"jobs/{light}")
    expect(page.locator("header.head .activity")).to_contain_text('Waits until the job "the simulation"')
    page.get_by_role("tab", name="Dependencies").click()
    row = page.get_by_role("row").filter(has_text="the simulation")
    expect(row).to_contain_text("paused")
    expect(row).to_contain_text("all of it, completed")
    row.get_by_role("link", name="the simulation").click()
    waiting = page.get_by_role("listitem").filter(has_text="the lighting")
    expect(waiting).to_contain_text("waiting")
    expect(page.get_by_text("It waits for no other job.")).to_be_visible()
    waiting.get_by_role("link").click()
    row.get_by_role("button", name="Count as done").click()
    expect(page.get_by_role("status")).to_contain_text("Counts as done: the simulation")
    expect(row).to_contain_text("counts as done")
    expect(row.get_by_role("button", name="Count as done")).to_have_count(0)
    farm.await_status(light, "completed")
    expect(page.locator("header.head .status").first).to_contain_text("completed")


@pytest.mark.long
def test_what_cannot_be_met_is_held(page: Page, farm: LookedAt) -> None:
    """The other job failed: the row says what may be done about it, and the job goes once that is dropped."""
    sim = farm.submit("goes wrong", initial_status="paused")
    light = farm.submit("is held", depends_on=[{"job": sim}])
    body = {"status": "cancel-requested", "reason": "test"}
    farm.client.post(f"/api/v3/jobs/{sim}/setstatus", json=body).raise_for_status()
    page.goto(f"jobs/{light}?tab=dependencies")
    row = page.get_by_role("row").filter(has_text="goes wrong")
    expect(row).to_contain_text("held")
    expect(row).to_contain_text("drop the dependency")
    row.get_by_role("button", name="Drop").click()
    expect(page.get_by_text("It waits for no other job.")).to_be_visible()
    farm.await_status(light, "completed")


@pytest.mark.long
def test_another_is_waited_for(page: Page, farm: LookedAt) -> None:
    """It is offered by a part of its name, and meant by that when there is one such; frame by frame where one likes."""
    settings = {"script": "/mnt/farm/x.sh", "frames": "1-8"}
    common: dict[str, Any] = {"type": "frame-script", "settings": settings, "initial_status": "paused"}
    sim = farm.submit("sea 12", **common)
    farm.submit("sky 12", **common)
    light = farm.submit("light 12", **common)
    page.goto(f"jobs/{light}?tab=dependencies")
    field = page.get_by_role("combobox", name="Another job, by name or ID")
    field.fill(" 12")
    page.get_by_role("button", name="Wait for it").click()
    expect(page.locator(".notice.error")).to_contain_text("is not one job")
    assert waits_for(farm, light) == []
    field.fill("sea")
    expect(page.locator(f"datalist option[value='{sim}']")).to_have_count(1)
    page.get_by_role("checkbox", name="frame by frame").check()
    page.get_by_label("from frame ±").fill("-1")
    page.get_by_role("button", name="Wait for it").click()
    expect(page.get_by_role("row").filter(has_text="sea 12")).to_contain_text("frame by frame, completed")
    (found,) = waits_for(farm, light)
    assert (found["job"], found["kind"], found["offset"]) == (sim, "frames", [-1, 0])
    expect(page.get_by_role("row").filter(has_text="sea 12")).to_contain_text("from -1 to 0 frames on")


@pytest.mark.long
def test_submitting_what_is_to_wait(page: Page, farm: LookedAt) -> None:
    """After another job, by its name, and not before a moment: its head and its details say so."""
    before = farm.submit("comes first", initial_status="paused")
    page.goto("submit/echo")
    page.get_by_role("textbox", name="Name", exact=True).fill("comes second")
    page.get_by_role("textbox", name="Message").fill("second")
    page.get_by_role("combobox", name="After the job").fill("comes first")
    page.get_by_role("combobox", name="Not before").fill("+2h")
    page.get_by_role("textbox", name="Why not sooner").fill("the licence server sleeps")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", name="comes second")).to_be_visible()
    expect(page.locator("header.head .hold")).to_contain_text("the licence server sleeps")
    (job,) = farm.ask("jobs", q="comes second")["jobs"]
    assert wait_until(lambda: [each["job"] for each in waits_for(farm, job["id"])] == [before], TIMEOUT_S)
    assert job["start_after_reason"] == "the licence server sleeps"
    page.get_by_role("tab", name="Details").click()
    expect(page.get_by_role("tabpanel")).to_contain_text("the licence server sleeps")


@pytest.mark.long
def test_limits_on_time(page: Page, farm: LookedAt) -> None:
    """Those that hold for its tasks are among the details, with who says so."""
    limited = farm.submit("limited", time_limits={"*": {"max_run_time": "2h"}}, initial_status="paused")
    page.goto(f"jobs/{limited}?tab=details")
    expect(page.get_by_role("heading", name="Limits on time")).to_be_visible()
    (held,) = farm.ask(f"jobs/{limited}/explain")["time_limits"]
    expect(page.get_by_role("tabpanel")).to_contain_text(held["text"])
