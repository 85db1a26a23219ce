"""The set-up assistant: from an empty folder to a frame that a worker rendered, with a real Blender."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.conftest import STOP_TIMEOUT_S, Manager, running_manager
from tests.acceptance.test_faults import QUICK
from tests.acceptance.web.conftest import PATIENCE_MS, Trouble
from tests.acceptance.web.farms import looked_at

RENDERED_MS = 180_000


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """A manager that nobody has set up, in a folder of its own."""
    (tmp_path / "manager").mkdir()
    with running_manager(tmp_path / "manager", "--processes", "2") as running:
        yield running


@pytest.fixture
def page(browser: Browser, manager: Manager, expected: list[str]) -> Iterator[Page]:
    """A tab of that manager."""
    context = browser.new_context(base_url=manager.url, viewport={"width": 1400, "height": 850})
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    trouble = Trouble(opened, manager.url, expected)
    yield opened
    context.close()
    assert trouble.found == []


@contextmanager
def worker(command: str, folder: Path) -> Iterator[None]:
    """Run what the page says to run, with quick answers."""
    words = shlex.split(command)
    assert words[:2] == ["flamenco", "worker"]
    line = [sys.executable, "-m", *words, *QUICK, "--name", "first", "--data-dir", str(folder)]
    with (folder.parent / "worker.log").open("wb") as log:
        process = subprocess.Popen(line, stdout=log, stderr=subprocess.STDOUT, cwd=folder.parent)
    try:
        yield
    finally:
        process.terminate()
        process.wait(3 * STOP_TIMEOUT_S)


@pytest.mark.long
def test_from_nothing_to_a_frame(page: Page, manager: Manager, tmp_path: Path) -> None:
    """Step by step, back and forth; what is chosen is in the address; then a worker comes, and renders."""
    storage = tmp_path / "shared storage"
    storage.mkdir()
    page.goto("")
    page.get_by_role("link", name="Set it up").click()
    expect(page.get_by_text("listens on its own machine alone")).to_be_visible()
    expect(page.get_by_text(manager.url)).to_be_visible()
    page.get_by_role("link", name="Next").click()
    field = page.get_by_label("Folder, as the manager sees it")
    field.fill(str(tmp_path / "nowhere"))
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("This path does not exist")).to_be_visible()
    field.fill(str(storage))
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("Directory checked successfully")).to_be_visible()
    page.get_by_role("button", name="Next").click()
    page.get_by_label("On Windows").fill("F:\\farm")
    page.get_by_role("link", name="Back").click()
    expect(field).to_have_value(str(storage))
    page.get_by_role("link", name="3. Other platforms").click()
    page.reload()
    expect(page.get_by_label("On Windows")).to_have_value("F:\\farm")
    page.get_by_role("link", name="Next").click()
    page.get_by_role("radio", name=re.compile(r"Blender \d")).check()
    page.get_by_label("Another command, or path").fill("no-blender-at-all")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("Blender could not be found")).to_be_visible()
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_role("definition").filter(has_text=str(storage))).to_be_visible()
    assert not (manager.data_dir / "flamenco-manager.yaml").exists()
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("Waiting for the first worker")).to_be_visible(timeout=2 * PATIENCE_MS)

    said = yaml.safe_load((manager.data_dir / "flamenco-manager.yaml").read_text())
    assert said["shared_storage_path"] == str(storage)
    assert said["variables"]["storage"]["is_twoway"] is True
    assert {"platform": "windows", "value": "F:\\farm"} in said["variables"]["storage"]["values"]
    command = page.locator("code", has_text="flamenco worker").inner_text()
    (tmp_path / "worker").mkdir()
    with worker(command, tmp_path / "worker"), looked_at(manager) as farm:
        expect(page.get_by_role("link", name="first")).to_be_visible()
        page.get_by_role("link", name="Next").click()
        page.get_by_role("button", name="Render the frame").click()
        expect(page.get_by_text("The farm renders.")).to_be_visible(timeout=RENDERED_MS)
        assert farm.ask("jobs")["counts"]["completed"] == 1
    with Image.open(storage / "flamenco-test" / "000001.png") as frame:
        assert min(frame.size) > 0
    page.get_by_role("link", name="To the farm").click()
    expect(page.get_by_role("heading", name="Farm")).to_be_visible()
    expect(page.get_by_text("has not been set up")).to_have_count(0)


@pytest.mark.long
def test_what_does_not_do_is_refused(page: Page, manager: Manager, tmp_path: Path, expected: list[str]) -> None:
    """Whatever is in the address is tried again; without a storage there is nothing to confirm."""
    expected.append("400 (Bad Request)")
    page.goto("setup/confirm")
    expect(page.get_by_role("alert")).to_contain_text("Choose a shared storage first.")
    page.goto(f"setup/confirm?storage={tmp_path}/gone&blender=/bin/sh")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_contain_text("does not exist")
    page.goto(f"setup/confirm?storage={tmp_path}&blender=/bin/sh")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be the Blender")
    assert not (manager.data_dir / "flamenco-manager.yaml").exists()
