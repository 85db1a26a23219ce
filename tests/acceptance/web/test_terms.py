"""What people say of jobs and workers by the page's buttons: in which order, on which workers, how many, and why."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.conftest import wait_until
from tests.acceptance.web.farms import TIMEOUT_S, LookedAt
from tests.acceptance.web.test_actions import SECRET, nobody, press, tasks_of, worker

__all__ = ["nobody", "worker"]

STATIC: Final = Path(__file__).parents[3] / "flamenco/web/static/app/core"

FILES: Final[dict[str, Any]] = {"blendfile": "/farm/a.blend", "render_output_root": "/farm", "add_path_components": 0}
IMAGES: Final[dict[str, Any]] = {"render_output_path": "/farm/######", "format": "PNG", "image_file_extension": ".png"}
FRAMES: Final[dict[str, Any]] = {"frames": "1-6", "chunk_size": 2, "fps": 24, "has_previews": False, "scene": "Scene"}
SHOT: Final[dict[str, Any]] = {"type": "simple-blender-render", "settings": FILES | IMAGES | FRAMES}


def test_every_action_is_pressed_somewhere() -> None:
    """The labels of all buttons of the table stand in a test of this folder, which presses them."""
    table = (STATIC / "actions.js").read_text()
    words = (STATIC / "strings.js").read_text().partition("\n  actions: {")[2].partition("\n  },")[0]
    labels = dict(re.findall(r'^    "?([\w-]+)"?: "([^"]+)",', words, re.MULTILINE))
    used = {first or second for first, second in re.findall(r'words(?:\.(\w+)|\["([\w-]+)"\])', table)}
    buttons = {labels[name] for name in used & labels.keys()} - {labels[name] for name in ("lazily", "atOnce", "undo")}
    tests = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py"))
    assert len(buttons) > 30
    assert sorted(label for label in buttons if f'"{label}"' not in tests) == []


@pytest.fixture
def shot(farm: LookedAt, nobody: str) -> Callable[..., str]:
    """Submits a job about frames that nobody takes; gives its id."""
    return lambda name, **more: farm.submit(name, worker_tag=nobody, **SHOT, **more)


def kept(farm: LookedAt, job_id: str, key: str) -> Any:
    """What is known of a job."""
    return farm.ask(f"jobs/{job_id}").get(key)


@pytest.mark.long
def test_frames(page: Page, farm: LookedAt, shot: Callable[..., str]) -> None:
    """Some come again, alone; and all in another order."""
    job_id = shot("framed")
    page.goto(f"jobs/{job_id}")

    def split() -> None:
        page.get_by_label("Such as 12,40-48").fill("2")
        page.get_by_label("Not all that their tasks have").check()

    press(page, "Frames again …", split)
    assert {task["name"] for task in tasks_of(farm, job_id)} > {"render-2"}
    order = page.get_by_role("dialog").get_by_role("combobox")
    press(page, "Order of frames …", lambda: order.fill("backward"))
    assert kept(farm, job_id, "order") == "backward"


@pytest.mark.long
def test_a_preview(page: Page, farm: LookedAt, shot: Callable[..., str]) -> None:
    """It is held, until the button says that it goes on."""
    job_id = shot("looked at", preview={"frames": "first"})
    assert kept(farm, job_id, "previewed")["held"] > 0
    page.goto(f"jobs/{job_id}")
    press(page, "Approve")
    assert kept(farm, job_id, "previewed")["state"] == "over"


@pytest.mark.long
def test_jobs_to_be_looked_at(page: Page, farm: LookedAt) -> None:
    """They say so in lists, which show these alone where somebody wants that, and let all of them go on at once."""
    frames: dict[str, Any] = {"type": "frame-script", "settings": {"script": "/bin/true", "frames": "1-3"}}
    for name in ("to be looked at", "looked at likewise"):
        farm.submit(name, preview={"frames": "first"}, **frames)
    assert wait_until(lambda: farm.ask("jobs", waiting_for_approval="true")["total"] == 2, TIMEOUT_S)
    page.goto("jobs")
    rows = page.locator('[role="rowgroup"] [role="row"]')
    expect(rows.filter(has_text="to approve")).to_have_count(2)
    page.goto("")
    page.get_by_role("link", name="2 jobs with a preview to look at").click()
    assert page.url.endswith("/jobs?waiting_for_approval=true")
    page.reload()
    expect(rows).to_have_count(2)
    button = page.get_by_role("button", name="to approve", exact=True)
    expect(button).to_have_attribute("aria-pressed", "true")
    rows.first.get_by_role("checkbox").click()
    page.get_by_role("button", name="Choose all 2 that match").click()
    press(page, "Approve")
    expect(page.get_by_text("Nothing fits these filters.")).to_be_visible()
    button.click()
    assert page.url.endswith("/jobs")
    expect(rows.filter(has_text="to be looked at")).to_be_visible()
    expect(rows.filter(has_text="to approve")).to_have_count(0)


@pytest.mark.long
def test_terms(page: Page, farm: LookedAt, nobody: str, worker: str) -> None:
    """How many workers, which, which not, how much may fail, and what others should know."""
    job_id = farm.submit("terms", worker_tag=nobody)
    name = farm.ask(f"workers/{worker}")["name"]
    dialog = page.get_by_role("dialog")
    page.goto(f"jobs/{job_id}")
    press(page, "Workers at once …", lambda: dialog.get_by_role("textbox").fill("3"))
    assert kept(farm, job_id, "max_workers") == 3
    press(page, "For which workers …", lambda: dialog.get_by_label("Not these").fill(worker))
    assert [each["id"] for each in kept(farm, job_id, "workers_denied")] == [worker]
    press(page, "Block workers …", lambda: dialog.get_by_label("Workers, with commas between").fill(worker))
    blocked = farm.client.get(f"/api/v3/jobs/{job_id}/blocklist").json()
    assert [each["worker_name"] for each in blocked] == [name]
    press(page, "Unblock workers …", lambda: dialog.get_by_label("Workers, with commas between").fill(worker))
    assert farm.client.get(f"/api/v3/jobs/{job_id}/blocklist").json() == []
    press(page, "Note …", lambda: dialog.get_by_role("textbox").fill("the <b>camera</b> moves"))
    assert kept(farm, job_id, "note")["text"] == "the <b>camera</b> moves"
    press(page, "Limits on failures …", lambda: dialog.get_by_label("Percent of the tasks").fill("50"))
    assert kept(farm, job_id, "fail_percent") == 50


@pytest.mark.long
def test_a_task_is_skipped(page: Page, farm: LookedAt, nobody: str) -> None:
    """It counts as done, and the others stay."""
    job_id = farm.submit("skipped", count=20, worker_tag=nobody)
    (task, *_) = tasks_of(farm, job_id)
    page.goto(f"jobs/{job_id}/tasks/{task['id']}")
    press(page, "Skip")
    assert [each["status"] for each in tasks_of(farm, job_id)[:2]] == ["completed", "queued"]


@pytest.mark.long
def test_a_worker(page: Page, farm: LookedAt, worker: str) -> None:
    """It has a note, is put away when it is gone, and is there again."""
    page.goto(f"workers/{worker}")
    press(page, "Note …", lambda: page.get_by_role("dialog").get_by_role("textbox").fill("hums"))
    assert farm.ask(f"workers/{worker}")["note"]["text"] == "hums"
    signed_off = farm.client.post("/api/v3/worker/sign-off", auth=(worker, SECRET))
    signed_off.raise_for_status()
    page.reload()
    press(page, "Put away")
    assert "put_away" in farm.ask(f"workers/{worker}")
    press(page, "Bring back")
    assert "put_away" not in farm.ask(f"workers/{worker}")


@pytest.mark.long
def test_a_worker_of_ours_tests_itself(page: Page, farm: LookedAt) -> None:
    """It is asked to, and says what it found."""
    farm.await_status(farm.submit("awake"), "completed")
    known = (each["id"] for each in farm.ask("workers")["workers"])
    ours = next(each for each in known if "last" in farm.ask(f"workers/{each}/self-test"))
    page.goto(f"workers/{ours}")
    press(page, "Self-test")
    said = f"workers/{ours}/self-test"
    assert wait_until(lambda: farm.ask(said).get("last", {}).get("why") == "asked", TIMEOUT_S)


@pytest.mark.long
def test_a_sick_worker(page: Page, farm: LookedAt, worker: str) -> None:
    """Somebody knows that it is well."""
    who = (worker, SECRET)
    about = {"name": "ill", "supported_task_types": ["misc"], "software_version": "1"}
    farm.client.post("/api/v3/worker/sign-on", json=about, auth=who).raise_for_status()
    farm.client.post("/api/v3/worker/state-changed", json={"status": "awake"}, auth=who).raise_for_status()
    tag = farm.tag("ill")
    farm.client.post(f"/api/v3/worker-mgt/workers/{worker}/settags", json={"tag_ids": [tag]}).raise_for_status()
    for name, count in (("one", 3), ("two", 2)):
        farm.submit(name, count=40, worker_tag=tag)
        for _ in range(count):
            task = farm.client.post("/api/v3/worker/task", auth=who).json()
            update = {"taskStatus": "failed", "activity": "it broke"}
            farm.client.post(f"/api/v3/worker/task/{task['uuid']}", json=update, auth=who).raise_for_status()
    assert farm.ask(f"workers/{worker}")["sick"]
    page.goto(f"workers/{worker}")
    press(page, "Give tasks again")
    assert "sick" not in farm.ask(f"workers/{worker}")
    expect(page.get_by_role("button", name="Give tasks again")).to_have_count(0)
