"""What a real manager of several processes does by itself: it wakes workers, deletes jobs, says how the farm is."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from flamenco.client import JobRequest, ManagerClient
from flamenco.domain.actions import JobAction
from tests.acceptance.conftest import START_TIMEOUT_S, Manager, launch, running_manager, wait_until
from tests.acceptance.test_faults import running_workers
from tests.integration.test_services import break_file

ALL_DAY = {"is_active": True, "days_of_week": "", "start_time": "", "end_time": ""}
PROMPTLY_S = 5.0


@pytest.fixture
def ask(manager: Manager) -> Callable[..., httpx.Response]:
    """Sends a request to the API of today's Flamenco."""

    def send(method: str, path: str, body: object = None) -> httpx.Response:
        return httpx.request(method, f"{manager.url}/api/v3{path}", json=body)

    return send


def payloads(client: ManagerClient, topic: str) -> list[Any]:
    """All that was published on a topic so far."""
    found = client.events.after(0, (topic,))
    assert found is not None
    return [event.payload for event in found.events]


@pytest.mark.long
def test_a_worker_keeps_to_its_schedule(tmp_path: Path, manager: Manager, ask: Callable[..., httpx.Response]) -> None:
    """It falls asleep when it is given one, stays so when it starts anew, and wakes up when it is switched off."""

    def worker_is(status: str) -> bool:
        found = ask("GET", "/worker-mgt/workers").json()["workers"]
        return bool(found) and found[0]["status"] == status

    def farm_is(status: str) -> bool:
        return bool(ask("GET", "/status").json() == {"status": status})

    assert wait_until(lambda: farm_is("inoperative"))
    with running_workers(tmp_path, manager.url, 1, "--poll-asleep", "100ms"):
        assert wait_until(lambda: worker_is("awake"), START_TIMEOUT_S)
        assert wait_until(lambda: farm_is("idle"), PROMPTLY_S)
        path = f"/worker-mgt/workers/{ask('GET', '/worker-mgt/workers').json()['workers'][0]['id']}/sleep-schedule"
        assert ask("POST", path, ALL_DAY).status_code == 204
        assert wait_until(lambda: worker_is("asleep"), PROMPTLY_S)
        assert wait_until(lambda: farm_is("asleep"), PROMPTLY_S)
    assert wait_until(lambda: worker_is("offline"), PROMPTLY_S)
    assert wait_until(lambda: farm_is("inoperative"), PROMPTLY_S)
    with running_workers(tmp_path, manager.url, 1, "--poll-asleep", "100ms"):
        assert wait_until(lambda: worker_is("asleep"), START_TIMEOUT_S)
        with ManagerClient(manager.url) as client:
            job = client.submit_job(JobRequest(name="job", type="echo", settings={"message": "hello"}))
            assert wait_until(lambda: farm_is("waiting"), PROMPTLY_S)
            assert ask("POST", path, ALL_DAY | {"is_active": False}).status_code == 204
            assert wait_until(lambda: client.job(job.id).status == "completed")
        assert wait_until(lambda: farm_is("idle"), PROMPTLY_S)
    with ManagerClient(manager.url) as client:
        statuses = groupby(each["status"] for each in payloads(client, "/workers"))
        assert [status for status, _ in statuses] == [
            *("starting", "awake", "asleep", "offline"),
            *("starting", "asleep", "awake", "offline"),
        ]
        told = [each["status"] for each in payloads(client, "/status")]
        assert told[0] == "inoperative"
        assert all(one != other for one, other in pairwise(told))


def test_a_job_goes_with_all_it_has(tmp_path: Path, manager: Manager, ask: Callable[..., httpx.Response]) -> None:
    """Once that was asked for the job is gone, soon its task logs too, and everybody is told."""
    with running_workers(tmp_path, manager.url, 1), ManagerClient(manager.url) as client:
        job = client.submit_job(JobRequest(name="job", type="echo", settings={"message": "hello", "count": 3}))
        assert wait_until(lambda: client.job(job.id).status == "completed", START_TIMEOUT_S)
        folder = manager.data_dir / "storage" / f"job-{job.id[:4]}" / job.id
        assert len(list(folder.glob("task-*.txt"))) == 3
        assert ask("DELETE", f"/jobs/{job.id}").status_code == 204
        assert ask("GET", f"/jobs/{job.id}").status_code == 404
        assert wait_until(lambda: "was_deleted" in payloads(client, "/jobs")[-1], PROMPTLY_S)
        assert ask("DELETE", f"/jobs/{job.id}").status_code == 404
        assert folder.exists()  # it is in the trash
        client.actions.on("jobs", JobAction.PURGE, {}, ids=[job.id])
        assert wait_until(lambda: not folder.parent.exists(), PROMPTLY_S)
        requested, deleted = payloads(client, "/jobs")[-2:]
        assert (requested["id"], "delete_requested_at" in requested) == (job.id, True)
        assert (deleted["id"], deleted["was_deleted"]) == (job.id, True)


def test_starting_and_stopping_are_told_once(tmp_path: Path) -> None:
    """However many processes serve, each is told once; whoever listens hears the end too."""
    with running_manager(tmp_path, "--processes", "3") as manager, ManagerClient(manager.url) as client:
        assert payloads(client, "/lifecycle") == [{"type": "manager-startup"}]
        start = client.events.after(None)
        assert start is not None

        def hear(after: int) -> list[Any]:
            with ManagerClient(manager.url) as listener:
                found = listener.events.after(after, ("/lifecycle",), 20.0)
                assert found is not None
                return [event.payload for event in found.events]

        with ThreadPoolExecutor(1) as pool:
            heard = pool.submit(hear, start.next)
            assert manager.stop() == 0
            assert heard.result() == [{"type": "manager-shutdown"}]
    with running_manager(tmp_path) as manager, ManagerClient(manager.url) as client:
        told = [each["type"] for each in payloads(client, "/lifecycle")]
        assert told == ["manager-startup", "manager-shutdown", "manager-startup"]


@pytest.mark.long
def test_a_database_that_breaks(tmp_path: Path) -> None:
    """The manager ends when it finds that out, and does not start again with what is left; both say what to do."""
    with running_manager(tmp_path, "--set", "database_check_period=500ms") as manager:
        file = manager.data_dir / "flamenco-manager.sqlite"
        break_file(file)
        assert manager.process.wait(START_TIMEOUT_S) == 0
        assert "the manager stops, so that no more of the database is lost" in manager.log
    log = tmp_path / "second.log"
    process = launch(tmp_path / "data", log)
    assert process.wait(START_TIMEOUT_S) == 2
    assert f"{file} is damaged" in log.read_text()
    assert "sqlite3 FILE .recover" in log.read_text()
    assert "Traceback" not in log.read_text()
