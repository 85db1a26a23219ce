"""«Why is my job not running?», asked of a farm: through the API as people's tools do, and in a terminal."""

from __future__ import annotations

from typing import Any

import falcon.testing
import pytest
from sqlalchemy import insert, update

from flamenco import Hold, Limit, SchedulingPolicy
from flamenco.api.app import create_app
from flamenco.domain.model import Job
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm import jobs, workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling.policies import Policies
from flamenco.store.schema import jobs as jobs_table
from flamenco.store.schema import tags, worker_tags
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, run_next, store_job, take

NOBODY = "00000000-0000-4000-8000-000000000000"


def ask(farm: Farm, job: Job, worker_id: str = "") -> dict[str, Any]:
    """What the API says."""
    path = f"/api/x/jobs/{job.id}/explain" + (f"/{worker_id}" if worker_id else "")
    answer = falcon.testing.TestClient(create_app(farm)).simulate_get(path)
    assert answer.status_code == 200, answer.text
    explained: dict[str, Any] = answer.json
    return explained


def waiting(farm: Farm, job: Job, worker_id: str = "") -> dict[str, int]:
    """How many tasks wait for each reason."""
    found: dict[str, int] = {}
    for group in ask(farm, job, worker_id)["waiting"]:
        found[group["why"]] = found.get(group["why"], 0) + group["count"]
    return found


def renders(farm: Farm, count: int = 3, **fields: Any) -> Job:
    """A job of so many renders, and a video of them."""
    frames = tuple(authored_task(f"frame-{n}", "blender") for n in range(count))
    return store_job(farm, authored_job(*frames, authored_task("video", "ffmpeg", after=frames), **fields))


def with_policies(farm: Farm, *policies: SchedulingPolicy) -> None:
    """Put these policies beside those of the farm."""
    known = farm.hooks.scheduling_policies(farm.config) | {policy.name: policy for policy in policies}
    farm.policies = Policies(known, {})


def test_position_and_terms(farm: Farm) -> None:
    """A job knows its place among the open ones, and what each policy says for it."""
    renders(farm, priority=70)
    job = renders(farm, priority=50)
    jobs.set_status(farm, renders(farm, priority=99).id, JobStatus.PAUSE_REQUESTED, "test")
    found = ask(farm, job)
    assert (found["position"], found["open_jobs"], found["rank"]) == (2, 2, 50)
    assert found["terms"] == [{"policy": "priority", "score": 50, "weight": 1, "reason": "priority 50"}]


def test_without_workers(farm: Farm) -> None:
    """A farm without workers says so, for what could run; the rest waits for that."""
    assert waiting(farm, renders(farm)) == {"no-workers": 3, "dependency": 1}


def test_types_and_busy_workers(farm: Farm) -> None:
    """The renders wait for the one worker that is busy, the video for the renders."""
    job = renders(farm)
    take(farm, new_worker(farm, "tower"))
    new_worker(farm, "other", task_types=("misc",))
    assert waiting(farm, job) == {"all-busy": 2, "dependency": 1}
    assert ask(farm, job)["running"] == 1


def test_a_worker_that_is_free_comes_next(farm: Farm) -> None:
    """When somebody could do it, that is said too."""
    job = renders(farm)
    new_worker(farm, "tower")
    assert waiting(farm, job) == {"next": 3, "dependency": 1}


def test_tags(farm: Farm) -> None:
    """A job for workers with a tag waits for one of those."""
    job = renders(farm)
    member, _outsider = new_worker(farm, "member"), new_worker(farm, "outsider")
    with farm.store.write() as tx:
        tx.execute(insert(tags), {"uuid": "tag", "name": "gpu"})
        key = tx.execute(tags.select()).one().key
        tx.execute(update(jobs_table).values(tag_key=key))
    assert waiting(farm, job)["no-worker-with-tag"] == 3
    with farm.store.write() as tx:
        tx.execute(insert(worker_tags), {"worker_key": member.key, "tag_key": key})
    assert waiting(farm, job)["next"] == 3


def test_commands(farm: Farm) -> None:
    """A worker that says which commands it has is not waited for with others."""
    job, worker = renders(farm), new_worker(farm)
    workers.tell_commands(farm, worker, ["sleep"])
    assert waiting(farm, job)["no-worker-with-command"] == 3


def test_blocked_and_failed(farm: Farm) -> None:
    """A worker that failed too many tasks is blocked; one that failed a single one has that one against it."""
    farm.config = farm.config.__class__(data_dir=farm.config.data_dir, blocklist_threshold=2)
    job = renders(farm, 12)
    bad = new_worker(farm, "bad")
    keeper = new_worker(farm, "keeper")
    run_next(farm, bad, TaskStatus.FAILED)
    workers.state_changed(farm, keeper, WorkerStatus.ASLEEP)
    found = {group["why"]: group for group in ask(farm, job, bad.id)["waiting"]}
    assert found["failed-by-all"]["tasks"] == ["frame-0"]
    assert found["next"]["count"] == 11
    run_next(farm, bad, TaskStatus.FAILED)
    assert set(waiting(farm, job, bad.id)) == {"blocked", "dependency"}
    assert waiting(farm, job)["no-worker-awake"] == 12


def test_policies_that_hold_limit_and_refuse(farm: Farm) -> None:
    """What a policy keeps back is told with the policy's reason."""
    job = renders(farm)
    worker = new_worker(farm, "tower")
    with_policies(
        farm,
        SchedulingPolicy(name="picky", description="", accepts=lambda _job, _worker: Hold("no laptops")),
    )
    assert "picky: no laptops" in ask(farm, job, worker.id)["waiting"][-1]["reason"]
    with_policies(
        farm,
        SchedulingPolicy(name="budget", description="", hold=lambda all_, _farm: {j.id: Hold("spent") for j in all_}),
    )
    found = ask(farm, job)
    assert found["holds"] == [{"policy": "budget", "reason": "spent"}]
    assert "position" not in found
    assert waiting(farm, job) == {"held": 4}


def test_limits(farm: Farm) -> None:
    """A licence that is used up, and a job that has as many workers as it may, are told apart."""
    with_policies(
        farm,
        SchedulingPolicy(
            name="limits",
            description="",
            limits=lambda job, _type: [
                Limit("nuke", 1),
                *([Limit("own", 1, per_job=True)] if job.name == "few" else []),
            ],
            depends_on="job",
        ),
    )
    few, many = renders(farm, name="few"), renders(farm, name="many")
    take(farm, new_worker(farm, "one"))
    new_worker(farm, "two")
    assert waiting(farm, few) == {"job-limit": 2, "dependency": 1}
    assert waiting(farm, many) == {"limit": 3, "dependency": 1}


@pytest.mark.parametrize("path", [f"{NOBODY}/explain", "{job}/explain/" + NOBODY])
def test_what_does_not_exist(farm: Farm, path: str) -> None:
    """A job or worker that does not exist is a 404 that says which."""
    job = renders(farm)
    answer = falcon.testing.TestClient(create_app(farm)).simulate_get(f"/api/x/jobs/{path.format(job=job.id)}")
    assert answer.status_code == 404
    assert NOBODY in answer.json["message"]
