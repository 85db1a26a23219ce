"""Frames of a job in another order: workers get them in that, from the beginning or from one moment on."""

from __future__ import annotations

import re
import threading

import pytest

from flamenco.domain.access import ITSELF
from flamenco.domain.actions import JobAction
from flamenco.domain.errors import Conflict, Refused
from flamenco.domain.model import AuthoredTask, Job
from flamenco.domain.statuses import JobStatus
from flamenco.farm import jobs, ordering
from flamenco.farm.actions.carrying_out import carry_out
from flamenco.farm.actions.of_jobs import Jobs
from flamenco.farm.actions.values import Arguments, Asked
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.services import upkeep
from flamenco.store import frame_orders
from flamenco.store.engine import Tx
from tests.conftest import authored_task
from tests.integration.exercising import executed
from tests.integration.farming import new_worker, run_next, statuses
from tests.integration.previewing import framed, stored
from tests.integration.test_query_plans import scans_of
from tests.integration.waiting import frames_task

pytestmark = pytest.mark.postgresql


def all_of(farm: Farm, job: Job) -> list[str]:
    """What a worker is given, one after the other, until there is no more."""
    worker = new_worker(farm)
    given = []
    while jobs.fetch(farm, job.id).status is not JobStatus.COMPLETED:
        given.append(run_next(farm, worker))
    assert claim.assign_next(farm, worker) is None
    return given


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("", "1 2 3 4 5 6 7 video"),
        ("forward", "1 2 3 4 5 6 7 video"),
        ("backward", "7 6 5 4 3 2 1 video"),
        ("every 3", "1 4 7 2 3 5 6 video"),
        ("middle-out", "1 7 4 2 5 3 6 video"),
    ],
)
def test_frames_come_as_they_were_asked_for(farm: Farm, order: str, expected: str) -> None:
    """And the video after all of them, which waits for them as ever."""
    job = stored(farm, *framed(7, video=True), order=order)
    assert all_of(farm, job) == expected.split()


def mixed() -> list[AuthoredTask]:
    """Tasks of two kinds that are about frames, two priorities, and two that are about nothing of the kind."""
    return [
        authored_task("prepare"),
        *(frames_task(str(frame)) for frame in (1, 2, 3)),
        authored_task("check", "ffmpeg"),
        *(authored_task(f"fast-{frame}", frames=str(frame), priority=80) for frame in (1, 2)),
        *(authored_task(f"other-{frame}", "blender", frames=str(frame)) for frame in (1, 2)),
    ]


def test_only_frames_of_one_kind_change_places(farm: Farm) -> None:
    """The priorities of a script come first, and what is about no frames stays where it was."""
    job = stored(farm, *mixed(), order="backward")
    assert all_of(farm, job) == ["fast-2", "fast-1", "prepare", "3", "2", "1", "check", "other-2", "other-1"]


def test_it_is_changed_while_the_job_runs(farm: Farm) -> None:
    """What runs goes on, what is done is done; what it was before takes that back."""
    job = stored(farm, *framed(9))
    worker = new_worker(farm)
    assert run_next(farm, worker) == "1"

    def ask(order: str) -> object:
        asked = Asked(action=JobAction.ORDER, arguments=Arguments(order=order), ids=[job.id])
        outcome = carry_out(farm, ITSELF, Jobs(), asked)
        assert outcome.done == 1, outcome.refused
        return outcome.undo[0].arguments

    assert ask("backward") == {"order": "forward"}
    assert jobs.fetch(farm, job.id).frame_order == "backward"
    assert [run_next(farm, worker), run_next(farm, worker)] == ["9", "8"]
    assert ask("middle-out") == {"order": "backward"}
    assert [run_next(farm, worker), run_next(farm, worker)] == ["5", "3"]
    assert ask("forward") == {"order": "middle-out"}
    assert jobs.fetch(farm, job.id).frame_order == ""
    assert all_of(farm, job) == ["2", "4", "6", "7"]
    assert statuses(farm, job)[0] == "completed"


