"""What people do to keep a farm in order: blocks, notes, and workers that are put out of the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from flamenco.cli import main
from flamenco.domain.durations import Duration
from flamenco.domain.errors import Conflict, Refused
from flamenco.domain.listing import NOBODY_CAN
from flamenco.domain.model import Job
from flamenco.domain.notes import LONGEST
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm import blocks, jobs, notes, putting_away, speaking, workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim, stranding
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.entering import Client
from tests.integration.farming import SECRET, job_now, new_worker, present, report, store_job, take
from tests.integration.test_delivery import serving
from tests.integration.test_explain import ask

HOSTILE = "\x1b[31mred <script>alert(1)</script> \u202e{x} 'quote'"


def mixed_job(farm: Farm, count: int = 3, **fields: Any) -> Job:
    """A job with so many tasks of each of two types."""
    kinds = ("misc", "blender")
    return store_job(
        farm, authored_job(*(authored_task(f"{kind} {n}", kind) for kind in kinds for n in range(count)), **fields)
    )


def act(farm: Farm, what: str, thing_id: str, action: str, **arguments: Any) -> Any:
    """What the API answers to an action on one thing."""
    body = {"ids": [thing_id], "action": action, "arguments": arguments}
    answer = Client(farm).post(f"/api/x/{what}/actions", body)
    assert answer.status_code == 200, answer.text
    return answer.json


# -- blocks ---------------------------------------------------------------------------------------------------------


def test_a_worker_that_a_person_blocks(farm: Farm) -> None:
    """Gets no more tasks of that type; others do, and it gets those of others."""
    job = mixed_job(farm)
    worker, other = new_worker(farm, "render-07"), new_worker(farm, "other")
    assert blocks.block(farm, job.id, ["render-07"], "misc", "ann") == [worker.id]
    assert take(farm, worker).task.type == "blender"
    assert take(farm, other).task.type == "misc"
    assert [(each.worker_name, each.task_type) for each in jobs.blocklist(farm, job.id)] == [("render-07", "misc")]
    found = ask(farm, job, worker.id)["waiting"]
    by_person = [each["reason"] for each in found if each["why"] == "blocked-by-person"]
    assert by_person == ["worker render-07 is blocked from tasks of type 'misc' in this job, by a person"]


def test_it_stays_blocked_when_the_job_starts_afresh(farm: Farm) -> None:
    """Until a person takes that back; who was blocked after failures is not, as ever."""
    job = mixed_job(farm, 30)
    kept, failing = new_worker(farm, "kept"), new_worker(farm, "failing")
    blocks.block(farm, job.id, ["kept"], "*", "ann")
    for _ in range(3):
        report(farm, failing, take(farm, failing), TaskStatus.FAILED)
    assert {each.worker_name for each in jobs.blocklist(farm, job.id)} == {"kept", "failing"}
    jobs.set_status(farm, job.id, JobStatus.REQUEUEING, "again")
    assert {each.worker_name for each in jobs.blocklist(farm, job.id)} == {"kept"}
    assert claim.assign_next(farm, kept) is None
    assert blocks.unblock(farm, job.id, [kept.id], "*") == [kept.id]
    take(farm, kept)


def test_nothing_fails_because_people_block_all(farm: Farm) -> None:
    """The job waits and says so; tasks that were failed before go by who is left, as ever."""
    job = mixed_job(farm)
    new_worker(farm, "only")
    blocks.block(farm, job.id, ["only"], "*", "ann")
    stranding.look(farm)
    now = job_now(farm, job)
    assert (now.status, now.counts.queued) == (JobStatus.QUEUED, 6)
    assert now.activity.startswith(NOBODY_CAN)
    assert "by a person" in now.activity
    blocks.unblock(farm, job.id, ["only"], "*")
    assert job_now(farm, job).activity == "There is a worker again that can run this"


def test_blocks_that_make_no_sense(farm: Farm) -> None:
    """Are refused with a sentence."""
    job = mixed_job(farm)
    new_worker(farm, "here")
    with pytest.raises(Refused, match="There is no worker 'nobody'"):
        blocks.block(farm, job.id, ["nobody"], "*", "ann")
    with pytest.raises(Conflict, match="It has no tasks of type 'ffmpeg', but of blender, misc"):
        blocks.block(farm, job.id, ["here"], "ffmpeg", "ann")
    with pytest.raises(Conflict, match="None of them is blocked"):
        blocks.unblock(farm, job.id, ["here"], "*")
    blocks.block(farm, job.id, ["here"], "*", "ann")
    with pytest.raises(Conflict, match="blocked from that already"):
        blocks.block(farm, job.id, ["here"], "misc", "ann")


def test_blocks_by_an_action_and_back(farm: Farm) -> None:
    """The answer says what takes it back; existing clients see them on the list they know, and take them off there."""
    job = mixed_job(farm)
    worker = new_worker(farm, "here")
    (undo,) = act(farm, "jobs", job.id, "block", workers=["here"], task_type="misc")["undo"]
    assert undo == {
        "ids": [job.id],
        "action": "unblock",
        "arguments": {"workers": [worker.id], "task_type": "misc"},
    }
    listed = {"worker_id": worker.id, "worker_name": "here", "task_type": "misc"}
    client = Client(farm)
    assert client.get(f"/api/v3/jobs/{job.id}/blocklist").json == [listed]
    act(farm, "jobs", job.id, undo["action"], **undo["arguments"])
    assert client.get(f"/api/v3/jobs/{job.id}/blocklist").json == []
    act(farm, "jobs", job.id, "block", workers=["here"])
    removed = client.ask("DELETE", f"/api/v3/jobs/{job.id}/blocklist", [listed])
    assert removed.status_code == 204, removed.text
    assert [each["task_type"] for each in client.get(f"/api/v3/jobs/{job.id}/blocklist").json] == ["blender"]


# -- notes ----------------------------------------------------------------------------------------------------------


def test_notes(farm: Farm, clock: Clock) -> None:
    """One on a job and one on a worker: who wrote it last and when; an empty one takes it away."""
    job, worker = mixed_job(farm), new_worker(farm)
    assert notes.note_job(farm, job.id, "first", "ann") == ""
    clock.forward(60)
    assert notes.note_job(farm, job.id, "  second\n", "bob") == "first"
    found = notes.of_job(farm, job.id)
    assert found is not None
    assert (found.text, found.who, found.at) == ("second", "bob", farm.clock())
    notes.note_worker(farm, worker.id, "fan broken", "ann")
    shown = Client(farm).get(f"/api/x/workers/{worker.id}").json["note"]
    assert (shown["text"], shown["who"]) == ("fan broken", "ann")
    assert notes.note_job(farm, job.id, " ", "ann") == "second"
    assert notes.of_job(farm, job.id) is None
    assert "note" not in Client(farm).get(f"/api/x/jobs/{job.id}").json


def test_hostile_notes(farm: Farm) -> None:
    """Are kept as they are, and go out as data; too long ones, and what no database keeps, are refused."""
    job, worker = mixed_job(farm), new_worker(farm)
    for what, thing in (("jobs", job), ("workers", worker)):
        act(farm, what, thing.id, "note", note=HOSTILE)
        shown = Client(farm).get(f"/api/x/{what}/{thing.id}")
        assert shown.json["note"]["text"] == HOSTILE.strip()
        assert shown.headers["content-type"].startswith("application/json")
        for wrong in ("x" * (LONGEST + 1), "\x00", 5):
            body = {"ids": [thing.id], "action": "note", "arguments": {"note": wrong}}
            assert Client(farm).post(f"/api/x/{what}/actions", body).status_code == 400
        (undo,) = act(farm, what, thing.id, "note", note="")["undo"]
        assert undo["arguments"] == {"note": HOSTILE.strip()}


def test_existing_clients_see_no_notes(farm: Farm) -> None:
    """Their answers are what they were, to the byte."""
    job, worker = mixed_job(farm), new_worker(farm)
    client = Client(farm)
    paths = [f"/api/v3/worker-mgt/workers/{worker.id}", "/api/v3/worker-mgt/workers"]
    before = [client.get(path).content for path in paths]
    old = client.get(f"/api/v3/jobs/{job.id}").json
    notes.note_worker(farm, worker.id, "note", "ann")
    notes.note_job(farm, job.id, "note", "ann")
    assert [client.get(path).content for path in paths] == before
    assert {**client.get(f"/api/v3/jobs/{job.id}").json, "updated": 0} == {**old, "updated": 0}


# -- workers that are gone ------------------------------------------------------------------------------------------


def listed(farm: Farm, path: str = "/api/x/workers") -> list[str]:
    """The names of the workers in a list."""
    return [each["name"] for each in Client(farm).get(path).json["workers"]]


def test_a_worker_unseen_for_long_is_put_away_and_comes_back(make_farm: Callable[..., Farm], clock: Clock) -> None:
    """It is in no list and counted on by nobody, what it did stays, its secret opens, and signing on brings it back."""
    farm = make_farm(put_workers_away_after=Duration(86_400))
    old, new = new_worker(farm, "old"), new_worker(farm, "new")
    job = mixed_job(farm)
    report(farm, old, take(farm, old), TaskStatus.COMPLETED)
    workers.sign_off(farm, old)
    clock.forward(86_000)
    assert putting_away.tick(farm) == putting_away.EVERY_S
    assert listed(farm) == ["new", "old"]
    speaking.authenticate(farm, new.id, SECRET)
    workers.state_changed(farm, new, WorkerStatus.AWAKE)
    clock.forward(1_000)
    putting_away.tick(farm)
    assert listed(farm) == listed(farm, "/api/v3/worker-mgt/workers") == ["new"]
    assert listed(farm, "/api/x/workers?put_away=true") == ["old"]
    assert Client(farm).get("/api/x/workers").json["total"] == 1
    assert [each["name"] for each in Client(farm).get("/api/x/overview").json["workers"]] == ["new"]
    assert Client(farm).get(f"/api/v3/worker-mgt/workers/{old.id}").status_code == 200
    given = Client(farm).get(f"/api/x/workers/{old.id}/tasks").json
    assert job.id in json.dumps(given)
    assert speaking.authenticate(farm, old.id, SECRET)
    workers.sign_on(farm, old, name="old", software="", task_types=["misc"], can_restart=False, address="127.0.0.1")
    assert listed(farm) == ["new", "old"]
    assert present(farm, old).put_away is None


def test_one_that_polls_again_without_signing_on(make_farm: Callable[..., Farm], clock: Clock) -> None:
    """Is given nothing until it says what it does."""
    farm = make_farm(put_workers_away_after=Duration(3_600))
    worker = new_worker(farm)
    mixed_job(farm)
    clock.forward(4_000)
    putting_away.tick(farm)
    assert present(farm, worker).status is WorkerStatus.OFFLINE
    with pytest.raises(Conflict, match='worker is in state "offline"'):
        claim.assign_next(farm, worker)
    workers.state_changed(farm, worker, WorkerStatus.AWAKE)
    take(farm, worker)
    assert listed(farm) == ["worker"]


def test_who_has_a_task_is_not_put_away(make_farm: Callable[..., Farm], clock: Clock) -> None:
    """However long nothing was heard of it: its task is taken from it first. And with 0s, nobody ever is."""
    farm = make_farm(put_workers_away_after=Duration(3_600))
    worker = new_worker(farm)
    mixed_job(farm)
    take(farm, worker)
    clock.forward(100_000)
    putting_away.tick(farm)
    assert listed(farm) == ["worker"]
    workers.time_out(farm, worker.id, farm.clock())
    putting_away.tick(farm)
    assert listed(farm) == []
    never = make_farm(put_workers_away_after=Duration(0))
    workers.sign_off(never, new_worker(never, "other"))
    clock.forward(10_000_000)
    putting_away.tick(never)
    assert "other" in listed(never)


def test_by_hand(farm: Farm) -> None:
    """Only one that is gone; what takes it back is in the answer."""
    worker = new_worker(farm, "old-laptop")
    with pytest.raises(Conflict, match="It is awake; ask it to go first"):
        putting_away.put_away(farm, worker.id)
    workers.sign_off(farm, worker)
    (undo,) = act(farm, "workers", worker.id, "put-away")["undo"]
    assert listed(farm) == []
    assert "put_away" in Client(farm).get(f"/api/x/workers/{worker.id}").json
    with pytest.raises(Conflict, match="put away already"):
        putting_away.put_away(farm, worker.id)
    act(farm, "workers", worker.id, undo["action"])
    assert listed(farm) == ["old-laptop"]
    with pytest.raises(Conflict, match="not put away"):
        putting_away.bring_back(farm, worker.id)


def test_nobody_counts_on_one_that_is_put_away(farm: Farm) -> None:
    """A task that it alone could try again has failed for good."""
    first, last = new_worker(farm, "first"), new_worker(farm, "last")
    job = store_job(farm, authored_job(authored_task("t", "misc")))
    workers.sign_off(farm, last)
    putting_away.put_away(farm, last.id)
    report(farm, first, take(farm, first), TaskStatus.FAILED)
    assert job_now(farm, job).status is JobStatus.FAILED


def test_a_filter_chooses_some(farm: Farm) -> None:
    """Those that are gone, tried before."""
    for name in ("a", "b", "c"):
        worker = new_worker(farm, name)
        if name != "c":
            workers.sign_off(farm, worker)
    body = {"action": "put-away", "filter": {}}
    tried = Client(farm).post("/api/x/workers/actions", {**body, "dry_run": True}).json
    assert (tried["matched"], tried["refused_count"]) == (3, 1)
    assert Client(farm).post("/api/x/workers/actions", body).json["done"] == 2
    assert listed(farm) == ["c"]
    back = {"action": "bring-back", "filter": {"put_away": True}}
    assert Client(farm).post("/api/x/workers/actions", back).json["done"] == 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_typed(farm: Farm) -> None:
    """Hostile notes are harmless where they are printed."""
    mixed_job(farm, name="shot")
    worker = new_worker(farm, "old-laptop")
    workers.sign_off(farm, worker)
    with serving(farm) as url:

        def run(*words: str, code: int = 0) -> str:
            done = CliRunner().invoke(main, [*words, "--manager", url])
            assert done.exit_code == code, done.output
            return done.output

        run("note", "shot", HOSTILE)
        run("workers", "note", "old-laptop", HOSTILE)
        for shown in (run("job", "shot"), run("workers", "show", "old-laptop")):
            assert "<script>" in shown
            assert "\x1b" not in shown
            assert "\u202e" not in shown
        assert json.loads(run("job", "shot", "--json"))["note"]["text"] == HOSTILE.strip()
        assert run("block", "shot", "--worker", "old-laptop", "--task-type", "misc") == "shot: kept from workers\n"
        assert "old-laptop for misc" in run("job", "shot")
        assert "given to workers again" in run("unblock", "shot", "--worker", "old-laptop")
        assert run("workers", "put-away", "old-laptop") == "old-laptop: put away\n"
        assert "old-laptop" not in run("workers")
        assert "old-laptop" in run("workers", "list", "--put-away")
        assert "put away" in run("workers", "show", "old-laptop")
        assert run("workers", "bring-back", "old-laptop") == "old-laptop: brought back\n"
        assert "old-laptop" in run("workers")
