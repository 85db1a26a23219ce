"""How soon the web page shows what happens, where nothing else goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.conftest import running_manager
from tests.acceptance.web.conftest import browser, expected, page, until
from tests.acceptance.web.farms import LookedAt, looked_at

__all__ = ["browser", "expected", "page"]

MOST_S: Final = 1.5
"""From something happening to being seen."""


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LookedAt]:
    """A manager without workers."""
    folder: Path = tmp_path_factory.mktemp("farm")
    with running_manager(folder, "--processes", "2") as manager, looked_at(manager) as seen:
        yield seen


def test_what_happens_is_seen(page: Page, farm: LookedAt) -> None:
    """A status that changes is shown within a second and a half."""
    job_id = farm.submit("seen", initial_status="paused")
    page.goto("jobs?q=seen")
    expect(page.get_by_role("row", name="seen")).to_contain_text("paused")
    until(page, "performance.getEntriesByType('resource').some(({name}) => name.includes('/events'))")
    started = time.monotonic()
    farm.client.post(f"/api/v3/jobs/{job_id}/setpriority", json={"priority": 66}).raise_for_status()
    until(page, f"document.querySelector('#row-{job_id} [data-column=priority]').textContent.trim() === '66'")
    assert time.monotonic() - started < MOST_S
