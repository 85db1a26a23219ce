"""The web page over a farm as large as it has to cope with, while much happens in it: what a browser sees of it."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import httpx
import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.conftest import Manager, running_manager
from tests.acceptance.web.conftest import PATIENCE_MS, browser, until
from tests.acceptance.web.farms import LookedAt, looked_at
from tests.load.long_farm import JOBS, LARGE, TASKS, WORKERS, long_farm
from tests.machine import slowness

__all__ = ["browser"]

log = logging.getLogger(__name__)

FIRST_ROWS_MS: Final = 1500
SEEN_MS: Final = 1500
MOST_ROWS: Final = 120
LONGEST_TASK_MS: Final = 100
MOST_HEAP_MB: Final = 150
MOST_OF_A_CORE: Final = 0.1
EVENTS_A_SECOND: Final = 20
PAGES: Final = 100
EVERY_S: Final = 1.2
LAG_S: Final = 0.2
"""How often a page asks, and how old what it is told may be."""

WATCHED_MINUTES = float(os.environ.get("ENDURANCE_MINUTES", "1"))

WATCH = """
window.longTasks = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.longTasks.push([entry.startTime, entry.duration]);
}).observe({ type: "longtask", buffered: true });
new MutationObserver((_, observer) => {
  if (!document.querySelector('[role="rowgroup"] [role="row"][id]')) return;
  observer.disconnect();
  requestAnimationFrame(() => { window.firstRows = performance.now(); });
}).observe(document, { childList: true, subtree: true });
"""


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LookedAt]:
    """A manager of two processes, with that much in it."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "data").mkdir()
    with long_farm(folder / "data"):
        pass
    with running_manager(folder, "--processes", "2") as manager, looked_at(manager) as seen:
        yield seen


@pytest.fixture
def page(browser: Browser, farm: LookedAt) -> Iterator[Page]:
    """A tab that has been nowhere, and is watched."""
    context = browser.new_context(base_url=farm.manager.url, viewport={"width": 1400, "height": 850})
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    opened.add_init_script(WATCH)
    yield opened
    context.close()


@contextmanager
def much_happens(farm: LookedAt, job_ids: list[str]) -> Iterator[None]:
    """Those jobs change all the time, twenty times a second in all."""
    over = threading.Event()

    def change() -> None:
        with httpx.Client(base_url=farm.manager.url, timeout=30) as client:
            number = 0
            while not over.wait(1 / EVENTS_A_SECOND):
                number += 1
                job_id = job_ids[number % len(job_ids)]
                client.post(f"/api/v3/jobs/{job_id}/setpriority", json={"priority": number % 100}).raise_for_status()

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def large_job(farm: LookedAt) -> str:
    """The id of the job of very many tasks."""
    return str(farm.ask("jobs", q=LARGE)["jobs"][0]["id"])


@pytest.mark.long
@pytest.mark.parametrize("view", ["jobs", "tasks", "workers"])
def test_first_rows(page: Page, farm: LookedAt, view: str) -> None:
    """They are there soon after opening, with nothing kept from before; and never many in the document."""
    path, total = {
        "jobs": ("jobs", JOBS + 1),
        "tasks": (f"jobs/{large_job(farm)}", TASKS),
        "workers": ("workers", WORKERS),
    }[view]
    page.goto(path)
    until(page, "window.firstRows")
    first_ms = page.evaluate("window.firstRows")
    log.info("%s: first rows after %.0f ms", view, first_ms)
    assert first_ms <= FIRST_ROWS_MS * slowness()
    expect(page.locator(".filters .count")).to_have_text(f"{total:,}")
    grid = page.get_by_role("grid")
    for _ in range(20):
        grid.evaluate("(element) => { element.scrollTop += 2000; }")
        assert page.locator('[role="row"]').count() < MOST_ROWS
    expect(grid.locator('[role="row"][id]').first).to_be_visible()


