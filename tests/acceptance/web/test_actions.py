"""Everything that can be done is done once by its button, to something real, and the manager says that it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.conftest import wait_until
from tests.acceptance.web.farms import TIMEOUT_S, LookedAt

pytestmark = pytest.mark.long

SECRET = "a secret of more than sixteen letters"


@pytest.fixture(scope="module")
def nobody(farm: LookedAt) -> str:
    """A tag that no worker has: jobs with it wait."""
    return farm.tag("nobody")


def set_status(farm: LookedAt, path: str, status: str) -> None:
    """Have a job or a task be in a status, as a person may."""
    farm.client.post(f"/api/v3/{path}/setstatus", json={"status": status, "reason": "test"}).raise_for_status()


def tasks_of(farm: LookedAt, job_id: str) -> list[dict[str, Any]]:
    """The tasks of a job, in their order."""
    tasks: list[dict[str, Any]] = farm.ask(f"jobs/{job_id}/tasks")["tasks"]
    return tasks


def press(page: Page, label: str, fill: Callable[[], object] | None = None) -> None:
    """Press the button, and answer what it asks."""
    page.get_by_role("toolbar").first.get_by_role("button", name=label, exact=True).click()
    if label.endswith("…"):
        if fill:
            fill()
        page.get_by_role("dialog").get_by_role("button").last.click()
    expect(page.get_by_role("status").last).to_contain_text(label.removesuffix(" …"))


@pytest.mark.parametrize(
    ("before", "label", "after"),
    [
        ("queued", "Pause", "paused"),
        ("paused", "Resume", "queued"),
        ("queued", "Cancel", "canceled"),
        ("canceled", "Requeue all", "queued"),
        ("canceled", "Requeue canceled", "queued"),
    ],
)
def test_status_of_a_job(page: Page, farm: LookedAt, nobody: str, before: str, label: str, after: str) -> None:
    """A job that waits goes from one status to the other."""
    job_id = farm.submit(label, worker_tag=nobody, initial_status="paused" if before == "paused" else "queued")
    if before == "canceled":
        set_status(farm, f"jobs/{job_id}", "cancel-requested")
        farm.await_status(job_id, before)
    page.goto(f"jobs/{job_id}")
    press(page, label)
    farm.await_status(job_id, after)
    expect(page.locator("header.head .status").first).to_contain_text(after)


def test_what_failed_of_a_job(page: Page, farm: LookedAt, nobody: str) -> None:
    """Tasks that failed wait again, and no others."""
    job_id = farm.submit("failed", count=20, worker_tag=nobody)
    first, second, *_ = tasks_of(farm, job_id)
    set_status(farm, f"tasks/{first['id']}", "failed")
    set_status(farm, f"tasks/{second['id']}", "canceled")
    page.goto(f"jobs/{job_id}")
    press(page, "Requeue failed")
    statuses = [task["status"] for task in tasks_of(farm, job_id)[:2]]
    assert statuses == ["queued", "canceled"]


def test_priority_tag_and_deletion(page: Page, farm: LookedAt, nobody: str, expected: list[str]) -> None:
    """What asks first does what was answered."""
    expected.append("404")  # the page may look again, and says that it is gone
    job_id = farm.submit("changed", worker_tag=nobody)
    page.goto(f"jobs/{job_id}")
    press(page, "Priority …", lambda: page.get_by_label("Priority, from 0 to 100").fill("3"))
    assert farm.ask(f"jobs/{job_id}")["priority"] == 3
    press(page, "Start …", lambda: page.get_by_label("Not before").fill("+1h"))
    assert "start_after" in farm.ask(f"jobs/{job_id}")
    press(page, "Limits on time …", lambda: page.get_by_label("A task is stopped after").fill("2h"))
    assert farm.ask(f"jobs/{job_id}/explain")["time_limits"][0]["max_run_time"]["seconds"] == 7200
    press(page, "Tag …", lambda: page.get_by_label("Only workers with the tag").select_option("All workers"))
    assert "tag" not in farm.ask(f"jobs/{job_id}")
    press(page, "Delete …")
    assert wait_until(lambda: farm.client.get(f"/api/x/jobs/{job_id}").status_code == 404, TIMEOUT_S)


def test_archive(page: Page, farm: LookedAt, nobody: str, expected: list[str]) -> None:
    """A job that has ended goes into an archive, and is in no list any more."""
    expected.append("404")
    job_id = farm.submit("old", worker_tag=nobody)
    set_status(farm, f"jobs/{job_id}", "cancel-requested")
    farm.await_status(job_id, "canceled")
    page.goto(f"jobs/{job_id}")
    press(page, "Archive")
    assert wait_until(lambda: farm.client.get(f"/api/x/jobs/{job_id}").status_code == 404, TIMEOUT_S)
    assert wait_until(lambda: any(each["id"] == job_id for each in farm.ask("archives")["archives"]), TIMEOUT_S)


@pytest.mark.parametrize(
    ("before", "label", "after"),
    [("queued", "Cancel", "canceled"), ("failed", "Requeue", "queued"), ("canceled", "Requeue", "queued")],
)
def test_status_of_a_task(page: Page, farm: LookedAt, nobody: str, before: str, label: str, after: str) -> None:
    """One task goes from one status to the other; the job's others stay."""
    job_id = farm.submit(label, count=20, worker_tag=nobody)
    (task, other, *_) = tasks_of(farm, job_id)
    if before != "queued":
        set_status(farm, f"tasks/{task['id']}", before)
    page.goto(f"jobs/{job_id}/tasks/{task['id']}")
    press(page, label)
    assert [each["status"] for each in tasks_of(farm, job_id)[:2]] == [after, "queued"], other


