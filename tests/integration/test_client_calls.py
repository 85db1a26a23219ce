"""What the client sends and makes of the answers, beyond a worker's calls, on a real socket."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from flamenco.cli import job_waits
from flamenco.cli.job_waits import JobNews, patiently
from flamenco.client import ManagerClient, ManagerError, ManagerUnreachable, TaskLog
from flamenco.domain.statuses import JobStatus
from tests.integration.scripted_manager import Answer, ScriptedManager

JOB_ID = "0f1f6a52-0c0a-4ae2-a36e-2a5a8e3e0c8d"
LOG = TaskLog(task_id="t", job_id=JOB_ID, url="/job-files/job-0f1f/x/task-t.txt", size=6)


@pytest.fixture
def manager() -> Iterator[ScriptedManager]:
    """A manager that is there."""
    with ScriptedManager() as running:
        yield running


@pytest.fixture
def client(manager: ScriptedManager) -> Iterator[ManagerClient]:
    """A client of that manager."""
    with ManagerClient(manager.url) as opened:
        yield opened


def sent(manager: ScriptedManager) -> Any:
    """The body of the last request."""
    return json.loads(manager.requests[-1].body)


def test_the_newest_jobs_are_asked_for(client: ManagerClient, manager: ScriptedManager) -> None:
    """The manager sorts and chooses, so that a long list need not be sent."""
    path = "/jobs?order_by=-created&limit=5&status_in=failed&status_in=paused&type_in=a+b"
    manager.answer_once("GET", re.escape(path), Answer(200, {"jobs": []}))
    assert client.jobs.newest(5, {JobStatus.PAUSED, JobStatus.FAILED}, ["a b"]) == ()


def test_a_tag_is_set_and_taken(client: ManagerClient, manager: ScriptedManager) -> None:
    """Without an ID, a job is everybody's."""
    for tag, body in (("some-id", {"id": "some-id"}), (None, {})):
        manager.answer_once("POST", f"/jobs/{JOB_ID}/settag", Answer(204))
        client.jobs.set_tag(JOB_ID, tag)
        assert sent(manager) == body


def test_a_log_is_read_in_parts(client: ManagerClient, manager: ScriptedManager) -> None:
    """From a byte on, whether ranges are understood or not; nothing where it ends or is gone."""
    manager.answer_once("GET", LOG.url, Answer(206, "def"))
    assert client.tasks.log_part(LOG, 3) == b'"def"'
    assert manager.requests[-1].headers["Range"].startswith("bytes=3-")
    manager.answer_once("GET", LOG.url, Answer(200, "abcdef"))
    assert client.tasks.log_part(LOG, 4) == b'def"'
    for status in (404, 416):
        manager.answer_once("GET", LOG.url, Answer(status))
        assert client.tasks.log_part(LOG, 8) == b""
    manager.answer_once("GET", LOG.url, Answer(500))
    with pytest.raises(ManagerError):
        client.tasks.log_part(LOG, 8)


def test_a_task_without_a_log(client: ManagerClient, manager: ScriptedManager) -> None:
    """There is none before a worker began."""
    manager.answer_once("GET", "/tasks/t/log", Answer(204))
    assert client.tasks.log("t") is None


def test_events_of_a_manager_that_has_none(client: ManagerClient, manager: ScriptedManager) -> None:
    """Then one has to look again and again."""
    manager.answer_once("GET", r"/api/x/events\?.*", Answer(404))
    assert client.events.after(None) is None


def test_a_manager_that_comes_back_is_waited_for(manager: ScriptedManager, monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer, and answers of a manager that is too busy, are put up with; what will never be is not."""
    monkeypatch.setattr(job_waits, "POLL_S", 0.0)
    trouble = [ManagerUnreachable("away"), ManagerError("busy", 503), ManagerError("bad gateway", 502)]

    def ask() -> str:
        if trouble:
            raise trouble.pop()
        return "here"

    assert patiently(ask) == "here"
    for status in (404, 200):
        trouble[:] = [ManagerError("never", status)]
        with pytest.raises(ManagerError, match="never"):
            patiently(ask)
    monkeypatch.setattr(job_waits, "AWAY_S", -1.0)
    trouble[:] = [ManagerUnreachable("gone")]
    with pytest.raises(ManagerUnreachable, match="gone"):
        patiently(ask)


@pytest.mark.parametrize(("url", "reads"), [("http://farm:8080", False), ("https://farm:8080", True)])
def test_whom_everybody_trusts_is_read_where_it_matters(monkeypatch: pytest.MonkeyPatch, url: str, reads: bool) -> None:
    """Over plain HTTP nobody is vouched for, and a command that asks that way starts without reading certificates."""
    read: list[str] = []
    create = ssl.create_default_context

    def note(**about: Any) -> ssl.SSLContext:
        read.append(url)
        return create(**about)

    monkeypatch.setattr(ssl, "create_default_context", note)
    ManagerClient(url, token="").close()
    assert bool(read) == reads


def event(number: int, **payload: Any) -> dict[str, Any]:
    """An event as it is told."""
    return {"id": number, "topic": "/jobs", "created": "2026-01-02T03:04:05Z", "payload": payload}


def test_news_of_a_job_are_waited_for(
    client: ManagerClient, manager: ScriptedManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """News of other jobs are passed by; each question goes on from where the last answer ended."""
    monkeypatch.setattr(job_waits, "BREATH_S", 0.0)
    monkeypatch.setattr(job_waits, "POLL_S", 0.0)
    topics = f"topics=%2Fjobs%2C%2Fjobs%2F{JOB_ID}"

    def will_answer(asked: str, *told: dict[str, Any], **more: Any) -> None:
        manager.answer_once("GET", re.escape(f"/api/x/events?{asked}"), Answer(200, {"events": told, **more}))

    will_answer(f"wait=0&{topics}", next=7)
    news = JobNews(client, JOB_ID)
    will_answer(f"wait=10&{topics}&after=7", event(8, id="another"), next=8)
    will_answer(f"wait=10&{topics}&after=8", event(9, id="a-task", job_id=JOB_ID), next=9)
    news.wait()
    will_answer(f"wait=10&{topics}&after=9", event(11, id=JOB_ID), next=11)
    news.wait()
    will_answer(f"wait=10&{topics}&after=11", next=20, missed=True)
    news.wait()
    will_answer(f"wait=10&{topics}&after=20", next=20, retry_after=2)
    news.wait()
    assert len(manager.requests) == 6
    manager.answer_once("GET", ".*", Answer(404))
    news.wait()  # nothing is told any more
    news.wait()
    assert len(manager.requests) == 7