@pytest.mark.long
def test_the_end_of_a_long_list(page: Page, farm: LookedAt) -> None:
    """Somebody who goes there gets there, and what is shown is the end."""
    page.goto("jobs?sort=name")
    until(page, "window.firstRows")
    page.get_by_role("grid").evaluate("(element) => { element.scrollTop = element.scrollHeight; }")
    expect(page.get_by_role("row", name=LARGE)).to_be_visible(timeout=PATIENCE_MS)


@pytest.mark.long
def test_while_much_happens(page: Page, farm: LookedAt) -> None:
    """With twenty events a second: each is soon seen, nothing stalls the page, and it does not grow."""
    jobs = farm.ask("jobs", sort="-created", status="queued", limit=40)["jobs"]
    ids = [job["id"] for job in jobs]
    page.goto("jobs?status=queued")
    until(page, "window.firstRows")
    client = page.context.new_cdp_session(page)
    with much_happens(farm, ids[1:]):
        opened = page.evaluate("performance.now()")
        deadline = time.monotonic() + WATCHED_MINUTES * 60
        slowest = 0.0
        while time.monotonic() < deadline:
            slowest = max(slowest, seen_after_ms(page, farm, jobs[0]))
        tasks = page.evaluate(f"window.longTasks.filter(([at]) => at > {opened})")
        client.send("HeapProfiler.collectGarbage")
        heap_mb = client.send("Runtime.getHeapUsage")["usedSize"] / 1e6
    longest = max((duration for _, duration in tasks), default=0)
    log.info("seen after at most %.0f ms, longest task %.0f ms, heap %.1f MB", slowest, longest, heap_mb)
    assert slowest <= SEEN_MS * slowness()
    assert longest <= LONGEST_TASK_MS * slowness()
    assert heap_mb <= MOST_HEAP_MB
    assert page.locator('[role="row"]').count() < MOST_ROWS


def seen_after_ms(page: Page, farm: LookedAt, job: dict[str, Any]) -> float:
    """How long a change of that job takes to its row."""
    job["priority"] = (job["priority"] + 37) % 101
    cell = f"document.querySelector('#row-{job['id']} [data-column=priority]').textContent.trim()"
    started = time.monotonic()
    farm.client.post(f"/api/v3/jobs/{job['id']}/setpriority", json={"priority": job["priority"]}).raise_for_status()
    until(page, f"{cell} === '{job['priority']}'")
    return (time.monotonic() - started) * 1e3


def processor_s(manager: Manager) -> float:
    """The processor time of all processes of a manager."""
    main = psutil.Process(manager.process.pid)
    times = [each.cpu_times() for each in (main, *main.children(recursive=True))]
    return sum(each.user + each.system for each in times)


@pytest.mark.long
def test_a_hundred_pages(farm: LookedAt) -> None:
    """So many that are open at once cost the manager little beside its chores, while nothing happens."""
    seconds = 15.0

    async def one_page(client: httpx.AsyncClient, delay: float) -> None:
        await asyncio.sleep(delay)
        after = (await client.get("/api/x/events")).json()["next"]
        ends = time.monotonic() + seconds - delay
        while time.monotonic() < ends:
            answer = await client.get("/api/x/events", params={"after": after, "lag": LAG_S})
            after = answer.json()["next"]
            await asyncio.sleep(EVERY_S)

    async def all_pages() -> None:
        limits = httpx.Limits(max_connections=PAGES, max_keepalive_connections=PAGES)
        async with httpx.AsyncClient(base_url=farm.manager.url, timeout=30, limits=limits) as client:
            await asyncio.gather(*(one_page(client, EVERY_S * number / PAGES) for number in range(PAGES)))

    before = processor_s(farm.manager)
    threading.Event().wait(seconds)
    of_chores = (processor_s(farm.manager) - before) / seconds
    before, started = processor_s(farm.manager), time.monotonic()
    # In a thread of its own: the browser's driver has an event loop in this one.
    with ThreadPoolExecutor(1) as aside:
        aside.submit(asyncio.run, all_pages()).result()
    cores = (processor_s(farm.manager) - before) / (time.monotonic() - started) - of_chores
    log.info("%d pages cost %.3f cores; chores %.3f", PAGES, cores, of_chores)
    assert cores <= MOST_OF_A_CORE * slowness()
