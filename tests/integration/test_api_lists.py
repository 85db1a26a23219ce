"""Lists over HTTP: what is in them, who may see what, and what is not sent twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flamenco.domain.access import Owner, Role
from flamenco.domain.job_files import LAST_RENDERED
from flamenco.domain.paging import Position, cursor
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import tags, workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import placing, stranding
from flamenco.store import jobs as job_store
from tests.conftest import authored_job, authored_task
from tests.integration.entering import PRIVATE_ADDRESS, Client, access, add_user, with_token
from tests.integration.farming import new_worker, run_next, store_job, take


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """What the farm does on both databases is tried elsewhere."""
    return f"sqlite:///{tmp_path}/flamenco.sqlite"


def owned(farm: Farm, name: str, owner: Owner, **metadata: str) -> str:
    """A job of somebody."""
    job = authored_job(authored_task("task", "misc"), name=name, metadata=metadata, settings={"frames": "1-3"})
    placement = placing.placement(farm, job_store.candidate(job), {"misc"}, farm.clock())
    with farm.store.write() as tx:
        return job_store.insert_job(tx, job, JobStatus.QUEUED, placement, owner=owner).id


def test_a_page_of_jobs(farm: Farm) -> None:
    """Rows with all that the page shows, and the way to the next ones."""
    client = Client(farm)
    first = owned(farm, "first", Owner("anna"), project="film", batch="Dailies Monday")
    tag = tags.create(farm, "gpu", "")
    tags.set_of_job(farm, first, tag.id, None)
    owned(farm, "second", Owner("bob", "10.0.0.9"))
    farm.images.store(first, [b"image"] * len(LAST_RENDERED))
    answer = client.get("/api/x/jobs?sort=name&limit=1")
    page = answer.json
    assert (page["total"], page["counts"]["queued"], page["counts"]["under-construction"]) == (2, 2, 0)
    (row,) = page["jobs"]
    assert row.pop("created") == row.pop("updated") == "2026-01-02T03:04:05Z"
    assert row.pop("image").endswith(f"/{first}/{LAST_RENDERED[-1]}")
    assert row.pop("activity").startswith("Nobody can run")
    assert row == {
        "id": first,
        "name": "first",
        "type": "test",
        "status": "queued",
        "priority": 50,
        "user": "anna",
        "project": "film",
        "batch": "Dailies Monday",
        "tag": {"id": tag.id, "name": "gpu"},
        "steps_completed": 0,
        "steps_total": 1,
        "tasks": dict.fromkeys(map(str, TaskStatus), 0) | {"queued": 1},
    }
    last = client.get(f"/api/x/jobs?sort=name&limit=1&after={page['next']}").json
    assert [job["name"] for job in last["jobs"]] == ["second"]
    assert "next" not in last
    for query in ("user=anna&user=eve", "project=film", "batch=Dailies Monday", "q=monday"):
        assert [job["name"] for job in client.get(f"/api/x/jobs?{query}").json["jobs"]] == ["first"], query
    assert [job["name"] for job in client.get("/api/x/jobs?q=SEC").json["jobs"]] == ["second"]
    assert client.get(f"/api/x/jobs?tag={tag.id.upper()}").json["total"] == 1
    (whole,) = client.get("/api/x/jobs?q=first&whole=true").json["jobs"]
    assert whole["settings"] == {"frames": "1-3"}
    assert whole["metadata"] == {"project": "film", "batch": "Dailies Monday"}
    assert client.get("/api/x/jobs?status=paused,failed&status=queued").json["total"] == 2


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("limit=501", "limit"),
        ("limit=0", "limit"),
        ("sort=size", "sort"),
        ("status=busy", "status"),
        ("after=nowhere", "after: no page of this list"),
        (f"after={cursor(Position('-created', '0001-01-01T00:00:00+03:17', 1))}", "after: no page of this list"),
        ("of=you", "of"),
        ("worker=null", "worker: 'null' is not a UUID"),
        ("tag=gpu", "tag: 'gpu' is not a UUID"),
        (f"q={'x' * 256}", "q"),
    ],
)
def test_a_query_that_is_wrong(farm: Farm, query: str, said: str) -> None:
    """A sentence names what is."""
    answer = Client(farm).get(f"/api/x/jobs?{query}")
    assert answer.status_code == 400
    assert answer.json["message"].startswith(said)


def test_one_job(farm: Farm) -> None:
    """With all that was submitted, and whether anybody but the submission says whose it is."""
    client = Client(farm)
    claimed = owned(farm, "job", Owner("bob", "10.0.0.9"), project="film")
    found = client.get(f"/api/x/jobs/{claimed}").json
    assert (found["name"], found["user"], found["owner_is_claim"]) == ("job", "bob", True)
    assert (found["settings"], found["metadata"]) == ({"frames": "1-3"}, {"project": "film"})
    assert "files" not in found
    assert not client.get(f"/api/x/jobs/{owned(farm, 'other', Owner('anna'))}").json["owner_is_claim"]
    with_files = store_job(farm, authored_job(shaman_checkout_id="film/shot"))
    files = client.get(f"/api/x/jobs/{with_files.id}").json["files"]
    assert files == {"shaman_checkout_id": "film/shot", "goes_with_it": True}


def test_tasks_of_a_job(farm: Farm) -> None:
    """Page by page, all at once, and one by its place."""
    client = Client(farm)
    worker = new_worker(farm)
    job = store_job(farm, authored_job(*(authored_task(f"frame {number}", "misc") for number in range(3))))
    run_next(farm, worker)
    page = client.get(f"/api/x/jobs/{job.id}/tasks?sort=-index&limit=2").json
    assert [task["index"] for task in page["tasks"]] == [3, 2]
    assert (page["total"], page["counts"]["completed"]) == (3, 1)
    (done,) = client.get(f"/api/x/jobs/{job.id}/tasks?after={page['next']}&sort=-index").json["tasks"]
    assert all(done.pop(name) for name in ("id", "activated", "updated"))
    assert done == {
        "index": 1,
        "name": "frame 0",
        "type": "misc",
        "status": "completed",
        "priority": 50,
        "activity": "",
        "worker": {"id": worker.id, "name": "worker"},
        "steps_completed": 1,
        "steps_total": 1,
        "failed_by": 0,
    }
    assert client.get(f"/api/x/jobs/{job.id}/tasks/at/2").json == page["tasks"][1]
    assert client.get(f"/api/x/jobs/{job.id}/tasks/at/4").status_code == 404
    assert client.get(f"/api/x/jobs/{job.id}/tasks/at/x").status_code == 400
    answer = client.get(f"/api/x/jobs/{job.id}/tasks/statuses")
    assert (answer.content, answer.headers["Content-Type"]) == (b"dqq", "application/octet-stream")


def test_workers(farm: Farm) -> None:
    """Those that never signed on have a word for that."""
    client = Client(farm)
    worker = new_worker(farm, "a")
    workers.register(farm, name="b", platform="linux", secret="s" * 20, task_types=(), address="10.0.0.1")
    store_job(farm, authored_job(authored_task("frame", "misc"), name="shot"))
    assigned = take(farm, worker)
    page = client.get("/api/x/workers").json
    first, second = page["workers"]
    assert first["task"] == {
        "id": assigned.task.id,
        "name": "frame",
        "job_id": assigned.task.job_id,
        "job_name": "shot",
        "steps_completed": 0,
        "steps_total": 1,
    }
    assert (first["status"], second["status"], "last_seen" in second) == ("awake", "registered", False)
    assert (page["counts"]["awake"], page["counts"]["registered"], page["total"]) == (1, 1, 2)
    assert [each["name"] for each in client.get("/api/x/workers?status=registered").json["workers"]] == ["b"]
    whole = client.get(f"/api/x/workers/{worker.id}").json
    assert whole["task_types"] == ["blender", "ffmpeg", "file-management", "misc"]
    assert "commands" not in whole


def test_jobs_by_what_they_have_in_common(farm: Farm) -> None:
    """How many, how far, and the one that was changed last first; filters hold here too."""
    client = Client(farm)
    for name, user, project in (("a", "anna", "film"), ("b", "bob", "film"), ("c", "bob", "")):
        owned(farm, name, Owner(user), project=project)
    spot = store_job(farm, authored_job(authored_task("task", "misc"), metadata={"project": "spot"}, priority=90))
    run_next(farm, new_worker(farm))
    assert client.get(f"/api/x/jobs/{spot.id}").json["status"] == "completed"
    found = client.get("/api/x/jobs/groups?by=project").json
    assert found["total"] == 3
    by_name = {group.get("name"): group for group in found["groups"]}
    assert {name: (group["total"], group["counts"]) for name, group in by_name.items()} == {
        "film": (2, {"queued": 2}),
        "spot": (1, {"completed": 1}),
        None: (1, {"queued": 1}),
    }
    by_user = client.get("/api/x/jobs/groups?by=user&project=film").json
    assert sorted((group["name"], group["total"]) for group in by_user["groups"]) == [("anna", 1), ("bob", 1)]
    owned(farm, "d", Owner("bob"), batch="Dailies Monday")
    by_batch = client.get("/api/x/jobs/groups?by=batch").json
    assert sorted((group.get("name", ""), group["total"]) for group in by_batch["groups"]) == [
        ("", 4),
        ("Dailies Monday", 1),
    ]
    refused = client.get("/api/x/jobs/groups?by=size")
    assert refused.status_code == 400


def test_jobs_that_nobody_can_run(farm: Farm) -> None:
    """Of all, those of which people read that; until somebody comes who can."""
    client = Client(farm)
    lost = owned(farm, "lost", Owner("anna"))
    over = owned(farm, "over", Owner("anna"))
    client.post(f"/api/v3/jobs/{over}/setstatus", {"status": "canceled", "reason": "test"})
    stranding.look(farm)
    assert [job["id"] for job in client.get("/api/x/jobs?stuck=true").json["jobs"]] == [lost]
    assert client.get("/api/x/jobs?stuck=false").json["total"] == 2
    new_worker(farm)
    stranding.look(farm)
    assert client.get("/api/x/jobs?stuck=true").json["total"] == 0


def test_what_was_done_with_a_job(farm: Farm) -> None:
    """Who did what, the newest first, for everybody who may see the job; not from where."""
    client = Client(farm)
    job = owned(farm, "shot", Owner("anna"))
    for priority in (60, 70):
        assert client.post(f"/api/v3/jobs/{job}/setpriority", {"priority": priority}).status_code == 204
    changes = client.get(f"/api/x/jobs/{job}/history").json["changes"]
    assert [(each["operation"], each["before"], each["after"]) for each in changes] == [
        ("setJobPriority", {"priority": 60}, {"priority": 70}),
        ("setJobPriority", {"priority": 50}, {"priority": 60}),
    ]
    assert changes[0].keys() == {"number", "created", "who", "operation", "before", "after"}
    older = client.get(f"/api/x/jobs/{job}/history?limit=1&before={changes[0]['number']}").json["changes"]
    assert older == changes[1:]
    assert client.get("/api/x/jobs/6f1c3c3e-4d7e-4f0b-9a55-0d3d1f0e9b1a/history").status_code == 404


def test_what_is_known_is_not_sent_again(farm: Farm) -> None:
    """Until it changes."""
    client = Client(farm)
    job = store_job(farm, authored_job(authored_task("task", "misc")))
    worker = new_worker(farm)
    paths = (
        *("/api/x/jobs", f"/api/x/jobs/{job.id}", f"/api/x/jobs/{job.id}/tasks"),
        *(f"/api/x/jobs/{job.id}/tasks/statuses", f"/api/x/jobs/{job.id}/times"),
        *("/api/x/workers", f"/api/x/workers/{worker.id}", "/api/x/series?step=5m"),
    )
    tags_of = {}
    for path in paths:
        etag = tags_of[path] = client.get(path).headers["ETag"]
        assert etag.startswith('W/"')
        again = client.ask("GET", path, **{"If-None-Match": f'"other", {etag}'})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag), path
    run_next(farm, worker)
    for path in paths[:5]:
        answer = client.ask("GET", path, **{"If-None-Match": tags_of[path]})
        assert answer.status_code == 200, path


def test_who_may_see_no_other_jobs_sees_their_own(make_farm: Callable[..., Farm]) -> None:
    """In the list, in its counts, and by name; everybody may ask for their own alone."""
    farm = make_farm(**access("login"))
    add_user(farm, "anna", Role.ARTIST)
    own = with_token(farm, Role.SUBMIT, user="anna")
    mine, other = owned(farm, "mine", Owner("anna")), owned(farm, "other", Owner("bob"))
    page = own.get("/api/x/jobs").json
    assert [job["id"] for job in page["jobs"]] == [mine]
    assert (page["total"], page["counts"]["queued"]) == (1, 1)
    assert own.get(f"/api/x/jobs/{other}").status_code == 403
    assert own.get(f"/api/x/jobs/{other}/tasks").status_code == 403
    assert own.get(f"/api/x/jobs/{mine}/tasks/statuses").content == b"q"
    assert own.get("/api/x/workers").status_code == 403
    anna = with_token(farm, Role.ARTIST, user="anna")
    assert anna.get("/api/x/jobs").json["total"] == 2
    assert [job["id"] for job in anna.get("/api/x/jobs?of=me").json["jobs"]] == [mine]


def test_a_claim_of_before_makes_nobody_the_owner(make_farm: Callable[..., Farm]) -> None:
    """Whose job it is that came before addresses were noted, nobody can say."""
    farm = make_farm(**access("lan"))
    owned(farm, "old", Owner("anna", "unknown"))
    add_user(farm, "anna", Role.ARTIST)
    for client in (with_token(farm, Role.SUBMIT, user="anna"), Client(farm, address=PRIVATE_ADDRESS)):
        assert client.get("/api/x/jobs?of=me").json["total"] == 0
