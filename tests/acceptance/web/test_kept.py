"""What is kept of jobs that are gone: the trash, archives, and what rules will put there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.conftest import running_manager, wait_until
from tests.acceptance.web.farms import HOSTILE, TIMEOUT_S, LookedAt, looked_at
from tests.acceptance.web.test_looks import axe, look_at

__all__ = ["axe"]

RULES = """
retention:
- {status: canceled, after: 1000h, do: archive}
"""


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LookedAt]:
    """A manager with a rule for jobs that were canceled long ago."""
    folder = tmp_path_factory.mktemp("keeping")
    (folder / "data").mkdir()
    (folder / "data" / "flamenco-manager.yaml").write_text(RULES)
    with running_manager(folder) as manager, looked_at(manager) as farm:
        yield farm


def canceled(farm: LookedAt, name: str) -> str:
    """A job that has ended; its id."""
    job_id = farm.submit(name, initial_status="paused", metadata={"user.name": "anna", "project": "Pets"})
    body = {"status": "cancel-requested", "reason": "test"}
    farm.client.post(f"/api/v3/jobs/{job_id}/setstatus", json=body).raise_for_status()
    farm.await_status(job_id, "canceled")
    return job_id


def deleted(farm: LookedAt, name: str) -> str:
    """A job in the trash; its id."""
    job_id = farm.submit(name, initial_status="paused")
    farm.client.delete(f"/api/v3/jobs/{job_id}").raise_for_status()
    return job_id


def archived(farm: LookedAt, job_id: str) -> None:
    """Have a job in an archive."""
    body = {"ids": [job_id], "action": "archive", "arguments": {}}
    farm.client.post("/api/x/jobs/actions", json=body).raise_for_status()
    assert wait_until(lambda: any(each["id"] == job_id for each in farm.ask("archives")["archives"]), TIMEOUT_S)


def test_what_was_deleted_is_had_back(page: Page, farm: LookedAt) -> None:
    """The trash says when it goes; chosen and taken out, it is in the list of jobs again, as it was."""
    job_id = deleted(farm, "deleted by mistake")
    page.goto("jobs")
    page.get_by_role("link", name="Trash").click()
    row = page.get_by_role("row").filter(has_text="deleted by mistake")
    expect(row).to_contain_text("paused")
    expect(page.get_by_role("columnheader", name="Goes for good")).to_be_visible()
    row.get_by_role("checkbox").click()
    bar = page.get_by_role("toolbar", name="1 chosen")
    expect(bar.get_by_role("button", name="Priority …")).to_have_count(0)
    bar.get_by_role("button", name="Take out of the trash").click()
    expect(page.get_by_role("status").last).to_contain_text("Take out of the trash: 1")
    expect(row).to_have_count(0)
    assert farm.ask(f"jobs/{job_id}")["status"] == "paused"
    page.goto(f"jobs/{job_id}")
    expect(page.get_by_role("button", name="Take out of the trash")).to_have_count(0)


@pytest.mark.long
def test_what_goes_for_good(page: Page, farm: LookedAt) -> None:
    """All that match a filter, after a question; the filter is in the address."""
    names = ("not needed 1", "not needed 2", "still of use")
    for name in names:
        deleted(farm, name)
    page.goto("trash?q=not+needed")
    expect(page.get_by_role("row").filter(has_text="not needed")).to_have_count(2)
    page.get_by_role("grid").get_by_role("checkbox").first.click()
    page.get_by_role("toolbar", name="2 chosen").get_by_role("button", name="Delete for good …").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("Nothing fits these filters.")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_role("row").filter(has_text="still of use")).to_be_visible()
    assert {each["name"] for each in farm.ask("trash")["jobs"]} == {"still of use"}


def test_an_archived_job_is_had_back(page: Page, farm: LookedAt) -> None:
    """It is found by its name, downloaded as a file, and is back with one click."""
    job_id = canceled(farm, "Shot 13")
    archived(farm, job_id)
    page.goto("archives?q=nothing-like-it")
    expect(page.get_by_text("Nothing fits these filters.")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    row = page.get_by_role("row").filter(has_text="Shot 13")
    expect(row).to_contain_text("canceled")
    expect(row).to_contain_text("anna, Pets")
    with page.expect_download() as download:
        row.get_by_role("link", name="Download").click()
    (archive,) = farm.ask("archives")["archives"]
    assert download.value.suggested_filename == archive["file"]
    assert len(download.value.path().read_bytes()) == archive["size"]
    gone = re.compile(rf"job deleted.*{job_id}")
    assert wait_until(lambda: gone.search(farm.manager.log) is not None, TIMEOUT_S)
    row.get_by_role("button", name="Bring back").click()
    expect(page.get_by_role("heading", name="Shot 13")).to_be_visible()
    assert farm.ask(f"jobs/{job_id}")["status"] == "canceled"


@pytest.mark.long
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nobody_is_kept_out(page: Page, farm: LookedAt, axe: str, pictures: Path, theme: str) -> None:
    """Whatever the jobs are called that are gone, or will be."""
    for name in HOSTILE.values():
        deleted(farm, name)
        archived(farm, canceled(farm, name))
        canceled(farm, name)
    look_at(page, ["trash", "archives?days=60"], f"kept-{theme}", axe, pictures)


@pytest.mark.long
def test_what_rules_will_do(page: Page, farm: LookedAt) -> None:
    """Nothing yet, and in some weeks: the number of days is in the address."""
    canceled(farm, "old by then")
    page.goto("archives")
    expect(page.get_by_text("canceled, after")).to_be_visible()
    expect(page.get_by_text("0 jobs")).to_be_visible()
    page.get_by_label("Days from now").fill("60")
    page.get_by_label("Days from now").press("Tab")
    row = page.get_by_role("row").filter(has_text="old by then")
    expect(row).to_contain_text("into an archive")
    assert "days=60" in page.url
    row.get_by_role("link", name="old by then").click()
    expect(page.get_by_role("heading", name="old by then")).to_be_visible()
