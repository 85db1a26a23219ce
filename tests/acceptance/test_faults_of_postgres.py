"""What befalls PostgreSQL while dozens of workers work, each time with the audit of `simulating` afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from flamenco.store.engine import BUSY_TIMEOUT_S, Store
from tests.acceptance.conftest import running_manager
from tests.acceptance.simulating import NEVER, WORKER_TIMEOUT_S, Running, audit, noticed, simulating, with_limit
from tests.acceptance.test_database_away import server

__all__ = ["server"]

PAUSE_S = WORKER_TIMEOUT_S + 2
"""Longer than it takes until a worker is given up."""

LOCKED_S = BUSY_TIMEOUT_S + 2
"""Longer than a request waits for the database, so that somebody is told of it for certain."""


@contextmanager
def statements(url: str) -> Iterator[Callable[[str], Any]]:
    """Executes statements on a connection of its own, each by itself unless one begins a transaction."""
    with (
        closing(Store(url, pool_size=1)) as store,
        store.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection,
    ):
        yield connection.exec_driver_sql


def restart(server: Any, url: str, running: Running) -> None:
    """Stop the server, and start it a while later."""
    server.stop()
    NEVER.wait(PAUSE_S)
    server.start()


def terminate(server: Any, url: str, running: Running) -> None:
    """Terminate all connections, ten times, in the midst of whatever they are at."""
    with statements(url) as execute:
        for _ in range(10):
            running.wait_for(5)
            execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")


def lock(server: Any, url: str, running: Running) -> None:
    """Lock the tasks, as a careless migration or an export does."""
    with statements(url) as execute:
        execute("BEGIN")
        execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        NEVER.wait(LOCKED_S)
        execute("COMMIT")


@pytest.mark.long
@pytest.mark.parametrize("fault", [restart, terminate, lock], ids=lambda fault: fault.__name__)
def test_postgres_is_disturbed(tmp_path: Path, server: Any, fault: Callable[[Any, str, Running], None]) -> None:
    """Nothing is lost and nothing done twice, and all goes on by itself."""
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    with (
        running_manager(tmp_path, "--processes", "2", "--database", url, *with_limit(tmp_path)) as manager,
        simulating(manager.url) as running,
    ):
        running.wait_for(40)
        fault(server, url, running)
        assert noticed(audit(running, manager, database_url=url))
