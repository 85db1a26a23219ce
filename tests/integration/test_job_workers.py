"""Jobs for some workers alone, or for all but some: said at submission and later, kept to, and explained."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from flamenco.cli import main
from flamenco.domain.access import ITSELF
from flamenco.domain.actions import JobAction
from flamenco.domain.errors import JobTypeError, Refused
from flamenco.domain.job_workers import MOST, JobWorkers, Some, Written, together, written_in
from flamenco.domain.listing import NOBODY_CAN, JobQuery
from flamenco.domain.model import Job, Submission, Worker
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import job_workers, jobs, tags, workers
from flamenco.farm.actions.carrying_out import carry_out
from flamenco.farm.actions.of_jobs import Jobs
from flamenco.farm.actions.values import Asked
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim, stranding
from flamenco.store import job_workers as store
from flamenco.store.engine import Tx
from flamenco.store.scheduling import queues
from flamenco.store.scheduling.claim import JobOffers, Offer, best_task
from tests.conftest import authored_job, authored_task
from tests.docs import manual
from tests.integration.compiling import Studio
from tests.integration.entering import Client
from tests.integration.farming import job_now, new_worker, report, store_job, take
from tests.integration.test_delivery import serving
from tests.integration.test_explain import ask, waiting


def job_of(farm: Farm, count: int = 6, **fields: Any) -> Job:
    """A job of so many tasks."""
    return store_job(farm, authored_job(*(authored_task(f"t{number}", "misc") for number in range(count)), **fields))


def submitted(farm: Farm, **fields: Any) -> Job:
    """A job as a client submits it."""
    submission = Submission(name="shot", type="echo-sleep-test", settings={"message": "m"}, **fields)
    return jobs.submit(farm, submission, strict=True)


def given_anything(farm: Farm, worker: Worker) -> bool:
    """Whether the worker is given a task, which it does."""
    assigned = claim.assign_next(farm, worker)
    if assigned is not None:
        report(farm, worker, take(farm, worker), TaskStatus.COMPLETED)
    return assigned is not None


def test_only_those(farm: Farm) -> None:
    """By name, by ID and by tag; all others are given the next job."""
    tag = tags.create(farm, "gpu")
    team = [new_worker(farm, name) for name in ("named", "by id", "tagged", "other")]
    tags.set_of_worker(farm, team[2].id, [tag.id])
    job = job_of(farm, priority=90)
    job_workers.change(farm, job.id, ["named", team[1].id.upper(), "tag:gpu"], [])
    other = job_of(farm)
    assert [take(farm, worker).task.job_id == job.id for worker in team] == [True, True, True, False]
    assert job_now(farm, other).counts.active == 1


def test_all_but_those(farm: Farm) -> None:
    """Who is denied gets nothing, allowed or not; what it has already goes on."""
    tag = tags.create(farm, "slow")
    fine, denied, tagged = (new_worker(farm, name) for name in ("fine", "denied", "tagged"))
    tags.set_of_worker(farm, tagged.id, [tag.id])
    job = job_of(farm)
    assigned = take(farm, denied)
    assert job_workers.change(farm, job.id, [], ["denied", "tag:slow"]) == Written()
    report(farm, denied, assigned, TaskStatus.COMPLETED)
    assert [given_anything(farm, worker) for worker in (fine, denied, tagged)] == [True, False, False]
    before = job_workers.change(farm, job.id, ["denied"], None)
    assert before == Written((), (denied.id, f"tag:{tag.id}")) or before.denied == (f"tag:{tag.id}", denied.id)
    assert [given_anything(farm, worker) for worker in (fine, denied, tagged)] == [False, False, False]
    job_workers.change(farm, job.id, [], [])
    assert job_now(farm, job).worker_rules == 0
    assert [given_anything(farm, worker) for worker in (fine, denied, tagged)] == [True, True, True]


def test_several_workers_of_one_name(farm: Farm) -> None:
    """Are all meant."""
    job = job_of(farm)
    twins = [new_worker(farm, "twin") for _ in range(2)]
    job_workers.change(farm, job.id, [], ["twin"])
    assert [given_anything(farm, worker) for worker in twins] == [False, False]


def test_nobody_is_left_of_those_that_are_allowed(farm: Farm) -> None:
    """Then nobody gets it, least of all everybody; the job says so, and that there is somebody again."""
    tag = tags.create(farm, "gpu")
    worker = new_worker(farm)
    job = job_of(farm)
    job_workers.change(farm, job.id, ["tag:gpu"], [])
    tags.set_of_worker(farm, worker.id, [tag.id])
    tags.remove(farm, tag.id)
    assert claim.assign_next(farm, worker) is None
    stranding.look(farm)
    assert job_now(farm, job).activity == (
        f'{NOBODY_CAN}"misc": worker worker gets nothing of it: this job is not for this worker'
    )
    assert [each.id for each in jobs.matching(farm, JobQuery(stuck=True))] == [job.id]
    assert job_now(farm, job).status is JobStatus.QUEUED
    job_workers.change(farm, job.id, [], [])
    assert job_now(farm, job).activity == "There is a worker again that can run this"


def test_what_others_cannot_try_fails(farm: Farm) -> None:
    """A task that all have failed that it is for waits for nobody."""
    first, second = new_worker(farm, "first"), new_worker(farm, "second")
    job = job_of(farm, 1)
    job_workers.change(farm, job.id, ["first"], [])
    report(farm, first, take(farm, first), TaskStatus.FAILED)
    assert job_now(farm, job).status is JobStatus.FAILED
    assert claim.assign_next(farm, second) is None


def test_explained(farm: Farm) -> None:
    """To everybody, and for one worker."""
    here, other = new_worker(farm, "here"), new_worker(farm, "other")
    job = job_of(farm)
    job_workers.change(farm, job.id, ["here"], [])
    (found,) = ask(farm, job, other.id)["waiting"]
    assert (found["why"], found["reason"]) == (
        "not-for-worker",
        "worker other gets nothing of it: this job is not for this worker",
    )
    assert waiting(farm, job, here.id) == {"next": 6}
    job_workers.change(farm, job.id, [], ["here", "other"])
    (found,) = ask(farm, job)["waiting"]
    assert found["reason"] == "of 2 workers that could, none is among those that this job is for"


WORKERS, TAGS = 3, 2
_Some = st.builds(Some, st.frozensets(st.integers(1, WORKERS)), st.frozensets(st.integers(1, TAGS)))


@given(allowed=st.none() | _Some, denied=_Some, members=st.sets(st.tuples(st.integers(1, 3), st.integers(1, 2))))
def test_the_rule(allowed: Some | None, denied: Some, members: set[tuple[int, int]]) -> None:
    """Allowed by itself or by a tag, where anybody has to be; denied by neither."""
    meant = JobWorkers(allowed, denied)
    for worker in range(1, WORKERS + 1):
        its_tags = {tag for each, tag in members if each == worker}
        is_allowed = allowed is None or worker in allowed.workers or bool(allowed.tags & its_tags)
        is_denied = worker in denied.workers or bool(denied.tags & its_tags)
        assert meant.include(worker, its_tags) is (is_allowed and not is_denied)


def has_task(tx: Tx, job: Job, worker: Worker) -> bool:
    """Whether a job that was found to be for the worker is still, once it is locked."""
    queue = queues.of_job(tx, job.key)[0]
    offer = Offer(queue.key, job.key, job.id, 0.0, ())
    return best_task(tx, JobOffers(job.key, job.id, (offer,)), worker) is not None


def test_the_database_keeps_to_the_same_rule(farm: Farm) -> None:
    """Whatever is said, a claim gives a job to those whom the rule includes, and to nobody else."""
    made = [tags.create(farm, f"tag {number}") for number in range(TAGS)]
    team = [new_worker(farm, f"w{number}") for number in range(WORKERS)]
    for number, worker in enumerate(team):
        tags.set_of_worker(farm, worker.id, [tag.id for at, tag in enumerate(made) if number >> at & 1])
    names = ("w0", "w2", "tag:tag 0", "tag:tag 1")
    choices = [(), ("w0",), ("w2", "tag:tag 0"), ("tag:tag 0", "tag:tag 1"), names]
    job = job_of(farm, 200)
    for allowed in choices:
        for denied in choices:
            job_workers.change(farm, job.id, allowed, denied)
            with farm.store.read() as tx:
                meant, its_tags = store.of_job(tx, job.key), store.members(tx)
                fits = [has_task(tx, job, worker) for worker in team]
            expected = [meant.include(worker.key, its_tags.get(worker.key, ())) for worker in team]
            assert (fits, [given_anything(farm, worker) for worker in team]) == (expected, expected)


def test_at_submission(farm: Farm) -> None:
    """By the API, and in metadata, where clients have no other field; all of it counts together."""
    here, there = new_worker(farm, "here"), new_worker(farm, "there")
    metadata = {"flamenco.workers_allowed": "here, there", "flamenco.workers_denied": there.id}
    job = submitted(farm, metadata=metadata)
    assert [given_anything(farm, worker) for worker in (there, here)] == [False, True]
    shown = Client(farm).get(f"/api/x/jobs/{job.id}").json
    assert [each["name"] for each in shown["workers_allowed"]] == ["here", "there"]
    assert shown["workers_denied"] == [{"id": there.id, "name": "there", "is_tag": False}]
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "enough")
    body = {"name": "n", "type": "echo-sleep-test", "settings": {"message": "m"}, "workers_allowed": ["there"]}
    made = Client(farm).post("/api/x/jobs", body)
    assert made.status_code == 200, made.text
    assert [given_anything(farm, worker) for worker in (here, there)] == [False, True]


@pytest.mark.parametrize(
    ("allowed", "complaint"),
    [
        (("nobody",), "There is no worker 'nobody'; `flamenco workers` lists them"),
        (("tag:none",), "There is no tag 'none'; `flamenco tags` lists them"),
        (tuple(f"w{number}" for number in range(MOST + 1)), "A job names 200 workers and tags at most"),
    ],
)
def test_who_is_not_there(farm: Farm, allowed: tuple[str, ...], complaint: str) -> None:
    """Is refused with a sentence, and nothing is stored."""
    with pytest.raises(Refused, match=complaint):
        submitted(farm, workers=Written(allowed))
    assert jobs.matching(farm, JobQuery()) == []
    job = job_of(farm)
    with pytest.raises(Refused, match=complaint):
        job_workers.change(farm, job.id, allowed, None)
    assert job_now(farm, job).worker_rules == 0


def test_written_with_commas() -> None:
    """Blanks around names are not theirs, empty ones are none; what is said twice counts once."""
    assert written_in(" render-01, tag: gpu ,,") == ("render-01", "tag: gpu")
    assert together(Written(("a",), ("b",)), Written(("a", " c"))) == Written(("a", "c"), ("b",))


def test_by_an_action_and_back(farm: Farm) -> None:
    """What takes it back is in the answer, and stays right whatever is renamed meanwhile."""
    tag = tags.create(farm, "gpu")
    worker = new_worker(farm, "here")
    job = job_of(farm)
    client = Client(farm)
    ids = {"ids": [job.id]}

    def act(action: str, **arguments: Any) -> Any:
        answer = client.post("/api/x/jobs/actions", {**ids, "action": action, "arguments": arguments})
        assert answer.status_code == 200, answer.text
        return answer.json

    act("workers", workers_allowed=["here", "tag:gpu"])
    (undo,) = act("workers", workers_allowed=[], workers_denied=["here"])["undo"]
    assert sorted(undo["arguments"]["workers_allowed"]) == sorted([worker.id, f"tag:{tag.id}"])
    act(undo["action"], **undo["arguments"])
    shown = client.get(f"/api/x/jobs/{job.id}").json
    assert {each["name"] for each in shown["workers_allowed"]} == {"here", "gpu"}
    assert "workers_denied" not in shown
    refused = client.post("/api/x/jobs/actions", {**ids, "action": "workers", "arguments": {}})
    assert refused.status_code == 400
    assert "which workers" in refused.json["message"]


def test_a_script_says_it(tmp_path: Any, farm: Farm) -> None:
    """As in the manual; only for those of our manager."""
    studio = Studio(tmp_path)
    try:
        (script,) = manual.blocks("js", "docs/limits.md")
        body = f"job.settings.gpu = true; {script} job.addTask(author.Task('a', 'misc'));"
        assert studio.run(body).workers == Written(("tag:gpu",), ("render-07",))
        assert studio.run("job.addTask(author.Task('a', 'misc'));").workers == Written()
        for wrong, complaint in (
            ("job.allowWorkers(' ')", "job.allowWorkers: the name or ID of a worker is needed"),
            ("for (let i = 0; i < 201; i++) job.denyWorkers(`${i}`)", "names more than 200 workers"),
        ):
            with pytest.raises(JobTypeError, match=complaint):
                studio.run(f"{wrong}; job.addTask(author.Task('a', 'misc'));")
    finally:
        studio.compiler.close()


def test_a_claim_asks_nothing_more_where_nobody_says_it(farm: Farm) -> None:
    """A job that is for all costs no statement, and one that is not costs one."""
    job = job_of(farm)
    worker = new_worker(farm)
    asked: list[bool] = []
    for said in ([], ["worker"]):
        job_workers.change(farm, job.id, said, [])
        asked.append(job_now(farm, job).worker_rules != 0)
        assert given_anything(farm, worker)
    assert asked == [False, True]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_typed(farm: Farm) -> None:
    """At submission and later; shown with the job."""
    tags.create(farm, "gpu")
    new_worker(farm, "render-01")
    with serving(farm) as url:

        def run(*words: str, code: int = 0) -> str:
            done = CliRunner().invoke(main, [*words, "--manager", url])
            assert done.exit_code == code, done.output
            return done.output

        run(
            *("submit", "echo-sleep-test", "--name", "shot", "--set", "message=m"),
            *("--allow", "render-01", "--allow", "tag:gpu", "--deny", "render-01"),
        )
        shown = run("job", "shot")
        assert "only on" in shown
        assert "render-01, tag:gpu" in shown.replace("tag:gpu, render-01", "render-01, tag:gpu")
        assert run("job-workers", "shot", "--everybody") == "shot: given other workers\n"
        assert json.loads(run("job", "shot", "--json"))["workers_allowed"] == []
        assert "--everybody as well" in run("job-workers", "shot", "--deny", "render-01", code=2)
        assert "there is no worker 'nobody'" in run("job-workers", "shot", "--allow", "nobody", code=1).lower()


def test_deleted_workers_are_no_names(farm: Farm) -> None:
    """One that was deleted is not there to be named; a job that named it before has nobody in its place."""
    job = job_of(farm)
    worker = new_worker(farm, "gone")
    job_workers.change(farm, job.id, ["gone"], [])
    workers.delete(farm, worker.id)
    assert not given_anything(farm, new_worker(farm, "gone"))
    outcome = carry_out(farm, ITSELF, Jobs(), Asked(action=JobAction.PRIORITY, ids=[job.id], dry_run=True))
    assert outcome.matched == 1
