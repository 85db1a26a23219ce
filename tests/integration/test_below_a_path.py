"""A manager behind a proxy that has put it below a path of its own: what it says of its addresses holds there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from falcon import testing

from flamenco.api.app import create_app
from flamenco.client import ManagerClient
from flamenco.farm import tasks
from flamenco.farm.context import Farm
from flamenco.farm.tasks import TaskChange
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, store_job, take

ABOVE = "/render/farm.1"
URL = f"http://studio{ABOVE}/"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """Which database there is makes no difference to addresses, so one kind is enough."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


@pytest.fixture
def task_id(farm: Farm) -> str:
    """A task of which something was logged, and rendered."""
    job = store_job(farm, authored_job(authored_task()))
    worker = new_worker(farm)
    task = take(farm, worker).task
    tasks.update(farm, worker, task.id, TaskChange(log="hello"))
    farm.images.store(job.id, [b"large", b"small", b"tiny"])
    return str(task.id)


def behind_proxy(farm: Farm, **said: str) -> httpx.BaseTransport:
    """The way to the manager through a proxy that takes its own path off, and says so in these variables."""
    application = create_app(farm)

    def proxy(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        assert environ["PATH_INFO"].startswith(ABOVE + "/")
        return application(environ | said | {"PATH_INFO": environ["PATH_INFO"].removeprefix(ABOVE)}, start_response)

    return httpx.WSGITransport(app=proxy)


@pytest.mark.parametrize("said", [{"HTTP_X_FORWARDED_PREFIX": f"{ABOVE}/"}, {"SCRIPT_NAME": ABOVE}, {}])
def test_a_log_is_read(farm: Farm, task_id: str, said: dict[str, str]) -> None:
    """Our client gets at a log whether the proxy says where it has put the manager or not; others, where it does."""
    way = behind_proxy(farm, **said)
    with ManagerClient(URL, transport=way) as client:
        log = client.tasks.log(task_id)
        assert log
        assert client.tasks.log_part(log, 0).endswith(b"\nhello\n")
    with httpx.Client(transport=way) as others:
        job_id = others.get(urljoin(URL, f"api/v3/tasks/{task_id}")).json()["job_id"]
        images = others.get(urljoin(URL, f"api/v3/jobs/{job_id}/last-rendered")).json()
        if said:
            assert others.get(urljoin(URL, log.url)).text.endswith("\nhello\n")
            assert others.get(urljoin(URL, f"{images['base']}/{images['suffixes'][0]}")).content == b"large"


@pytest.mark.parametrize("above", ["//evil.example", "https://evil.example", "/a?b=", "/a,/b", "/../x y", "\\x"])
def test_what_is_no_path_is_not_said_again(farm: Farm, task_id: str, above: str) -> None:
    """Nobody can have the manager name an address that is not its own."""
    client = testing.TestClient(create_app(farm))
    found = client.simulate_get(f"/api/v3/tasks/{task_id}/log", headers={"X-Forwarded-Prefix": above})
    assert found.json["url"].startswith("/job-files/")
