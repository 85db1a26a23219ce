"""Which jobs, tasks and workers a filter leaves in, on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from flamenco.domain.access import Owner
from flamenco.domain.listing import JobFilter, JobQuery, TaskFilter, TaskQuery, WorkerFilter
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.farm import jobs, tags, tasks, workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import placing
from flamenco.store import filters
from flamenco.store import jobs as job_store
from flamenco.store.schema import workers as worker_table
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, store_job, take

NAMES = ("Shot 12", "SHOT 99", "Über den Wölken", "100% [a]*", "ΣΊΣΥΦΟΣ", "back\\slash ^-?")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("shot", [0, 1]),
        (" SHOT 9 ", [1]),
        ("ot 12", [0]),
        ("ÜBER", [2]),
        ("wöl", [2]),
        ("0% [A]*", [3]),
        ("%", [3]),
        ("[", [3]),
        ("_", []),
        ("σίσ", [4]),
        ("\\S", [5]),
        ("^-?", [5]),
        ("  ", [0, 1, 2, 3, 4, 5]),
        ("shot\n", [0, 1]),
        ("nobody", []),
    ],
)
def test_texts_are_found_however_they_are_written(farm: Farm, text: str, found: list[int]) -> None:
    """In names of jobs, tasks and workers, and nothing in them means anything but itself."""
    for name in NAMES:
        store_job(farm, authored_job(name=name))
        new_worker(farm, name)
    job = store_job(farm, authored_job(*(authored_task(name) for name in NAMES), name="of these"))
    wanted = {NAMES[number] for number in found}
    assert {each.name for each in jobs.matching(farm, JobQuery(text=text))} - {job.name} == wanted
    assert {each.name for each in tasks.matching(farm, job.id, TaskQuery(text=text))} == wanted
    assert {each.name for each in _workers(farm, WorkerFilter(text=text))} == wanted


def test_mixed_letters_of_other_scripts_beside_signs(farm: Farm) -> None:
    """A pattern of letters that are written in two ways has signs in it too."""
    job = store_job(farm, authored_job(authored_task("é [*] ^?\\ -ß"), authored_task("e [*] ^?\\ -ß")))
    found = tasks.matching(farm, job.id, TaskQuery(text="É [*] ^?\\ -ß"))
    assert [task.index for task in found] == [1]


def _workers(farm: Farm, asked: WorkerFilter) -> list[Any]:
    with farm.store.read() as tx:
        return list(tx.execute(worker_table.select().where(*filters.of_workers(asked)).order_by(worker_table.c.key)))


def _store(farm: Farm, name: str, owner: Owner, **metadata: str) -> str:
    job = authored_job(authored_task(), name=name, metadata=metadata)
    placement = placing.placement(farm, job_store.candidate(job), {"misc"}, farm.clock())
    with farm.store.write() as tx:
        return job_store.insert_job(tx, job, JobStatus.QUEUED, placement, owner=owner).id


def _names(farm: Farm, asked: JobFilter) -> list[str]:
    with farm.store.read() as tx:
        columns = job_store.SELECT.where(*filters.of_jobs(asked))
        return sorted(job_store.STATE.read(row).name for row in tx.execute(columns))


def test_jobs_by_user_project_and_batch(farm: Farm) -> None:
    """Any of those that are named; they are also found by a part of user, project, type or batch, or of their UUID."""
    first = _store(farm, "a", Owner("anna"), project="Sprite Fright")
    _store(farm, "b", Owner("Bob", "10.0.0.7"), project="Wing It", batch="Review 7")
    _store(farm, "c", Owner())
    assert jobs.fetch(farm, first).project == "Sprite Fright"
    assert _names(farm, JobFilter(users=("anna", "Bob"))) == ["a", "b"]
    assert _names(farm, JobFilter(projects=("Wing It",))) == ["b"]
    assert _names(farm, JobFilter(users=("anna",), projects=("Wing It",))) == []
    assert _names(farm, JobFilter(batches=("Review 7", "other"))) == _names(farm, JobFilter(text="view 7")) == ["b"]
    assert _names(farm, JobFilter(text="ANN")) == ["a"]
    assert _names(farm, JobFilter(text="fright")) == ["a"]
    assert _names(farm, JobFilter(text="WING")) == ["b"]
    assert _names(farm, JobFilter(text=first[:8].upper())) == _names(farm, JobFilter(text=first)) == ["a"]
    assert _names(farm, JobFilter(types=("test", "other"))) == _names(farm, JobFilter(types=("test",)))


def test_what_is_longer_than_a_name_is_cut(farm: Farm) -> None:
    """An index keeps no text of any length; whoever writes a novel there is still found."""
    _store(farm, "a", Owner(), project="x" * 300, batch="y" * 300)
    job = jobs.fetch(farm, jobs.matching(farm, JobQuery())[0].id)
    assert (job.project, job.batch) == ("x" * 255, "y" * 255)


def test_jobs_by_worker_and_tag(farm: Farm) -> None:
    """Those of which a worker runs a task at the moment, and those for workers with a tag."""
    worker = new_worker(farm)
    _store(farm, "run", Owner())
    assert _names(farm, JobFilter(worker=worker.id)) == []
    take(farm, worker)
    tag = tags.create(farm, "gpu", "")
    tagged = _store(farm, "tagged", Owner())
    tags.set_of_job(farm, tagged, tag.id, None)
    assert _names(farm, JobFilter(worker=worker.id)) == ["run"]
    assert _names(farm, JobFilter(tags=(tag.id,))) == ["tagged"]
    assert _names(farm, JobFilter(statuses=(JobStatus.ACTIVE,))) == ["run"]
    assert _names(farm, JobFilter(statuses=(JobStatus.PAUSED,))) == []
    with farm.store.read() as tx:
        every = filters.of_jobs(JobFilter(statuses=(JobStatus.PAUSED,)), whatever_status=True)
        assert len(tx.execute(job_store.SELECT.where(*every)).all()) == 2


def test_tasks_by_type_and_worker(farm: Farm) -> None:
    """Those of a type, and those that a worker has."""
    job = store_job(farm, authored_job(authored_task("a", "misc"), authored_task("b", "blender")))
    worker = new_worker(farm, task_types=("blender",))
    take(farm, worker)

    def names(**asked: object) -> list[str]:
        return [each.name for each in tasks.matching(farm, job.id, TaskQuery(**asked))]  # type: ignore[arg-type]

    assert names(types=("misc",)) == ["a"]
    assert names(worker=worker.id) == names(statuses=(TaskStatus.ACTIVE,)) == ["b"]
    assert names(worker=worker.id, statuses=(TaskStatus.QUEUED,)) == []
    assert TaskFilter(statuses=(TaskStatus.ACTIVE,)).is_of_statuses
    assert not TaskFilter(text="a").is_of_statuses


def test_workers_by_status_tag_and_approval(farm: Farm) -> None:
    """Those that were deleted are in no list."""
    here, gone, waiting = (new_worker(farm, name) for name in ("here", "gone", "waiting"))
    workers.delete(farm, gone.id)
    tag = tags.create(farm, "gpu", "")
    tags.set_of_worker(farm, here.id, [tag.id])
    with farm.store.write() as tx:
        tx.execute(worker_table.update().where(worker_table.c.key == waiting.key).values(approved=False))

    def names(asked: WorkerFilter) -> list[str]:
        return [each.name for each in _workers(farm, asked)]

    assert names(WorkerFilter()) == ["here", "waiting"]
    assert names(WorkerFilter(statuses=(WorkerStatus.AWAKE,))) == ["here", "waiting"]
    assert names(WorkerFilter(statuses=(WorkerStatus.REGISTERED,))) == []
    assert names(WorkerFilter(tags=(tag.id,))) == ["here"]
    assert names(WorkerFilter(approved=False)) == ["waiting"]
    assert names(WorkerFilter(approved=True, text="E")) == ["here"]
    assert names(WorkerFilter(text="127.0")) == ["here", "waiting"]
    assert names(WorkerFilter(text=here.id[:6])) == ["here"]
