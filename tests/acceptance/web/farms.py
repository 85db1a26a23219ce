"""Farms to look at: what people and workers do in them, and names of all kinds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx

from tests.acceptance.conftest import Manager, wait_until

TIMEOUT_S: Final = 60.0

HOSTILE: Final = {
    "markup": "<img src=x onerror=\"document.title='hit'\"><script>document.title='hit'</script>&amp;</a>",
    "long": "a name of a thousand letters " * 34 + "that ends",
    "right to left": "إضاءة المشهد \u202ethree\u202c ٣",
    "template": "${document.title='hit'}{{constructor}}",
}
"""Names that people, or programs, may give to things; each is to be shown as what it is."""


@contextmanager
def looked_at(manager: Manager) -> Iterator[LookedAt]:
    """A manager, with a client for whatever the page is not to do itself in a test."""
    with httpx.Client(base_url=manager.url, timeout=30) as client:
        yield LookedAt(manager, client)


class LookedAt:
    """A manager, and what others do to it."""

    def __init__(self, manager: Manager, client: httpx.Client) -> None:
        self.manager = manager
        self.client = client

    def ask(self, path: str, **query: Any) -> Any:
        """What an operation of `/api/x` answers."""
        answer = self.client.get(f"/api/x/{path}", params=query)
        answer.raise_for_status()
        return answer.json()

    def submit(self, name: str, count: int = 1, **more: Any) -> str:
        """Submit a job of so many tasks, each of which a worker is done with at once; its id."""
        body = {"name": name, "type": "echo", "settings": {"message": name[:100], "count": count}} | more
        answer = self.client.post("/api/x/jobs", json=body)
        answer.raise_for_status()
        return str(answer.json()["id"])

    def await_status(self, job_id: str, status: str) -> None:
        """Wait until a job has that status."""
        assert wait_until(lambda: self.ask(f"jobs/{job_id}")["status"] == status, TIMEOUT_S), self.ask(f"jobs/{job_id}")

    def tag(self, name: str) -> str:
        """A new tag; its id."""
        answer = self.client.post("/api/v3/worker-mgt/tags", json={"name": name, "description": name})
        answer.raise_for_status()
        return str(answer.json()["id"])
