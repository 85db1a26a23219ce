"""Programs that follow what happens, in a real manager of several processes."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from flamenco.client import Events, JobRequest, ManagerClient
from tests.acceptance.conftest import STOP_TIMEOUT_S, Manager, on_both_long, wait_until

CROWD = 24
"""More than all processes of a manager have threads."""


def follow(url: str, after: int, topics: tuple[str, ...], wait_s: float) -> Events:
    """Ask for what happens after `after`, on a connection of its own."""
    with ManagerClient(url) as client:
        found = client.events.after(after, topics, wait_s)
    assert found is not None
    return found


def start_of(client: ManagerClient) -> int:
    """The number after which events are that happen from now on."""
    found = client.events.after(None)
    assert found is not None
    return found.next


def submit(client: ManagerClient) -> str:
    """Submit a job."""
    return client.submit_job(JobRequest(name="job", type="echo", settings={"message": "hello"})).id


@on_both_long
def test_whoever_waits_is_told(manager: Manager) -> None:
    """Whichever process takes a job in, and whichever has the request that waits."""
    with ManagerClient(manager.url) as client, ThreadPoolExecutor(4) as pool:
        start = start_of(client)
        waiting = [pool.submit(follow, manager.url, start, ("/jobs",), 30.0) for _ in range(2)]
        job = submit(client)
        assert [[event.payload["id"] for event in each.result().events][:1] for each in waiting] == [[job], [job]]


@pytest.mark.long
@on_both_long
def test_a_crowd_that_waits_leaves_room(manager: Manager) -> None:
    """Other requests are answered as ever, and all of the crowd get to know what happened."""
    with ManagerClient(manager.url) as client, ThreadPoolExecutor(CROWD) as pool:
        start = start_of(client)
        told = threading.Event()

        def until_told() -> bool:
            while not told.is_set():
                if follow(manager.url, start, ("/jobs",), 30.0).events:
                    return True
            return False

        crowd: list[Future[bool]] = [pool.submit(until_told) for _ in range(CROWD)]
        slowest = 0.0
        for _ in range(40):
            started = time.monotonic()
            client.version()
            slowest = max(slowest, time.monotonic() - started)
        submit(client)
        try:
            assert wait_until(lambda: all(each.done() for each in crowd))
        finally:
            told.set()
        assert all(each.result() for each in crowd)
    assert slowest < 5


@on_both_long
def test_a_manager_that_stops_answers_first(manager: Manager) -> None:
    """Nobody who waits holds it up, nor is cut off: the answer is that there was nothing."""
    with ManagerClient(manager.url) as client, ThreadPoolExecutor(1) as pool:
        start = start_of(client)
        waiting = pool.submit(follow, manager.url, start, ("/nothing",), 60.0)
        assert not wait_until(waiting.done, 0.5), "it waits"
        started = time.monotonic()
        assert manager.stop() == 0
        assert time.monotonic() - started < STOP_TIMEOUT_S / 2
        assert waiting.result().events == ()
