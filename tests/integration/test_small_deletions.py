"""Small jobs are put away and deleted several at a time; what is not that simple, one at a time as ever."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import event, func, select

from flamenco.config.keeping_settings import TrashConfig
from flamenco.domain.job_waits import State
from flamenco.domain.statuses import TaskStatus
from flamenco.farm import deletion, small_deletions, trash
from flamenco.farm.context import Farm
from flamenco.files.job_folders import make_job_folder
from flamenco.services.deletion import Deletions
from flamenco.services.roll_ups import RollUps
from flamenco.store import job_waits, recount
from flamenco.store import jobs as job_store
from flamenco.store.engine import Store
from flamenco.store.schema import attempts, job_texts, jobs, queues, tasks
from flamenco.store.small_deletions import MOST_TASKS
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, run_next, store_job, take
from tests.integration.test_deletion import delete_all, published
from tests.integration.test_roll_ups import totals
from tests.integration.waiting import wait_for

SOME = 12


@pytest.fixture
def farm(make_farm: Callable[..., Farm]) -> Farm:
    """What is deleted is kept for as long as it is by default."""
    return make_farm(trash=TrashConfig())


def some_jobs(farm: Farm, count: int = SOME) -> list[str]:
    """Jobs of two tasks."""
    return [store_job(farm, authored_job(authored_task(), authored_task("more"))).id for _ in range(count)]


def delete(farm: Farm, job_ids: list[str], *, for_good: bool = False) -> None:
    """Have them deleted; `for_good`, they are in the trash by then, and to be purged."""
    for job_id in job_ids:
        deletion.request(farm, job_id)
    if for_good:
        Deletions().tick(farm)
        for job_id in job_ids:
            trash.purge(farm, job_id)


def left(farm: Farm) -> list[int]:
    """How many rows there are of what belongs to jobs."""
    with farm.store.read() as tx:
        assert recount.miscounted(tx) == []
        tables = (jobs, tasks, queues, job_texts, attempts)
        return [tx.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]


def test_they_are_put_away_together(farm: Farm) -> None:
    """One turn of the chore does it with all, and everybody is told of each."""
    job_ids = some_jobs(farm)
    delete(farm, job_ids)
    Deletions().tick(farm)
    assert trash.doomed(farm, 1) == []
    gone = [told.payload["id"] for told in published(farm) if told.payload.get("was_deleted")]
    assert sorted(gone) == sorted(job_ids)
    for job_id in job_ids:
        trash.undelete(farm, job_id)
    assert left(farm)[0] == SOME


def test_they_are_deleted_together(farm: Farm) -> None:
    """With all that belongs to them, files too; nobody is told twice."""
    job_ids = some_jobs(farm)
    worker = new_worker(farm)
    for status in (TaskStatus.COMPLETED, TaskStatus.FAILED):
        run_next(farm, worker, status)
    folders = [make_job_folder(farm.config.local_storage_path, job_id) for job_id in job_ids]
    delete(farm, job_ids, for_good=True)
    told = len(published(farm))
    Deletions().tick(farm)
    assert left(farm) == [0] * 5
    assert not any(folder.exists() for folder in folders)
    assert len(published(farm)) == told


def test_a_turn_takes_few_statements(farm: Farm) -> None:
    """No more for many than for few: to a server each is a round trip."""
    counted: dict[int, list[int]] = {}
    statements: list[str] = []
    event.listen(farm.store.engine, "before_cursor_execute", lambda *about: statements.append(about[2]))
    for count in (SOME, 2 * SOME):
        delete(farm, some_jobs(farm, count))
        counted[count] = []
        for _ in ("put away", "delete"):
            statements.clear()
            Deletions().tick(farm)
            # SQLite, to which they are no round trips, is told some events at a time.
            counted[count].append(sum("INSERT INTO events" not in each for each in statements))
            for job_id in trashed(farm):
                trash.purge(farm, job_id)
        assert left(farm)[0] == 0
    assert counted[SOME] == counted[2 * SOME]
    assert max(counted[SOME]) <= SOME


def trashed(farm: Farm) -> list[str]:
    """UUIDs of the jobs in the trash."""
    with farm.store.read() as tx:
        return list(tx.execute(select(jobs.c.uuid).where(jobs.c.trashed_at.is_not(None))).scalars())


def test_what_was_done_for_them_stays_done(farm: Farm) -> None:
    """Attempts at their tasks are summed up before they go."""
    job_ids = some_jobs(farm, 3)
    worker = new_worker(farm)
    for _ in range(4):
        run_next(farm, worker)
    delete(farm, job_ids, for_good=True)
    delete_all(farm)
    RollUps().tick(farm)
    assert totals(farm)[1] == 4


def test_others_take_their_turn(farm: Farm) -> None:
    """What runs, what is large, and what others wait for goes as well, and is told, counted and let go as ever."""
    worker = new_worker(farm)
    running = store_job(farm, authored_job(authored_task(), priority=90))
    take(farm, worker)
    large = store_job(farm, authored_job(*(authored_task(f"t{number}") for number in range(MOST_TASKS + 1))))
    awaited = store_job(farm, authored_job(authored_task()))
    follower = store_job(farm, authored_job(authored_task()))
    wait_for(farm, follower, awaited)
    delete(farm, [running.id, large.id, awaited.id, *some_jobs(farm)])
    delete_all(farm)
    with farm.store.read() as tx:
        assert job_store.fetch(tx, running.id, doomed=True).counts.active == 0
    for job_id in trashed(farm):
        trash.purge(farm, job_id)
    delete_all(farm)
    assert left(farm)[0] == 1
    with farm.store.read() as tx:
        assert [wait.state for wait in job_waits.of_job(tx, follower.key)] == [State.BROKEN]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_who_is_at_a_job_is_not_waited_for(farm: Farm) -> None:
    """A job that somebody has locked is passed over, and the others go."""
    first, *others = some_jobs(farm)
    delete(farm, [first, *others])
    elsewhere = Store(farm.store.url.render_as_string(hide_password=False))
    with elsewhere.write() as tx:
        job_store.lock_by_id(tx, first, doomed=True)
        Deletions().tick(farm)
        assert trash.doomed(farm, SOME) == [first]
    elsewhere.close()
    Deletions().tick(farm)
    assert trash.doomed(farm, SOME) == []


def test_files_of_a_large_job_are_left_for_its_own_turn(farm: Farm) -> None:
    """They may be very many, and the small ones do not wait for that."""
    large = store_job(farm, authored_job(*(authored_task(f"t{number}") for number in range(MOST_TASKS + 1)))).id
    small = some_jobs(farm, 2)
    delete(farm, [large, *small], for_good=True)
    folders = {job_id: make_job_folder(farm.config.local_storage_path, job_id) for job_id in (large, *small)}
    assert sorted(small_deletions.delete(farm, [large, *small])) == sorted(small)
    assert [job_id for job_id, folder in folders.items() if folder.exists()] == [large]
