"""Large jobs are stored part by part: nobody sees one that is not all there, and nothing stays of one that never is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from flamenco.compiler.compile import Compiler
from flamenco.domain.access import Owner
from flamenco.domain.errors import Busy, NotFound, Refused
from flamenco.domain.listing import JobQuery
from flamenco.domain.model import AuthoredJob, Job, Submission, TaskCounts
from flamenco.domain.scheduling.values import Placement
from flamenco.domain.statuses import JobStatus
from flamenco.farm import arriving, deletion, jobs, tasks, trash
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.services.deletion import EVERY_S, Deletions
from flamenco.store import arrivals, recount
from flamenco.store import deletion as deletion_store
from flamenco.store import events as event_store
from flamenco.store import jobs as job_store
from flamenco.store.arrivals import PATIENCE, Arrival
from flamenco.store.engine import Tx
from flamenco.store.scheduling import queues
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, run_next, store_job, take
from tests.integration.test_deletion import rows

SCRIPT = """
const JOB_TYPE = { label: "Many", settings: [{ key: "count", type: "int32", required: true }] };
function compileJob(job) {
    const last = author.Task("last", "misc");
    job.addTask(last); // before those that it waits for
    for (let i = 0; i < job.settings.count; i++) {
        const task = author.Task(`t${i}`, i % 2 ? "misc" : "blender");
        task.addCommand(author.Command("echo", { message: `m${i}` }));
        job.addTask(task);
        last.addDependency(task);
    }
}"""


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs of more than three tasks are large, and have few dependencies to a transaction."""
    monkeypatch.setattr(arriving, "PART", 3)
    monkeypatch.setattr(arrivals, "PAIRS", 2)


def large_job(name: str = "job", **fields: object) -> AuthoredJob:
    """A job whose last task waits for all others, and whose first waits for the second."""
    second = authored_task("b", "blender")
    first = authored_task("a", after=(second,))
    others = [authored_task(f"t{number}") for number in range(5)]
    return authored_job(first, second, *others, authored_task("z", after=(first, second, *others)), name=name, **fields)  # type: ignore[arg-type]


def terms(**more: object) -> arriving.Terms:
    """Such that nobody has anything against the job."""
    usual = {"status": JobStatus.QUEUED, "placement": Placement(rank=50.0), "owner": Owner("ada")}
    usual |= {"admit": lambda _: None, "check": lambda *_: None, "tell": lambda *_: None}
    return arriving.Terms(**(usual | more))  # type: ignore[arg-type]


def half_stored(farm: Farm, job: AuthoredJob) -> Arrival:
    """As far as whoever stores it has come when their process is killed."""
    arrival = Arrival(job, Placement(rank=50.0), Owner("ada"))
    with farm.store.write() as tx:
        arrival.begin(tx, farm.clock())
    for part in (job.tasks[:3], job.tasks[3:6]):
        with farm.store.write() as tx:
            arrival.add(tx, part, farm.clock())
    return arrival


def delete_all(farm: Farm) -> None:
    """Have the chore do what there is to do."""
    deletions = Deletions()
    assert any(deletions.tick(farm) == EVERY_S for _ in range(100))


@pytest.mark.usefixtures("small_parts")
def test_it_is_stored_as_any_other(farm: Farm) -> None:
    """What is stored part by part is what one transaction would have stored: counters, queues, who waits for whom."""
    parts = arriving.store(farm, large_job(name="parts"), terms())
    whole = store_job(farm, large_job(name="whole"))
    with farm.store.read() as tx:
        stored, plain = job_store.fetch_whole(tx, parts.id), job_store.fetch_whole(tx, whole.id)
        alike = {"key": 0, "id": "", "name": "", "owner": Owner()}
        assert replace(stored, **alike) == replace(plain, **alike)
        assert parts == stored
        of_both = [queues.of_job(tx, job.key) for job in (parts, whole)]
        seen = [[(q.task_type, q.commands, q.limits, q.runnable) for q in each] for each in of_both]
        assert sorted(seen[0]) == sorted(seen[1])
        assert not list(recount.miscounted(tx))
    worker = new_worker(farm)
    order = [run_next(farm, worker) for _ in range(8)]
    assert order.index("b") < order.index("a")
    assert order[-1] == "z"


def test_a_submission_that_is_large(farm: Farm) -> None:
    """It comes out of its script in lists, goes by way of a file, and is stored in parts, all of it and in order."""
    folder = farm.config.job_types_path
    folder.mkdir(parents=True)
    (folder / "many.js").write_text(SCRIPT)
    shared, farm.compiler = farm.compiler, Compiler([folder])
    try:
        job = jobs.submit(farm, Submission(name="n", type="many", settings={"count": 6_000}), strict=True)
    finally:
        farm.compiler.close()
        farm.compiler = shared
    assert job.counts == TaskCounts(queued=6_001)
    assert [task.name for task in tasks.of_job(farm, job.id)] == ["last", *(f"t{number}" for number in range(6_000))]
    with farm.store.read() as tx:
        assert {queue.task_type: queue.runnable for queue in queues.of_job(tx, job.key) if queue.commands} == {
            "blender": 3_000,
            "misc": 3_000,
        }
        assert not list(recount.miscounted(tx))


def test_nobody_sees_a_part(farm: Farm) -> None:
    """Until all of it is there, a job is in no list, workers get nothing of it, and it is not told of."""
    authored = large_job()
    half_stored(farm, authored)
    assert jobs.matching(farm, JobQuery()) == []
    with pytest.raises(NotFound):
        jobs.fetch(farm, authored.id)
    with pytest.raises(NotFound):
        jobs.set_status(farm, authored.id, JobStatus.QUEUED, "go")
    assert claim.assign_next(farm, new_worker(farm)) is None
    assert trash.doomed(farm, 1) == deletion.requested(farm, 1) == []
    assert not deletion.delete_some(farm, authored.id)
    with farm.store.read() as tx:
        assert not [event for event in event_store.after(tx, 0, 100) if event.topic == "/jobs"]
        assert job_store.owner(tx, authored.id) is None


