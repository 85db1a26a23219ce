"""The settings in the page: shown with where they come from, changed, taken back; variables, plugins, diagnostics."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.conftest import wait_until
from tests.acceptance.web.farms import LookedAt

BROKEN = "const JOB_TYPE = { label: 'Broken', settings: [ };"


def setting(farm: LookedAt, key: str) -> dict[str, Any]:
    """A setting, as the manager tells it."""
    found: dict[str, Any] = next(each for each in farm.ask("settings")["settings"] if each["key"] == key)
    return found


def becomes(farm: LookedAt, key: str, field: str, value: Any) -> bool:
    """Whether something of a setting gets to be that, in every process."""
    return wait_until(lambda: setting(farm, key)[field] == value)


def save(page: Page) -> None:
    """Save, and wait until the manager runs with it."""
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved, and in use.")).to_be_visible()


@pytest.mark.long
def test_one_is_changed(page: Page, farm: LookedAt) -> None:
    """What is typed outlives going elsewhere, is saved into the file, is in use, and goes back to the default."""
    page.goto("")
    page.get_by_role("link", name="Settings").click()
    field = page.get_by_label("Task timeout", exact=True)
    expect(field).to_have_value("10m0s")
    expect(page.get_by_text("A task nobody reported on for this long fails")).to_be_visible()
    field.fill("20m")
    expect(page.locator(".saving")).to_contain_text("1 not saved")
    page.get_by_role("link", name="Shaman").click()
    assert page.url.endswith("/settings/shaman")
    page.get_by_role("link", name="Jobs", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="1 setting not saved")).to_be_visible()
    page.get_by_role("link", name="Settings").click()
    expect(field).to_have_value("20m")
    save(page)
    assert becomes(farm, "task_timeout", "value", "20m0s")
    assert "task_timeout: 20m0s" in (farm.manager.data_dir / "flamenco-manager.yaml").read_text()
    page.reload()
    expect(field).to_have_value("20m0s")
    row = page.locator(".setting").filter(has=field)
    expect(row).to_contain_text("from the file")
    row.get_by_role("button", name="Back to the default").click()
    expect(field).to_have_value("10m0s")
    save(page)
    assert becomes(farm, "task_timeout", "source", "default")


def test_wrong_values_and_undo(page: Page, farm: LookedAt, expected: list[str]) -> None:
    """The manager says what is wrong, what was typed stays; undo takes it all back."""
    expected.append("400 (Bad Request)")
    page.goto("settings/farm")
    page.get_by_label("Worker timeout", exact=True).fill("soon")
    page.get_by_label("Blocklist threshold", exact=True).fill("7")
    expect(page.locator(".saving")).to_contain_text("2 not saved")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("'soon' is not a duration")
    expect(page.get_by_label("Worker timeout", exact=True)).to_have_value("soon")
    page.get_by_role("button", name="Undo edits").click()
    expect(page.get_by_label("Worker timeout", exact=True)).to_have_value("1m0s")
    expect(page.get_by_label("Blocklist threshold", exact=True)).to_have_value("3")
    expect(page.locator(".saving")).to_have_count(0)
    assert setting(farm, "blocklist_threshold")["value"] == 3


@pytest.mark.long
def test_closing_asks_first(page: Page, farm: LookedAt) -> None:
    """The browser asks before it closes a tab in which something is not saved."""
    assert farm.manager.url
    page.goto("settings/farm")
    page.get_by_label("Manager name", exact=True).press_sequentially("!")
    with page.expect_event("dialog") as asked:
        page.close(run_before_unload=True)
    assert asked.value.type == "beforeunload"
    asked.value.accept()


@pytest.mark.long
def test_what_is_only_in_the_file(page: Page, farm: LookedAt) -> None:
    """Fields that would change nothing are off, and say where to change it; so do those that the command line says."""
    page.goto("settings/server")
    listen = page.get_by_label("Listen", exact=True)
    expect(listen).to_be_disabled()
    expect(listen).to_have_value("127.0.0.1:0")
    row = page.locator(".setting").filter(has=listen)
    expect(row).to_contain_text("from the command line")
    expect(row).to_contain_text("flamenco-manager.yaml on the manager's machine")
    assert setting(farm, "listen")["source"] == "command line"


@pytest.mark.long
def test_variables(page: Page, farm: LookedAt) -> None:
    """One is made, with values by platform and audience, changed, and removed."""
    page.goto("settings/variables")
    page.get_by_label("Name, without braces").fill("scenes")
    page.get_by_role("button", name="Add variable").click()
    one = page.get_by_role("group", name="{scenes}")
    one.get_by_label("Value of {scenes}").fill("/mnt/scenes")
    one.get_by_role("button", name="Add a value").click()
    one.get_by_label("Value of {scenes}").last.fill("S:\\")
    one.get_by_label("Platform").last.fill("windows")
    one.get_by_label("For whom").last.select_option("users")
    one.get_by_role("checkbox").check()
    save(page)
    values = [
        {"value": "/mnt/scenes", "platform": "all"},
        {"value": "S:\\", "audience": "users", "platform": "windows"},
    ]
    assert becomes(farm, "variables.scenes", "value", {"is_twoway": True, "values": values})
    page.reload()
    one.get_by_role("button", name="Remove the value").last.click()
    expect(one.get_by_label("Value of {scenes}")).to_have_count(1)
    save(page)
    assert becomes(farm, "variables.scenes", "value", {"is_twoway": True, "values": values[:1]})
    one.get_by_role("button", name="Remove the variable").click()
    expect(one).to_contain_text("It is removed when you save.")
    save(page)
    expect(one).to_have_count(0)
    assert not [each for each in farm.ask("settings")["settings"] if each["key"] == "variables.scenes"]


@pytest.mark.long
def test_job_types_and_plugins(page: Page, farm: LookedAt) -> None:
    """Scripts that cannot be used are named with what is wrong and where; plugins with whether they are used."""
    folder = farm.manager.data_dir / "jobtypes"
    folder.mkdir(exist_ok=True)
    script = folder / "broken.js"
    script.write_text(BROKEN)
    page.goto("settings/job-types")
    problems = page.locator(".described")
    expect(problems).to_contain_text("broken")
    expect(problems).to_contain_text("broken.js:1")
    script.unlink()
    page.get_by_role("button", name="Look again").click()
    expect(problems).to_have_count(0)
    page.get_by_role("link", name="Plugins", exact=True).click()
    webhooks = page.get_by_role("listitem").filter(has_text="webhooks")
    expect(webhooks).to_contain_text("not used")
    expect(webhooks).to_contain_text("event_sinks")


@pytest.mark.long
def test_diagnostics_are_copied(page: Page, farm: LookedAt) -> None:
    """Version, database, machine and counts, as text."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("settings/about")
    page.get_by_role("button", name="Copy diagnostics").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f"version: {farm.ask('about')['version']}" in copied
    assert "database: sqlite 3." in copied
    assert "workers: 2" in copied
