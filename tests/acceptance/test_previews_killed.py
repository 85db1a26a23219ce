"""A preview is rendered, waits, is approved, and the manager is killed each time: what is held stays held, or goes."""

from __future__ import annotations

import random
import threading
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Final

import httpx
import pytest

from flamenco.client import JobRequest, ManagerClient, Preview
from tests import length
from tests.acceptance.conftest import wait_until
from tests.acceptance.killing import Mortal, meanwhile, mortal, soon
from tests.acceptance.test_faults import is_completed, running_workers, summary
from tests.acceptance.test_previews import rendered, shot
from tests.acceptance.test_time_limits import ExistingWorker

LONG_S: Final = 120.0
PREVIEW: Final = Preview(frames="first,middle,last")
FRAMES: Final = 40

HELD: Final = "SELECT count(*) FROM tasks WHERE wave = 2 AND unmet > 0"
FREE: Final = "SELECT count(*) FROM tasks WHERE wave = 2 AND unmet = 0"
MOVING: Final = "SELECT count(*) FROM jobs WHERE moves NOT IN ('[]', 'null')"
TOLD: Final = "SELECT count(*) FROM events WHERE topic = '/previews' AND payload LIKE '%\"over\"%'"


def submit(mortal: Mortal, folder: Path, frames: int) -> str:
    """A job of so many frames, of which three are looked at first; its id."""
    settings = shot(folder) | {"frames": f"1-{frames}"}
    with ManagerClient(mortal.url) as client:
        return client.submit_job(JobRequest(name="shot", type="frame-script", settings=settings, preview=PREVIEW)).id


def state(mortal: Mortal) -> str:
    """Where the preview of the one job stands."""
    return str(mortal.rows("SELECT preview FROM jobs")[0][0])


def is_over(mortal: Mortal) -> bool:
    """Whether it is approved."""
    return state(mortal) == "over"


def approval_link(mortal: Mortal, job_id: str) -> str:
    """A link by which somebody approves it."""
    with ManagerClient(mortal.url) as client:
        return client.previews.make_link(job_id, 1).url


def assert_held(mortal: Mortal, number: int) -> None:
    """So many tasks are held, all that there are to be, and a worker that asks is given none of them."""
    assert (mortal.number(HELD), mortal.number(FREE)) == (number, 0)
    assert ExistingWorker(mortal.url).ask("POST", "/task").status_code == httpx.codes.NO_CONTENT
    assert summary(mortal.url, mortal.rows("SELECT uuid FROM jobs")[0][0]).tasks["active"] == 0


@pytest.mark.long
def test_killed_at_every_step(tmp_path: Path) -> None:
    """Before its preview is rendered, while it is, while it waits, and when it is approved: each frame is done once."""
    with mortal(tmp_path) as manager:
        job_id = submit(manager, tmp_path, FRAMES)
        manager.killed()
        manager.risen()
        assert (state(manager), manager.number(HELD)) == ("rendering", FRAMES - 3)
        with running_workers(tmp_path, manager.url, 2):
            assert soon(lambda: bool(rendered(tmp_path)))
            manager.killed()
            manager.risen()
            assert wait_until(lambda: state(manager) == "waiting", LONG_S)
            link = approval_link(manager, job_id)
            manager.killed()
            manager.risen()
            assert (state(manager), sorted(rendered(tmp_path))) == ("waiting", [1, FRAMES // 2, FRAMES])
            assert_held(manager, FRAMES - 3)
            assert httpx.post(link).status_code == httpx.codes.OK
            assert soon(lambda: len(rendered(tmp_path)) > 5)
            manager.killed()
            manager.risen()
            assert (state(manager), manager.number(HELD)) == ("over", 0)
            assert httpx.post(link).status_code == httpx.codes.NOT_FOUND
            assert wait_until(lambda: is_completed(manager.url, job_id), LONG_S), summary(manager.url, job_id)
        manager.audit()
        assert manager.number(TOLD) == 1
    assert Counter(rendered(tmp_path)) == Counter(range(1, FRAMES + 1))


MANY: Final = 6_000
ROUNDS: Final = length.of(2, 6)


@pytest.mark.long
def test_killed_in_the_middle_of_an_approval(tmp_path: Path) -> None:
    """Of many tasks all are held then, and the link is still good, or all are free, and workers are given them."""
    dice, never = random.Random(20261130), threading.Event()  # noqa: S311 - the moments are to be arbitrary, not secret
    halves = 0
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        with mortal(folder) as manager:
            job_id = submit(manager, folder, MANY)
            render_preview(manager)
            link = approval_link(manager, job_id)
            asking = meanwhile(partial(httpx.post, link, timeout=60))
            # Now and then before it is noted at all; otherwise while tasks are let go.
            if number % 3 < 2:
                assert soon(partial(is_over, manager))
            never.wait(dice.uniform(0, 0.01))
            manager.killed()
            asking.join()
            halves += manager.number(MOVING)
            assert_held_or_freed(manager, link)
    assert halves, "it was never killed in the middle"


def render_preview(mortal: Mortal) -> None:
    """Have one that speaks as existing workers do render it."""
    existing = ExistingWorker(mortal.url)
    for _ in range(3):
        task = existing.ask("POST", "/task").json()["uuid"]
        assert existing.ask("POST", f"/task/{task}", {"taskStatus": "completed"}).status_code == httpx.codes.NO_CONTENT
    assert state(mortal) == "waiting"


def assert_held_or_freed(mortal: Mortal, link: str) -> None:
    """The next one finishes what was begun; what was not begun can be asked for once more."""
    mortal.risen()
    assert wait_until(lambda: not mortal.number(MOVING), LONG_S)
    if state(mortal) == "waiting":
        assert_held(mortal, MANY - 3)
        assert httpx.post(link, timeout=60).status_code == httpx.codes.OK
    assert (state(mortal), mortal.number(HELD), mortal.number(FREE)) == ("over", 0, MANY - 3)
    assert httpx.post(link).status_code == httpx.codes.NOT_FOUND
    assert mortal.number(TOLD) == 1
    mortal.audit()
    assert ExistingWorker(mortal.url).ask("POST", "/task").status_code == httpx.codes.OK