def test_what_a_crash_leaves_behind_is_removed(farm: Farm, clock: Clock) -> None:
    """When nothing has come for a while, all that is there of a job goes; its UUIDs are free again."""
    empty = rows(farm.store)
    authored = large_job()
    half_stored(farm, authored)
    clock.forward(PATIENCE.total_seconds() - 1)
    assert trash.doomed(farm, 1) == []
    clock.forward(1)
    delete_all(farm)
    assert rows(farm.store) == empty
    store_job(farm, authored)
    assert take(farm, new_worker(farm)).task.name == "b"


def test_each_part_is_a_sign_of_life(farm: Farm, clock: Clock) -> None:
    """A job may take long to be stored, as long as something of it comes now and then."""
    authored = large_job()
    arrival = half_stored(farm, authored)
    for number in (6, 7):
        clock.forward(PATIENCE.total_seconds() - 1)
        assert trash.doomed(farm, 1) == []
        with farm.store.write() as tx:
            arrival.add(tx, authored.tasks[number : number + 1], farm.clock())
    for lot in arrival.dependencies():
        with farm.store.write() as tx:
            arrival.link(tx, lot, farm.clock())
    with farm.store.write() as tx:
        assert arrival.finish(tx, JobStatus.PAUSED, farm.clock()).status is JobStatus.PAUSED
    assert [job.id for job in jobs.matching(farm, JobQuery())] == [authored.id]


@pytest.mark.parametrize("removed", ["begun", "in time", "by somebody"])
def test_who_comes_too_late(farm: Farm, clock: Clock, removed: str) -> None:
    """Whoever goes on storing a job that is about to be removed, or in part gone, is told to submit it again."""
    authored = large_job()
    arrival = half_stored(farm, authored)
    if removed == "by somebody":
        deletion.request_mass(farm, farm.clock() + timedelta(days=1))
    else:
        clock.forward(PATIENCE.total_seconds())
    if removed == "begun":
        deletion.delete_some(farm, authored.id, most_rows=1)
        clock.forward(-PATIENCE.total_seconds())  # somebody has set the clock
        with farm.store.write() as tx:
            arrival.add(tx, authored.tasks[6:], farm.clock())
        with pytest.raises(Busy, match="submit it again"), farm.store.write() as tx:
            arrival.finish(tx, JobStatus.QUEUED, farm.clock())
    else:
        with pytest.raises(Busy, match="submit it again"), farm.store.write() as tx:
            arrival.add(tx, authored.tasks[6:], farm.clock())


@pytest.mark.usefixtures("small_parts")
def test_what_is_refused_at_the_end_is_removed_at_once(farm: Farm) -> None:
    """A job that somebody has something against when it is all there leaves nothing, but for its checkout."""
    empty = rows(farm.store)
    seen: list[Job] = []

    def check(_tx: Tx, job: Job) -> None:
        seen.append(job)
        if job.status is not JobStatus.UNDER_CONSTRUCTION:
            raise Refused("no")

    with pytest.raises(Refused, match="no"):
        arriving.store(farm, large_job(shaman_checkout_id="film/shot"), terms(check=check))
    assert [job.counts.queued for job in seen] == [0, 8]
    with farm.store.read() as tx:
        (doomed,) = deletion_store.marked(tx, farm.clock(), 10)
        assert job_store.fetch(tx, doomed, doomed=True).shaman_checkout_id == ""
    delete_all(farm)
    assert rows(farm.store) == empty


@pytest.mark.usefixtures("small_parts")
def test_a_uuid_that_is_taken(farm: Farm) -> None:
    """Tasks that are there already are refused, in whatever part they come, and the job goes again."""
    known = large_job()
    store_job(farm, known)
    before = rows(farm.store)
    twice = replace(large_job(), tasks=(*large_job().tasks, known.tasks[1]))
    with pytest.raises(Refused, match="UUID"):
        arriving.store(farm, twice, terms())
    delete_all(farm)
    assert rows(farm.store) == before


def test_a_checkout_stays_for_a_job_that_comes(farm: Farm) -> None:
    """The files that a large job needs are not deleted with another job while it is being stored."""
    doomed = store_job(farm, authored_job(authored_task(), shaman_checkout_id="film"))
    half_stored(farm, large_job(shaman_checkout_id="film"))
    assert not deletion.shaman_checkout_goes(farm, doomed.id)


def test_a_compiled_job_can_be_looked_at(farm: Farm, tmp_path: Path) -> None:
    """The tasks of a large job, which are in a file, are a sequence like others."""
    (tmp_path / "many.js").write_text(SCRIPT)
    compiler = Compiler([tmp_path])
    submission = Submission(name="n", type="many", settings={"count": 6_000})
    try:
        job = compiler.compile(submission, "11111111-2222-4333-8444-555555555555", farm.clock(), strict=True)
    finally:
        compiler.close()
    assert not isinstance(job.tasks, tuple)
    assert (len(job.tasks), job.tasks[0].name, job.tasks[-1].name) == (6_001, "last", "t5999")
    assert [task.name for task in job.tasks[-1:3000:-1500]] == ["t5999", "t4499"]
    # Who goes through them twice at the same time gets in nobody's way.
    assert all(one.id == other.id for one, other in zip(job.tasks, job.tasks, strict=True))
    with pytest.raises(IndexError):
        job.tasks[6_001]