def test_another_worker(page: Page, farm: LookedAt) -> None:
    """A task that one worker has run is run again by another one."""
    job_id = farm.submit("elsewhere")
    farm.await_status(job_id, "completed")
    (task,) = tasks_of(farm, job_id)
    page.goto(f"jobs/{job_id}/tasks/{task['id']}")
    press(page, "Requeue on another worker")
    assert wait_until(lambda: tasks_of(farm, job_id)[0]["worker"]["id"] != task["worker"]["id"], TIMEOUT_S)


@pytest.fixture
def worker(farm: LookedAt) -> str:
    """A worker that speaks today's protocol, is awake, and can restart; its id."""
    about = {"supported_task_types": ["none"], "name": "asked"}
    answer = farm.client.post(
        "/api/v3/worker/register-worker", json=about | {"secret": SECRET, "platform": "linux"}
    ).json()
    who = (answer["uuid"], SECRET)
    more = {"software_version": "1", "can_restart": True}
    farm.client.post("/api/v3/worker/sign-on", json=about | more, auth=who).raise_for_status()
    farm.client.post("/api/v3/worker/state-changed", json={"status": "awake"}, auth=who).raise_for_status()
    return str(answer["uuid"])


@pytest.mark.parametrize(
    ("label", "requested"),
    [
        (f"{label} {how}", {"status": status, "is_lazy": how != "at once"})
        for label, status in (("Send to sleep", "asleep"), ("Shut down", "offline"), ("Restart", "restart"))
        for how in ("after the task", "at once")
    ],
)
def test_requests_to_a_worker(page: Page, farm: LookedAt, worker: str, label: str, requested: dict[str, Any]) -> None:
    """It is asked for that, which is shown until it has done so, and can be taken back."""
    page.goto(f"workers/{worker}")
    press(page, label)
    assert farm.ask(f"workers/{worker}")["requested"] == requested
    press(page, "Take request back")
    assert "requested" not in farm.ask(f"workers/{worker}")


def test_a_worker_is_woken_up_and_removed(page: Page, farm: LookedAt, worker: str, expected: list[str]) -> None:
    """And is nobody's any more."""
    expected.append("404")  # the page looks again, and says that it is gone
    who = (worker, SECRET)
    farm.client.post("/api/v3/worker/state-changed", json={"status": "asleep"}, auth=who).raise_for_status()
    page.goto(f"workers/{worker}")
    press(page, "Wake up")
    assert farm.ask(f"workers/{worker}")["requested"]["status"] == "awake"
    expect(page.get_by_role("button", name="Take request back")).to_be_visible()
    press(page, "Remove …")
    expect(page.get_by_text("There is no such worker")).to_be_visible()
    assert farm.client.get(f"/api/x/workers/{worker}").status_code == 404
