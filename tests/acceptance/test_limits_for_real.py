"""Limits that people set, with a real manager, real workers and one that speaks as existing workers do."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import pytest

from flamenco.client import JobRequest, ManagerClient
from flamenco.domain.actions import JobAction, WorkerAction
from flamenco.domain.statuses import JobStatus
from flamenco.simulation.crowding import largest
from tests.acceptance.conftest import START_TIMEOUT_S, Manager, running_manager, wait_until
from tests.acceptance.test_faults import running_workers, summary
from tests.acceptance.test_job_waits import kill_all
from tests.acceptance.test_time_limits import ExistingWorker

TASKS: Final = 12
LONG_S: Final = 120.0


def submit(url: str) -> str:
    """A job of short tasks by Ann; its id."""
    settings = {"message": "hi", "sleep_duration_seconds": 1, "sleep_repeats": TASKS - 1}
    with ManagerClient(url) as client:
        request = JobRequest(name="job", type="echo-sleep-test", settings=settings, metadata={"user.name": "ann"})
        return client.submit_job(request).id


def asked(worker: ExistingWorker) -> int:
    """What it is answered when it asks for a task."""
    return worker.ask("POST", "/task").status_code


def is_done(url: str, *ids: str) -> bool:
    """Whether all of these jobs are done."""
    return all(summary(url, job_id).status is JobStatus.COMPLETED for job_id in ids)


@pytest.mark.long
def test_never_more_than_two_though_the_manager_is_killed(tmp_path: Path) -> None:
    """Of two jobs of hers together, by four workers of one machine, two processes, and one manager after the other."""
    with running_manager(tmp_path, "--processes", "2") as manager:
        url = manager.url
        ids = [submit(url), submit(url)]
        with ManagerClient(url) as client:
            client.set_limit("user:ann", 2)
        with running_workers(tmp_path, url, 4):
            assert wait_until(lambda: summary(url, ids[0]).tasks["completed"] >= 3, LONG_S)
            kill_all(manager)
            with running_manager(tmp_path, "--processes", "2", listen=f"127.0.0.1:{urlsplit(url).port}") as again:
                assert wait_until(lambda: is_done(again.url, *ids), LONG_S), again.log
                with ManagerClient(again.url) as client:
                    attempts = [each for job_id in ids for each in client.attempts.of_job(job_id)]
                    (limit,) = client.limits()
    assert largest(attempts).size == 2
    assert (limit.name, limit.capacity, limit.in_use, limit.waiting) == ("user:ann", 2, 0, 0)


def test_existing_workers_are_kept_to_all_of_it(tmp_path: Path, manager: Manager) -> None:
    """They are told that there is nothing, as they know it; the rest is changed while it runs, and comes to its end."""
    existing = ExistingWorker(manager.url)
    with ManagerClient(manager.url) as client:
        client.set_limit("machine:*", 0)
        job_id = submit(manager.url)
        assert asked(existing) == httpx.codes.NO_CONTENT
        client.set_limit("machine:*", None)
        for action, given in (
            (JobAction.WORKERS, {"workers_denied": ["existing"]}),
            (JobAction.BLOCK, {"workers": ["existing"]}),
        ):
            outcome = client.actions.on("jobs", action, given, ids=[job_id])
            assert outcome.done == 1
            assert asked(existing) == httpx.codes.NO_CONTENT
            assert outcome.undo
            (undo,) = outcome.undo
            client.actions.on("jobs", JobAction(undo.action), undo.arguments, ids=[job_id])
        client.set_limit("user:ann", 1)
        task = existing.ask("POST", "/task").json()["uuid"]
        with running_workers(tmp_path, manager.url, 1):
            assert wait_until(lambda: len(client.overview().workers) == 2, START_TIMEOUT_S)
            assert summary(manager.url, job_id).tasks["active"] == 1
            client.set_limit("user:ann", None)
            assert (
                existing.ask("POST", f"/task/{task}", {"taskStatus": "completed"}).status_code == httpx.codes.NO_CONTENT
            )
            assert wait_until(lambda: summary(manager.url, job_id).tasks["completed"] >= 2, START_TIMEOUT_S)
        existing.ask("POST", "/sign-off")
        (gone,) = (each for each in client.workers.all() if each.name == "existing")
        client.actions.on("workers", WorkerAction.PUT_AWAY, {}, ids=[gone.id])
        assert gone.id not in {each.id for each in client.workers.all()}
        about = {"name": "existing", "supported_task_types": ["misc"], "software_version": "3.9"}
        assert existing.ask("POST", "/sign-on", about).status_code == httpx.codes.OK
        assert gone.id in {each.id for each in client.workers.all()}
