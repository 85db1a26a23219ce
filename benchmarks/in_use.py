"""Jobs with which everything is in use that can be: limits on time, on tasks of a user, a project and on machines; a
preview; workers that they are not for; others that wait for them, one that waits for a moment. What that costs each
cycle is measured beside jobs that use none of it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

import falcon.testing

from benchmarks.managers import MANY, TIMEOUT_S, Caller, about
from flamenco.api.app import create_app
from flamenco.domain.errors import Failed
from flamenco.farm import telling
from flamenco.farm.context import Farm

_LIMITS: Final = {"*": {"max_run_time": "1h", "max_silence": "10m"}}
_WHOSE: Final = {"user.name": "ann", "project": "film"}
_LIMITED: Final = ("user:ann", "project:film", "machine:*")
_MANY: Final = 1_000
_LAST: Final = 10
"""The priority of those that wait: workers do the others first."""


def submit_in_use(people: Caller, name: str, tasks: int, kind: str) -> None:
    """Submit a job of so many tasks, and those that wait for it: for all of it, and task by task; and for a moment."""
    for limited in _LIMITED:
        people.get("POST", "/api/x/limits", {"name": limited, "capacity": _MANY})
    tag = people.get("POST", "/api/v3/worker-mgt/tags", {"name": f"not for {name}"})
    chosen = {"workers_denied": [f"tag:{tag['name']}"], "preview": {"frames": f"0-{tasks}"}}
    job = _submit(people, name, tasks, kind, time_limits=_LIMITS, metadata=_WHOSE, **chosen)
    for_all = {"job": job["id"]}
    by_frames = {"job": job["id"], "kind": "frames"}
    _submit(people, f"{name}, all", 1, kind, priority=_LAST, depends_on=[for_all])
    waiting = _submit(people, f"{name}, frames", tasks, kind, priority=_LAST, depends_on=[by_frames])
    _submit(people, f"{name}, later", 1, kind, priority=_LAST, start_after="+1h")
    _wait_until_counted(people, waiting["id"])


def submit_to(farm: Farm, job_types: Path, tasks: int) -> None:
    """The same of a farm in this process, which has its job types from that folder."""
    (job_types / "many.js").write_text(MANY)
    submit_in_use(_InProcess(farm), "job", tasks, "misc")


class _InProcess(Caller):
    """Asks the application itself: nothing listens. What chores would do after each request is done."""

    def __init__(self, farm: Farm) -> None:
        self._farm = farm
        self._client = falcon.testing.TestClient(create_app(farm), headers={"Host": "localhost"})

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        answer = self._client.simulate_request(method, path, json=body)
        telling.tell_all(self._farm)
        return answer.status_code, answer.content


def _submit(people: Caller, name: str, tasks: int, kind: str, **more: Any) -> Any:
    job = about(name, tasks, kind)
    job["settings"]["frames"] = True
    return people.get("POST", "/api/x/jobs", job | more)


def _wait_until_counted(people: Caller, job_id: str) -> None:
    """Until the manager knows what each task of a job waits for."""
    until = time.monotonic() + TIMEOUT_S
    while any(each["state"] == "counting" for each in _dependencies(people, job_id)):
        if time.monotonic() > until:
            raise Failed("the manager does not come to an end with counting what tasks wait for")
        time.sleep(0.05)


def _dependencies(people: Caller, job_id: str) -> Any:
    return people.get("GET", f"/api/x/jobs/{job_id}/dependencies")["waits_for"]
