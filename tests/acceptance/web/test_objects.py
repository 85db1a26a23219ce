"""Views of one thing: a job and why it waits, a task with its log, a worker with tags and schedule; and submitting."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.web.farms import LookedAt


@pytest.mark.long
def test_a_job(page: Page, farm: LookedAt) -> None:
    """What it was submitted with, why it waits, and who is blocked; in tabs that are in the address."""
    job_id = farm.submit("looked into", 2, metadata={"user.name": "anna", "project": "Pets"}, initial_status="paused")
    page.goto(f"jobs/{job_id}")
    page.get_by_role("tab", name="Settings").click()
    expect(page.get_by_role("tabpanel")).to_contain_text("looked into")
    assert "tab=settings" in page.url
    page.get_by_role("tab", name="Details").click()
    expect(page.get_by_role("tabpanel")).to_contain_text("anna (as the submission says)")
    expect(page.get_by_role("tabpanel")).to_contain_text(job_id)
    page.get_by_role("tab", name="Why it waits").click()
    expect(page.get_by_role("tabpanel")).to_contain_text("paused")
    page.get_by_role("tab", name="Blocklist").click()
    expect(page.get_by_role("tabpanel")).to_contain_text("No worker is blocked.")
    page.reload()
    expect(page.get_by_role("tab", name="Blocklist")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Tab")


@pytest.mark.long
def test_a_log_is_searched(page: Page, farm: LookedAt) -> None:
    """The manager finds lines, one after the other; the address has what was looked for."""
    job_id = farm.submit("searched", settings={"message": "a needle in here", "count": 1})
    farm.await_status(job_id, "completed")
    (task,) = farm.ask(f"jobs/{job_id}/tasks")["tasks"]
    page.goto(f"jobs/{job_id}/tasks/{task['id']}")
    expect(page.get_by_role("log")).to_contain_text("a needle in here")
    field = page.get_by_role("searchbox", name="Search in the log")
    field.fill("NEEDLE")
    expect(page.get_by_text("1 of 1")).to_be_visible()
    expect(page.locator(".line.found")).to_contain_text("a needle in here")
    assert "find=NEEDLE" in page.url
    field.fill("no such text")
    expect(page.get_by_text("No hit")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert "a needle in here" in download.value.path().read_text()


@pytest.mark.long
def test_lines_of_a_log(page: Page, farm: LookedAt) -> None:
    """They have numbers, a click on which goes into the address; one that is there is shown, wherever it is."""
    job_id = farm.submit("numbered", settings={"message": "ERROR: out of memory", "count": 1})
    farm.await_status(job_id, "completed")
    (task,) = farm.ask(f"jobs/{job_id}/tasks")["tasks"]
    lines = farm.client.get(f"/api/x/tasks/{task['id']}/log").text.splitlines()
    number = next(at for at, line in enumerate(lines, 1) if "out of memory" in line)
    page.goto(f"jobs/{job_id}/tasks/{task['id']}")
    marked = page.locator(f'.line[data-n="{number}"]')
    expect(marked).to_contain_text("out of memory")
    sign = marked.evaluate("line => getComputedStyle(line, '::before').content")
    assert "✖" in sign
    marked.click(position={"x": 20, "y": 5})
    expect(marked).to_have_class(re.compile("found"))
    assert f"line={number}" in page.url
    page.reload()
    expect(marked).to_have_class(re.compile("found"))
    page.get_by_role("searchbox", name="Go to line").fill("1")
    expect(page.locator('.line[data-n="1"]')).to_have_class(re.compile("found"))
    expect(page.locator(".line.found")).to_have_count(1)


@pytest.mark.long
def test_what_workers_run(page: Page, farm: LookedAt) -> None:
    """On each platform what workers there get, with a line for a shell; the address has the platform."""
    settings = {
        "frames": "1-2",
        "chunk_size": 2,
        "render_output_path": "/render/it's ######",
        "blendfile": "/scenes/a b.blend",
        "format": "PNG",
        "image_file_extension": ".png",
    }
    job_id = farm.submit("frames", type="simple-blender-render", settings=settings, initial_status="paused")
    (task,) = [each for each in farm.ask(f"jobs/{job_id}/tasks")["tasks"] if each["type"] == "blender"]
    page.goto(f"jobs/{job_id}/tasks/{task['id']}")
    page.get_by_role("tab", name="Commands").click()
    panel = page.get_by_role("tabpanel")
    expect(panel.get_by_role("heading", name="blender-render")).to_be_visible()
    expect(panel).to_contain_text("For a shell:")
    expect(panel).to_contain_text("'/scenes/a b.blend'")
    chips = panel.get_by_role("group", name="Platform")
    expect(chips.get_by_role("button").first).to_have_attribute("aria-pressed", "true")
    chips.get_by_role("button", name="Windows").click()
    expect(panel).to_contain_text("For PowerShell")
    assert "platform=windows" in page.url
    page.reload()
    expect(chips.get_by_role("button", name="Windows")).to_have_attribute("aria-pressed", "true")
    expect(panel).to_contain_text("'/render/it''s ######")


@pytest.mark.long
def test_how_a_job_went(page: Page, farm: LookedAt) -> None:
    """Each task as a cell, each attempt as a bar; how long it took, by whom; and an attempt's own part of the log."""
    job_id = farm.submit("went well", settings={"message": "went", "count": 40})
    farm.await_status(job_id, "completed")
    page.goto(f"jobs/{job_id}?tab=grid")
    grid = page.get_by_role("tabpanel").get_by_role("img", name="completed 40")
    grid.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tabpanel")).to_contain_text("2 completed")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="echo-2")).to_be_visible()
    page.get_by_role("tab", name="Attempts").click()
    attempt = page.get_by_role("row").filter(has_text="completed")
    expect(attempt).to_have_count(1)
    attempt.get_by_role("link", name="Log").click()
    expect(page.get_by_role("log")).to_contain_text("went")
    assert "at=0" in page.url
    page.goto(f"jobs/{job_id}?tab=timeline")
    expect(page.locator(".lane i")).to_have_count(40)
    page.get_by_text("As a table").click()
    expect(page.get_by_role("row")).to_have_count(41)
    page.goto(f"jobs/{job_id}?tab=details")
    expect(page.get_by_role("tabpanel")).to_contain_text("Elapsed")
    expect(page.locator(".shares li").first).to_be_visible()
    page.get_by_role("button", name="Priority …").click()
    page.get_by_label("Priority, from 0 to 100").fill("77")
    page.get_by_role("dialog").get_by_role("button", name="Priority").click()
    page.get_by_role("tab", name="History").click()
    change = page.get_by_role("row").filter(has_text="actOnJobs")
    expect(change).to_contain_text("50")
    expect(change).to_contain_text("77")
    page.goto("")
    expect(page.get_by_role("img", name="Busy workers")).to_be_visible()
    done = page.get_by_role("figure").filter(has=page.get_by_role("img", name="Tasks done a minute"))
    done.locator("svg").hover(position={"x": 1, "y": 1})
    expect(done.locator(".pointer")).to_have_count(1)