def test_what_cannot_be_put_in_order(farm: Farm) -> None:
    """Is told why: no such order, no frames, or nothing left of it."""
    job = stored(farm, *framed(2))
    with pytest.raises(Refused, match="is no order of frames"):
        ordering.reorder(farm, job.id, "sideways")
    plain = stored(farm, authored_task())
    with pytest.raises(Conflict, match="None of its tasks says which frames it is about"):
        ordering.reorder(farm, plain.id, "backward")
    jobs.set_status(farm, job.id, JobStatus.CANCEL_REQUESTED, "test")
    with pytest.raises(Conflict, match="It is canceled"):
        ordering.reorder(farm, job.id, "backward")


def test_a_large_job_is_put_in_order_by_and_by(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds it half done goes on; of two orders, the later one is the one that it has."""
    monkeypatch.setattr(ordering, "AT_ONCE", 3)
    job = stored(farm, *framed(20))
    put = frame_orders.put
    seen: list[int] = []

    def dies(tx: Tx, places: list[frame_orders.Place]) -> None:
        seen.append(len(places))
        if len(seen) == 3:
            raise KeyboardInterrupt
        put(tx, places)

    monkeypatch.setattr(frame_orders, "put", dies)
    with pytest.raises(KeyboardInterrupt):
        ordering.reorder(farm, job.id, "backward")
    monkeypatch.setattr(frame_orders, "put", put)
    assert seen == [3, 3, 3]
    upkeep.finish_moves(farm)
    with farm.store.read() as tx:
        assert frame_orders.unfinished(tx) == []
    assert ordering.finish_all(farm) == 0
    assert all_of(farm, job) == [str(frame) for frame in range(20, 0, -1)]


def test_two_orders_at_once(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that came later is the one that it has in the end, all of it."""
    monkeypatch.setattr(ordering, "AT_ONCE", 3)
    job = stored(farm, *framed(40))
    put, began, goes_on = frame_orders.put, threading.Event(), threading.Event()

    def slow(tx: Tx, places: list[frame_orders.Place]) -> None:
        put(tx, places)
        if threading.current_thread() is first:
            began.set()

    monkeypatch.setattr(frame_orders, "put", slow)
    real = ordering._put

    def between(*args: object, **more: object) -> bool:
        if threading.current_thread() is first and began.is_set():
            assert goes_on.wait(10)
        return real(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(ordering, "_put", between)
    first = threading.Thread(target=ordering.reorder, args=(farm, job.id, "backward"))
    first.start()
    assert began.wait(10)
    ordering.reorder(farm, job.id, "every 2")
    goes_on.set()
    first.join()
    assert jobs.fetch(farm, job.id).frame_order == "every 2"
    assert all_of(farm, job) == [*map(str, range(1, 41, 2)), *map(str, range(2, 41, 2))]


def test_what_a_claim_asks_is_one_step(farm: Farm) -> None:
    """Along the index, with an order or without: nothing is sorted, and nobody looks through tasks."""
    stored(farm, *framed(30), order="middle-out")
    worker = new_worker(farm)
    with executed(farm.store) as statements:
        run_next(farm, worker)
    assert scans_of(farm.store, statements) == []
    (best,) = [each for each in statements if re.search(r"ORDER BY tasks.priority DESC, tasks.ord", each)]
    explain = "EXPLAIN QUERY PLAN " if farm.store.is_sqlite else "EXPLAIN "
    with farm.store.engine.connect() as connection:
        if not farm.store.is_sqlite:
            connection.exec_driver_sql("SET enable_seqscan = off")
        plan = [str(row[-1]) for row in connection.exec_driver_sql(explain + best, statements[best])]
    assert any("ix_tasks_runnable" in step for step in plan), plan
    assert not any("TEMP B-TREE" in step or "Sort" in step for step in plan), plan
