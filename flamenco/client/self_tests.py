"""Self-tests of workers: asked for by people, done by workers."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from flamenco.client.connection import NO_SUCH_ADDRESS, Connection, in_path
from flamenco.domain.findings import Finding
from flamenco.domain.self_tests.facts import Facts, Order, Why


class KeptAway(Struct, frozen=True, kw_only=True):
    """A command that a worker is given no tasks with, or `*` for all, and why."""

    command: str
    reason: str


class SelfTestReport(Struct, frozen=True, kw_only=True):
    """A self-test that is over."""

    why: Why
    tested: datetime
    passed: bool
    findings: tuple[Finding, ...]
    kept_away: tuple[KeptAway, ...]


class SelfTestState(Struct, frozen=True, kw_only=True):
    """What is known of a worker: whether it can test itself, whether it is asked to, and the last time that it did."""

    worker_id: str
    name: str
    can_test_itself: bool
    is_asked: bool
    last: SelfTestReport | None = None


class SelfTestCalls:
    """What people ask of workers, and what a worker asks and tells for itself."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of_worker(self, worker_id: str) -> SelfTestState:
        """The last self-test of a worker. Raises `ManagerError` with status 404 for one that is not there."""
        return self._connection.fetch(_path(worker_id), SelfTestState)

    def ask(self, worker_id: str, *, lazily: bool = True) -> SelfTestState:
        """Ask a worker for one, after its present task or at once. Raises `ManagerError` where it cannot do that."""
        answer = self._connection.call("POST", _path(worker_id), {"lazy": lazily})
        return self._connection.decoded(answer, SelfTestState)

    def begin(self, why: Why) -> Order | None:
        """As a worker, ask what is to be tried out; None where nothing is, or the manager does not know of that."""
        answer = self._connection.call("POST", "/api/x/worker/self-test", {"why": why}, also_fine=NO_SUCH_ADDRESS)
        if answer.status_code == 204 or answer.status_code in NO_SUCH_ADDRESS:
            return None
        return self._connection.decoded(answer, Order)

    def report(self, order_id: str, facts: Facts) -> SelfTestReport:
        """As a worker, tell what was seen; gives what follows from that."""
        path = f"/api/x/worker/self-test/{in_path(order_id)}"
        return self._connection.decoded(self._connection.call("POST", path, facts), SelfTestReport)


def _path(worker_id: str) -> str:
    return f"/api/x/workers/{in_path(worker_id)}/self-test"
