"""What a simulation makes in a farm beforehand, and takes away afterwards: workers, and a tag that keeps others out."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

from flamenco.client import ManagerClient, ManagerError, Tag, WorkerRegistration
from flamenco.domain.errors import AccessDenied, Refused
from flamenco.domain.people_limits import PROJECT as PROJECT_LIMIT
from flamenco.simulation.calls import TASK_TYPES, Credentials

AT_ONCE: Final = 8
"""So many workers are made at a time."""
_DENIED: Final = (401, 403)


class Farm:
    """The manager's farm, with this simulation's workers and tag in it; `label` is in the names of all it makes."""

    def __init__(self, client: ManagerClient, label: str) -> None:
        self.workers: list[Credentials] = []
        self.label = label
        self._client = client
        self._tag: Tag | None = None
        self._registers = True
        self._is_limited = False

    def prepare(self, count: int) -> str:
        """Make the tag, whose id is given, and so many workers. Raises `AccessDenied` and `Refused` with what helps."""
        with _understood():
            self._tag = self._client.tags.create(self.label, "Simulated workers, which run nothing.")
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(self._new_worker, [f"simulated-{number:04}" for number in range(1, count + 1)]))
                self._approve(pool)
        return self._tag.id

    def limit(self, most: int) -> None:
        """Have no more tasks of the simulation's jobs run at once. Raises as `prepare`."""
        with _understood():
            self._client.set_limit(f"{PROJECT_LIMIT}{self.label}", most)
        self._is_limited = True

    def remove(self) -> None:
        """Take all of it away again; what is gone already does not matter."""
        if self._is_limited:
            self._client.set_limit(f"{PROJECT_LIMIT}{self.label}", None)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda known: _gone(lambda: self._client.workers.delete(known.worker_id)), self.workers))
        if self._tag:
            tag_id = self._tag.id
            _gone(lambda: self._client.tags.delete(tag_id))

    def _new_worker(self, name: str) -> None:
        """As real ones do; where they may not, as somebody who makes workers beforehand."""
        secret = secrets.token_hex(32)
        made = None
        if self._registers:
            try:
                registration = WorkerRegistration(name, "linux", secret, TASK_TYPES)
                made = Credentials(self._client.register_worker(registration), secret)
            except ManagerError as error:
                if error.status not in _DENIED:
                    raise
                self._registers = False
        if made is None:
            added = self._client.access.add_worker(name, "linux")
            made = Credentials(added.worker_id, added.secret)
        self.workers.append(made)
        self._client.workers.set_tags(made.worker_id, [self._tag.id] if self._tag else [])

    def _approve(self, pool: ThreadPoolExecutor) -> None:
        ours = {known.worker_id for known in self.workers}
        waiting = [
            each.id for each in self._client.overview().workers if each.id in ours and "approval" in each.warning
        ]
        list(pool.map(self._client.access.approve_worker, waiting))


def _gone(delete: Callable[[], None]) -> None:
    try:
        delete()
    except ManagerError as error:
        if error.status != 404:
            raise


@contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except ManagerError as error:
        if error.status in _DENIED:
            raise AccessDenied(
                f"{error} To simulate on a farm takes the role wrangler, since workers and a tag are made: "
                "sign in with `flamenco login URL`, or try a manager of its own with --own."
            ) from error
        if error.status in (429, 503):
            raise Refused(f"{error} With --own, a manager of its own is tried, which has no such limit.") from error
        raise