@pytest.mark.long
def test_a_worker(page: Page, farm: LookedAt) -> None:
    """Its tags and its schedule are changed, and it is sent to sleep and woken up."""
    farm.tag("fast")
    (worker, *_) = farm.ask("workers", q="w0")["workers"]
    page.goto(f"workers/{worker['id']}")
    page.get_by_role("checkbox", name="fast").check()
    expect(page.get_by_role("checkbox", name="fast")).to_be_checked()
    page.get_by_role("checkbox", name="Mon").check()
    page.get_by_label("from").fill("22:00")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Sleep schedule")
    page.reload()
    expect(page.get_by_role("checkbox", name="Mon")).to_be_checked()
    expect(page.get_by_label("from")).to_have_value("22:00")
    assert [tag["name"] for tag in farm.ask(f"workers/{worker['id']}")["tags"]] == ["fast"]
    page.get_by_role("button", name="Send to sleep at once").click()
    expect(page.locator("header.head")).to_contain_text("asleep")
    page.get_by_role("button", name="Wake up").click()
    expect(page.locator("header.head")).to_contain_text("awake")


@pytest.mark.long
def test_what_a_worker_is_given(page: Page, farm: LookedAt) -> None:
    """What it had last; why it is given nothing of the jobs that are first in line is asked when somebody wants it."""
    job_id = farm.submit("given away", 30)
    farm.await_status(job_id, "completed")
    tag_id = farm.tag("nobody")
    waiting = farm.submit("for nobody", worker_tag=tag_id, priority=90)
    (worker, *_) = farm.ask("workers", q="w0")["workers"]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"workers/{worker['id']}")
    row = page.get_by_role("row").filter(has_text="given away").first
    expect(row).to_contain_text("completed")
    assert not [url for url in asked if "/explain/" in url]
    page.get_by_text("What it is offered").click()
    offer = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="for nobody")).first
    expect(offer).to_contain_text("tag")
    assert [url for url in asked if f"{waiting}/explain/{worker['id']}" in url]
    row.get_by_role("link", name="echo-").click()
    expect(page.get_by_role("log")).to_contain_text("given away")
    farm.client.post(f"/api/v3/jobs/{waiting}/setstatus", json={"status": "cancel-requested", "reason": "test"})
    farm.client.delete(f"/api/v3/worker-mgt/tag/{tag_id}").raise_for_status()


