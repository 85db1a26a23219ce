"""What becomes of jobs that ended long ago, in a farm: tried first, then done a few at a time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from falcon import testing

from flamenco.api.app import create_app
from flamenco.config.keeping_settings import TrashConfig
from flamenco.domain.listing import JobFilter
from flamenco.domain.model import Job
from flamenco.domain.paging import Slice
from flamenco.domain.retention import parse
from flamenco.domain.statuses import JobStatus
from flamenco.farm import archives, audit, jobs, retention
from flamenco.farm.context import Farm
from flamenco.farm.lists import job_page
from flamenco.services.archiving import Archiving
from flamenco.services.retention import EVERY_S, Retention
from flamenco.store import retention as store
from flamenco.testing import Clock
from tests.conftest import authored_job, authored_task
from tests.integration.exercising import executed
from tests.integration.farming import statuses, store_job
from tests.integration.test_deletion import delete_all

RULES = tuple(map(parse, ["completed:48h:keep:film", "completed:48h:archive", "failed:1h:trash"]))
DAY = 86_400.0


def ended(farm: Farm, status: JobStatus, project: str = "") -> Job:
    """A job that has ended so."""
    job = store_job(farm, authored_job(authored_task(), metadata={"project": project} if project else {}))
    jobs.set_status(farm, job.id, status, "test")
    return job


def names(farm: Farm, *, in_trash: bool = False) -> set[str]:
    """The ids of the jobs that are there."""
    page = job_page(farm, JobFilter(in_trash=in_trash), Slice(sort="created", limit=100))
    return {each.job.id for each in page.entries}


def until_done(farm: Farm) -> int:
    """Let the chore go through all of them; in how many steps."""
    chore = Retention()
    return next(step for step in range(1, 100) if chore.tick(farm) == EVERY_S)


def test_what_is_due_goes_and_nothing_else(make_farm: Callable[..., Farm], clock: Clock) -> None:
    """Into an archive or the trash, by the first rule that is about it; what was taken up meanwhile stays."""
    farm = make_farm(retention=RULES, trash=TrashConfig())
    old = ended(farm, JobStatus.COMPLETED)
    kept = ended(farm, JobStatus.COMPLETED, "film")
    failed = ended(farm, JobStatus.FAILED)
    canceled = ended(farm, JobStatus.CANCELED)
    waiting = store_job(farm, authored_job(authored_task()))
    until_done(farm)
    assert len(names(farm)) == 5
    clock.forward(2 * DAY)
    recent = ended(farm, JobStatus.FAILED)
    again = retention.some(farm, RULES, 0, clock()).due
    assert {(each.job.id, each.rule.do) for each in again} == {(old.id, "archive"), (failed.id, "trash")}
    until_done(farm)
    assert names(farm) == {kept.id, canceled.id, waiting.id, recent.id}
    delete_all(farm)
    Archiving().tick(farm)
    delete_all(farm)
    assert names(farm, in_trash=True) == {failed.id}
    assert [each.summary.id for each in archives.listed(farm)] == [old.id]
    assert {(each.who, each.object_id) for each in audit.records(farm, 9)} == {
        ("retention", old.id),
        ("retention", failed.id),
    }
    for each in again:  # what was found before, and is not so any more
        retention.carry_out(farm, each)


def test_a_job_that_somebody_took_up_stays(farm: Farm, clock: Clock) -> None:
    """Between the look and the deed."""
    job = ended(farm, JobStatus.FAILED)
    clock.forward(DAY)
    (due,) = retention.some(farm, RULES, 0, clock()).due
    jobs.set_status(farm, job.id, JobStatus.REQUEUEING, "after all")
    retention.carry_out(farm, due)
    assert statuses(farm, job) == ["queued", "queued"]


def test_many_go_in_slices(make_farm: Callable[..., Farm], clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """No step looks at more than a page, or puts away more than a few; all are done in the end."""
    monkeypatch.setattr(store, "PAGE", 8)
    monkeypatch.setattr(store, "_ENDED", store._ENDED.limit(8))
    farm = make_farm(retention=RULES)
    for _ in range(30):
        ended(farm, JobStatus.FAILED)
    clock.forward(DAY)
    assert retention.look(farm, None, clock()).total == 30
    assert until_done(farm) == 4
    assert names(farm) == set()
    assert until_done(make_farm()) == 1  # without rules there is nothing to do


def test_tried_over_http(make_farm: Callable[..., Farm], clock: Clock) -> None:
    """What the rules, or others, would do now or later; nothing is done."""
    farm = make_farm(retention=RULES)
    job = ended(farm, JobStatus.FAILED, "film")
    client = testing.TestClient(create_app(farm))
    found = client.simulate_get("/api/x/retention").json
    assert (found["total"], found["rules"][2]) == (0, {"status": "failed", "after": "1h0m0s", "do": "trash"})
    found = client.simulate_get("/api/x/retention", params={"days": 1}).json
    assert [(each["id"], each["do"], each["project"]) for each in found["jobs"]] == [(job.id, "trash", "film")]
    other = ["failed:0s:keep:another", "failed:0s:archive"]
    found = client.simulate_get("/api/x/retention", params={"rule": other}, params_csv=False).json
    assert (found["total"], found["jobs"][0]["do"]) == (1, "archive")
    assert client.simulate_get("/api/x/retention", params={"rule": "burn"}).status_code == 400
    assert names(farm) == {job.id}


def test_looking_reads_no_more_than_a_page(farm: Farm) -> None:
    """Along the row numbers, so that a step costs the same however many jobs there are."""
    ended(farm, JobStatus.FAILED)
    with executed(farm.store) as statements:
        retention.some(farm, RULES, 0, farm.clock())
    (asked,) = [sql for sql in statements if "FROM jobs" in sql]
    assert "LIMIT" in asked
    if farm.store.is_sqlite:
        with farm.store.engine.connect() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", statements[asked]).all()
        assert "INTEGER PRIMARY KEY (rowid>?)" in str(plan)
