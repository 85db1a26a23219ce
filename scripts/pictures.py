"""Pictures of the web page for the README, light and dark: of the demo's farm while it renders, and when it is done."""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
SIZE = {"width": 1200, "height": 720}
TIMEOUT_S = 600.0
THEMES = ("light", "dark")


@contextmanager
def demo() -> Iterator[str]:
    """The farm of the demo, until the end; gives its address as soon as it is known."""
    folder = Path(tempfile.mkdtemp(prefix="flamenco-pictures-"))
    command = [sys.executable, "-m", "flamenco", "demo", "--keep", "--dir", str(folder / "farm")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        for line in process.stdout:
            if found := re.search(r"in a browser: (\S+)", line):
                yield found[1]
                break
        else:
            raise SystemExit("The demo did not start; `scripts/demo` says why.")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def await_job(url: str, *statuses: str, done: float = 0.0) -> dict[str, Any]:
    """The demo's job, once it has one of these statuses, and so much of it is done."""
    with httpx.Client(base_url=url, timeout=30) as client:
        while True:
            jobs: list[dict[str, Any]] = client.get("/api/x/jobs").json()["jobs"]
            for job in jobs:
                if job["status"] in statuses and job["steps_completed"] >= done * job["steps_total"]:
                    return job


def take(page: Page, url: str, name: str, theme: str) -> None:
    """A picture of the view at an address, of which nothing is still on its way."""
    page.goto(url)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=PICTURES / f"{name}-{theme}.png")


def main() -> None:
    """Make them."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("Chromium is needed; on Debian: apt install chromium")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with demo() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        pages = {theme: browser.new_page(viewport=SIZE, color_scheme=theme) for theme in THEMES}
        job = await_job(url, "active", done=0.6)
        for theme, page in pages.items():
            take(page, f"{url}/jobs/{job['id']}", "job", theme)
            take(page, url, "farm", theme)
        await_job(url, "completed")
        for theme, page in pages.items():
            take(page, f"{url}/jobs/{job['id']}?tab=timeline", "timeline", theme)
        browser.close()


if __name__ == "__main__":
    main()