@pytest.mark.long
def test_what_a_worker_did_on_each_day(page: Page, farm: LookedAt) -> None:
    """For how long it was at tasks, and how many it did: as the manager says, today first."""
    farm.await_status(farm.submit("counted", 20), "completed")
    (worker, *_) = farm.ask("workers", q="w0")["workers"]
    today = farm.ask(f"workers/{worker['id']}/times")["days"][-1]
    page.goto(f"workers/{worker['id']}")
    section = page.locator("section").filter(has=page.get_by_role("heading", name="Time per day"))
    row = section.get_by_role("row").nth(1)
    expect(row.get_by_role("cell").nth(-2)).to_have_text(f"{today['completed']:,}")
    assert today["completed"] > 0
    expect(row.get_by_role("cell").nth(-1)).to_have_text(f"{today['failed']:,}")
    expect(row.get_by_role("rowheader")).to_have_text(re.compile(rf"\b{int(today['at'][8:10])}\b"))
    expect(row.get_by_role("meter")).to_be_visible()


@pytest.mark.long
def test_tags(page: Page, farm: LookedAt) -> None:
    """They are made, described, and removed after a question."""
    page.goto("tags")
    page.get_by_role("textbox", name="Name").last.fill("gpu")
    page.get_by_role("textbox", name="Description").last.fill("with a large card")
    page.get_by_role("button", name="Add tag").click()
    tag = page.locator("form.tag-form").filter(has=page.get_by_role("link", name="Workers")).last
    expect(tag.get_by_role("textbox", name="Name")).to_have_value("gpu")
    tag.get_by_role("textbox", name="Description").fill("with two cards")
    tag.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved: gpu")
    page.reload()
    expect(tag.get_by_role("textbox", name="Description")).to_have_value("with two cards")
    tag.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("textbox", name="Name")).to_have_count(len(farm.ask("search", q="fast")["tags"]) + 1)


