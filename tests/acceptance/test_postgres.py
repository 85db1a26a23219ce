"""Two managers, as on two hosts, over one PostgreSQL database."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from flamenco.client import JobRequest, ManagerClient
from flamenco.domain.statuses import JobStatus
from flamenco.store import recount
from flamenco.store.engine import Store
from tests.acceptance.conftest import running_manager, wait_until
from tests.acceptance.test_faults import COUNTED_JOB_TYPE, logs_of, running_workers, submit_counted, summary

TASKS = 60


@pytest.mark.long
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_managers_share_a_farm(database_url: str, tmp_path: Path) -> None:
    """Workers of either manager work on the same job; every task runs once, and both managers see it complete."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    storage = {"FLAMENCO_LOCAL_MANAGER_STORAGE_PATH": str(tmp_path / "storage")}
    arguments = ("--database", database_url, "--processes", "1")
    with (
        running_manager(folders[0], *arguments, environ=storage) as one,
        running_manager(folders[1], *arguments, environ=storage) as two,
    ):
        (one.data_dir / "jobtypes" / "counted.js").write_text(COUNTED_JOB_TYPE)
        job_id = submit_counted(one.url, tmp_path, count=TASKS, seconds="0.05", lines=1)
        with running_workers(folders[0], one.url, 2), running_workers(folders[1], two.url, 2):
            assert wait_until(lambda: summary(one.url, job_id).status is JobStatus.COMPLETED, 120)
        assert summary(two.url, job_id).tasks["completed"] == TASKS
        with ManagerClient(two.url) as client:
            assert client.submit_job(JobRequest(name="n", type="echo", settings={"message": "m"})).id
    assert Counter((tmp_path / "ran").read_text().split()) == Counter(str(number) for number in range(TASKS))
    one.data_dir = tmp_path / "storage"
    assert len(logs_of(one)) == TASKS
    store = Store(database_url, pool_size=1)
    with store.read() as tx:
        assert recount.miscounted(tx) == []
    store.close()