def test_submitting(page: Page, farm: LookedAt, expected: list[str]) -> None:
    """The tasks are shown before; what is wrong is said in the manager's words; another is made of it with changes."""
    expected.append("400 (Bad Request)")
    page.goto("submit")
    page.get_by_role("link", name="Simple Blender Render").click()
    page.get_by_role("textbox", name="Name", exact=True).fill("forty frames")
    page.get_by_role("textbox", name="Frames", exact=True).fill("1-40,nonsense")
    page.get_by_role("combobox", name="Render output path").fill("/render/######")
    page.get_by_role("combobox", name="Blendfile").fill("/scenes/shot.blend")
    page.get_by_role("textbox", name="Format").fill("PNG")
    page.get_by_role("textbox", name="Image file extension").fill(".png")
    page.get_by_role("button", name="Show the tasks").click()
    expect(page.get_by_role("textbox", name="Name", exact=True)).to_have_value("forty frames")
    expect(page.get_by_role("alert")).to_contain_text("nonsense")
    page.get_by_role("textbox", name="Frames", exact=True).fill("1-40")
    page.get_by_role("spinbutton", name="Chunk size", exact=True).fill("10")
    page.get_by_role("button", name="Show the tasks").click()
    expect(page.get_by_role("heading", name=re.compile(r"\d+ tasks"))).to_be_visible()
    page.get_by_role("checkbox", name="Begin paused").check()
    assert farm.ask("jobs", q="forty frames")["total"] == 0
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_role("heading", name="forty frames")).to_be_visible()
    (job,) = farm.ask("jobs", q="forty frames")["jobs"]
    assert job["status"] == "paused"
    page.goto(f"submit/simple-blender-render?from={job['id']}")
    expect(page.get_by_role("textbox", name="Frames", exact=True)).to_have_value("1-40")
    expect(page.get_by_role("spinbutton", name="Chunk size", exact=True)).to_have_value("10")


@pytest.mark.long
def test_variables_are_offered(page: Page, farm: LookedAt) -> None:
    """In fields of paths, with what they stand for, where somebody is about to type; what is before the name stays."""
    known = farm.client.get("/api/v3/configuration/variables/workers/linux").json()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("submit/simple-blender-render")
    field = page.get_by_role("combobox", name="Blendfile")
    offered = field.locator("xpath=following-sibling::datalist/option")
    expect(offered).to_have_count(0)
    assert not [url for url in asked if "/variables/" in url]
    field.focus()
    expect(offered).to_have_count(len(known))
    jobs = page.locator("option[value='{jobs}']").first
    expect(jobs).to_have_attribute("label", re.compile(re.escape(known["jobs"]["value"])))
    page.keyboard.type("/farm/{jo")
    expect(page.locator("option[value='/farm/{jobs}']")).to_have_count(1)
    page.keyboard.type("bs}/shot.blend")  # a browser without windows shows no offers, so none can be taken
    farm.tag("meanwhile")  # what comes from the manager takes away nothing that was typed
    page.get_by_role("textbox", name="Frames", exact=True).focus()
    expect(field).to_have_value("/farm/{jobs}/shot.blend")
    assert page.url.endswith("/submit/simple-blender-render")


@pytest.mark.long
def test_many_workers(page: Page, farm: LookedAt) -> None:
    """Tags and a schedule are given to all that are chosen, and what was done is taken back."""
    farm.tag("for many")
    page.goto("workers")
    boxes = page.get_by_role("row").get_by_role("checkbox")
    expect(boxes).to_have_count(3)  # that of the heading, and of both workers
    boxes.nth(-1).click()
    boxes.nth(-2).click()
    bar = page.get_by_role("toolbar", name="2 chosen")
    bar.get_by_role("button", name="Tags …").click()
    page.get_by_label("for many").select_option("give")
    page.get_by_role("dialog").get_by_role("button", name="Tags").click()
    expect(page.get_by_role("status")).to_contain_text("Tags: 2")
    expect(page.locator(".tag", has_text="for many")).to_have_count(2)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".tag", has_text="for many")).to_have_count(0)
    bar.get_by_role("button", name="Sleep schedule …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("checkbox", name="Sun").check()
    dialog.get_by_label("from").fill("01:00")
    dialog.get_by_label("until").fill("01:01")
    dialog.get_by_role("button", name="Sleep schedule").click()
    expect(page.get_by_role("status")).to_contain_text("Sleep schedule: 2")
    workers = farm.ask("workers")["workers"]
    assert [worker["sleep"]["active"] for worker in workers] == [True, True]
