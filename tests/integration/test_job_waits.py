"""Jobs wait for jobs: nothing of them is run before, and all of it after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import select

from flamenco.domain.errors import Conflict, NotFound, Refused
from flamenco.domain.job_waits import Kind, Offset, Span, State, Wanted, When
from flamenco.domain.model import Job, Worker
from flamenco.domain.statuses import JobStatus, TaskStatus
from flamenco.farm import deletion, job_waits, jobs, tasks, telling, trash
from flamenco.farm.context import Farm
from flamenco.services import telling as chore
from flamenco.store import job_news, schema
from tests.conftest import authored_job, authored_task
from tests.integration.farming import job_now, new_worker, report, run_next, statuses, store_job, take
from tests.integration.test_trash import KEPT
from tests.integration.waiting import check_counters, frames_job, is_idle, wait_for

pytestmark = pytest.mark.postgresql

FRAMES: dict[str, Any] = {"kind": Kind.FRAMES}


@pytest.fixture
def worker(farm: Farm) -> Worker:
    """Somebody to do it all."""
    return new_worker(farm)


def run_all(farm: Farm, worker: Worker) -> list[str]:
    """Run what there is until there is no more; the names in their order."""
    names = []
    while not is_idle(farm, worker):
        names.append(run_next(farm, worker))
    return names


def states(farm: Farm, job: Job) -> list[State]:
    """Where the dependencies of a job stand."""
    return [wait.state for wait in job_waits.waits(farm, job.id).waits_for]


def test_a_job_waits_for_all_of_another(farm: Farm, worker: Worker) -> None:
    """However urgent it is; and says so, as it says when it waits no more."""
    sim = frames_job(farm, "1", "2", name="sim")
    light = frames_job(farm, "1", name="light", priority=90)
    wait_for(farm, light, sim)
    assert job_now(farm, light).activity == f'Waits until the job "sim" ({sim.id[:8]}) is completed.'
    assert [run_next(farm, worker), run_next(farm, worker)] == ["1", "2"]
    assert is_idle(farm, worker)  # nobody has told it yet
    check_counters(farm)
    chore.tell(farm)
    assert job_now(farm, light).activity == f'Waits no more for the job "sim" ({sim.id[:8]}): it is completed.'
    assert states(farm, light) == [State.MET]
    assert run_all(farm, worker) == ["1"]
    assert statuses(farm, light) == ["completed", "completed"]
    assert job_now(farm, sim).waited_for == 0


def test_frames_wait_for_their_own(farm: Farm, worker: Worker) -> None:
    """Each as soon as the other job has what it needs, in however many chunks both are; the rest when all is there."""
    light = frames_job(farm, "1-3", "4-6", "video", name="light", priority=90)
    sim = frames_job(farm, "1,2", "3,4", "5,6", name="sim")
    wait_for(farm, light, sim, **FRAMES)
    assert run_next(farm, worker) == "1,2"
    chore.tell(farm)
    assert run_next(farm, worker) == "3,4"
    chore.tell(farm)
    check_counters(farm)
    assert run_next(farm, worker) == "1-3"
    assert run_next(farm, worker) == "5,6"
    chore.tell(farm)
    assert run_all(farm, worker) == ["4-6", "video"]
    assert job_now(farm, light).status is JobStatus.COMPLETED


def test_frames_wait_for_those_around_them(farm: Farm, worker: Worker) -> None:
    """With an offset, and what the other job has no frames for is not waited for."""
    light = frames_job(farm, *"1234", name="light", priority=90)
    sim = frames_job(farm, *"123", name="sim")
    wait_for(farm, light, sim, **FRAMES, offset=Offset(-1, 1))
    done = []
    while not is_idle(farm, worker):
        done.append(run_next(farm, worker))
        chore.tell(farm)
    # 1 needs 1 and 2, 2 needs 1 to 3, 3 needs 2 and 3, and 4 needs 3.
    assert done == ["1", "2", "1", "3", "2", "3", "4"]


def test_tasks_that_are_queued_again_are_waited_for_again(farm: Farm, worker: Worker) -> None:
    """By what has not begun: the simulation is not what it was."""
    light = frames_job(farm, "1", "2", name="light", priority=90)
    sim = frames_job(farm, "1", "2", name="sim")
    wait_for(farm, light, sim, **FRAMES)
    run_next(farm, worker)
    chore.tell(farm)
    again = tasks.of_job(farm, sim.id)[0]
    tasks.set_status(farm, again.id, TaskStatus.QUEUED, "wrong")
    chore.tell(farm)
    check_counters(farm)
    assert take(farm, worker).task.id == again.id


def test_what_fails_holds_those_that_wait(farm: Farm, worker: Worker) -> None:
    """Until somebody has it done after all."""
    light = frames_job(farm, "1", "2", name="light", priority=90)
    other = frames_job(farm, "1", "2", name="other", priority=90)
    sim = frames_job(farm, "1", "2", name="sim")
    wait_for(farm, light, sim)
    wait_for(farm, other, sim, **FRAMES)
    run_next(farm, worker)
    chore.tell(farm)
    jobs.set_status(farm, sim.id, JobStatus.FAILED, "a person says so")
    chore.tell(farm)
    assert is_idle(farm, worker)
    for job in (light, other):
        assert states(farm, job) == [State.BROKEN]
        assert job_now(farm, job).activity.startswith(
            f'Held: the job "sim" ({sim.id[:8]}) that it waits for is failed;'
        )
    check_counters(farm)
    jobs.set_status(farm, sim.id, JobStatus.REQUEUEING, "once more")
    chore.tell(farm)
    assert states(farm, other) == [State.WAITING]
    assert run_next(farm, worker) == "1"  # of the other one, whose frame was done before
    assert run_next(farm, worker) == "2"
    chore.tell(farm)
    assert run_all(farm, worker) == ["1", "2", "2"]
    check_counters(farm)


def test_any_end_will_do_if_that_is_said(farm: Farm, worker: Worker) -> None:
    """A failure as well: what cleans up comes after whatever happened."""
    clean_up = frames_job(farm, "1", "2", priority=90)
    last = frames_job(farm, "9")
    sim = frames_job(farm, "1", "2")
    wait_for(farm, clean_up, sim, **FRAMES, when=When.ENDED)
    wait_for(farm, last, sim, when=When.ENDED)
    jobs.set_status(farm, sim.id, JobStatus.CANCEL_REQUESTED, "no more")
    chore.tell(farm)
    assert run_all(farm, worker) == ["1", "2", "9"]


def test_what_was_deleted_holds_until_a_person_decides(farm: Farm, worker: Worker) -> None:
    """The job that waited still knows what that was called."""
    light, other = frames_job(farm, "1", name="light"), frames_job(farm, "1", name="other")
    sim = frames_job(farm, "1", "2", name="sim")
    wait_for(farm, light, sim)
    wait_for(farm, other, sim, **FRAMES)
    deletion.request(farm, sim.id)
    while not deletion.delete_some(farm, sim.id):
        pass
    assert is_idle(farm, worker)
    for job in (light, other):
        assert "was deleted; drop the dependency, or cancel this job." in job_now(farm, job).activity
    check_counters(farm)
    job_waits.drop(farm, light.id, sim.id)
    job_waits.satisfy(farm, other.id, sim.id)
    chore.tell(farm)
    assert run_all(farm, worker) == ["1", "1"]
    assert states(farm, other) == [State.SATISFIED]
    assert states(farm, light) == []


@pytest.mark.parametrize("said", [{}, FRAMES], ids=["all", "frames"])
def test_what_is_had_back_from_the_trash_is_waited_for_again(
    make_farm: Callable[..., Farm], said: dict[str, Any]
) -> None:
    """As if nobody had deleted it, whichever of both is waited for."""
    farm = make_farm(trash=KEPT)
    sim, light = frames_job(farm, "1", name="sim"), frames_job(farm, "1", name="light")
    wait_for(farm, light, sim, **said)
    deletion.request(farm, sim.id)
    chore.tell(farm)
    assert states(farm, light) == [State.BROKEN]
    assert "was deleted" in job_now(farm, light).activity
    trash.undelete(farm, sim.id)
    chore.tell(farm)
    assert states(farm, light) == [State.WAITING]
    worker = new_worker(farm)
    run_next(farm, worker)
    assert statuses(farm, sim)[0] == "completed"
    assert is_idle(farm, worker)
    chore.tell(farm)
    run_next(farm, worker)
    assert statuses(farm, light)[0] == "completed"


def test_who_waits_may_be_deleted(farm: Farm) -> None:
    """Then nobody follows the other job any more."""
    sim, light = frames_job(farm, "1"), frames_job(farm, "1")
    wait_for(farm, light, sim, **FRAMES)
    assert job_now(farm, sim).waited_for == 2
    deletion.request(farm, light.id)
    while not deletion.delete_some(farm, light.id):
        pass
    assert job_now(farm, sim).waited_for == 0
    check_counters(farm)


def test_what_is_over_already_is_not_waited_for(farm: Farm, worker: Worker) -> None:
    """It is as if it had been done a moment later."""
    sim = frames_job(farm, "1")
    run_next(farm, worker)
    light = frames_job(farm, "1")
    wait_for(farm, light, sim, **FRAMES)
    assert states(farm, light) == [State.MET]
    assert run_all(farm, worker) == ["1"]


def test_people_add_and_take_back_what_a_job_waits_for(farm: Farm, worker: Worker) -> None:
    """What has begun goes on meanwhile."""
    light = frames_job(farm, "1", "2", name="light", priority=90)
    sim = frames_job(farm, "1", "2", name="sim")
    begun = take(farm, worker)
    job_waits.add(farm, light.id, Wanted(job=sim.id, kind=Kind.FRAMES))
    chore.tell(farm)
    report(farm, worker, begun, TaskStatus.COMPLETED)
    assert take(farm, worker).task.job_id == sim.id
    with pytest.raises(Conflict, match="already; drop that first"):
        job_waits.add(farm, light.id, Wanted(job=sim.id))
    job_waits.satisfy(farm, light.id, sim.id)
    with pytest.raises(Conflict, match="It does not wait for that job any more: that is satisfied"):
        job_waits.satisfy(farm, light.id, sim.id)
    chore.tell(farm)
    check_counters(farm)
    assert take(farm, new_worker(farm, "other")).task.job_id == light.id
    job_waits.drop(farm, light.id, sim.id)
    with pytest.raises(NotFound, match="does not wait for a job"):
        job_waits.drop(farm, light.id, sim.id)


def test_nothing_waits_for_itself(farm: Farm) -> None:
    """However long the way is round; and what is not there, or has no frames, is not waited for either."""
    first, second, third = (frames_job(farm, "1") for _ in range(3))
    wordy = store_job(farm, authored_job(authored_task()))
    wait_for(farm, second, first)
    wait_for(farm, third, second)
    path = " → ".join(job.id[:8] for job in (first, third, second, first))
    with pytest.raises(Refused, match=f"wait for each other for ever: {path}"):
        job_waits.add(farm, first.id, Wanted(job=third.id))
    with pytest.raises(Refused, match="wait for each other"):
        job_waits.add(farm, first.id, Wanted(job=first.id))
    with pytest.raises(Refused, match="There is no job nobody to wait for"):
        job_waits.add(farm, first.id, Wanted(job="nobody"))
    with pytest.raises(Refused, match="says which frames it is about"):
        job_waits.add(farm, first.id, Wanted(job=wordy.id, kind=Kind.FRAMES))
    jobs.set_status(farm, third.id, JobStatus.CANCEL_REQUESTED, "no more")
    with pytest.raises(Conflict, match="The job is canceled"):
        job_waits.add(farm, third.id, Wanted(job=first.id))
    check_counters(farm)


def test_a_job_that_goes_on_says_again_what_it_waits_for(farm: Farm, worker: Worker) -> None:
    """After a pause it waits as before."""
    sim, light = frames_job(farm, "1", name="sim"), frames_job(farm, "1", name="light", priority=90)
    wait_for(farm, light, sim)
    jobs.set_status(farm, light.id, JobStatus.PAUSE_REQUESTED, "stop")
    jobs.set_status(farm, light.id, JobStatus.QUEUED, "go on")
    assert job_now(farm, light).activity.startswith("Waits until the job")
    assert take(farm, worker).task.job_id == sim.id


def test_a_job_with_failures_does_not_end_while_frames_wait(farm: Farm, worker: Worker) -> None:
    """What cannot be run yet can be run later."""
    chunks = [str(number) for number in range(1, 13)]
    light = frames_job(farm, *chunks, name="light", priority=90)
    sim = frames_job(farm, *chunks, name="sim")
    wait_for(farm, light, sim, **FRAMES)
    run_next(farm, worker)
    chore.tell(farm)
    tasks.set_status(farm, tasks.of_job(farm, light.id)[0].id, TaskStatus.FAILED, "broken")
    assert job_now(farm, light).status is not JobStatus.FAILED
    run_all(farm, worker)
    chore.tell(farm)
    run_all(farm, worker)
    assert job_now(farm, light).status is JobStatus.FAILED  # once there is nothing else to be done
    check_counters(farm)


def test_nothing_is_lost_when_a_process_dies_while_it_tells(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one tells it all, once more or not."""
    sim = frames_job(farm, "1", "2")
    waiting = [frames_job(farm, "1", "2") for _ in range(7)]
    for job in waiting:
        wait_for(farm, job, sim)
    monkeypatch.setattr(telling, "AT_ONCE", 3)
    jobs.set_status(farm, sim.id, JobStatus.COMPLETED, "a person says so")
    settle = telling._settle
    calls = []

    def dying(*args: Any) -> None:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        settle(*args)

    monkeypatch.setattr(telling, "_settle", dying)
    with pytest.raises(KeyboardInterrupt):
        chore.tell(farm)
    check_counters(farm)
    assert [states(farm, job) for job in waiting] == [[State.MET]] * 3 + [[State.WAITING]] * 4
    chore.tell(farm)
    check_counters(farm)
    assert [states(farm, job) for job in waiting] == [[State.MET]] * 7


def test_frames_that_end_while_others_are_told_are_left_for_the_next_time(
    farm: Farm, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While much is rendered there is always one more: the chore comes to an end, and tells of them together."""
    frames = [str(frame) for frame in range(1, 8)]
    sim, light = frames_job(farm, *frames, priority=60), frames_job(farm, *frames)
    wait_for(farm, light, sim, kind=Kind.FRAMES)
    tell_frames = telling._tell_frames
    told: list[Span] = []

    def meanwhile(farm: Farm, on_key: int, spans: Sequence[Span]) -> None:
        told.extend(spans)
        tell_frames(farm, on_key, spans)
        assert run_next(farm, worker) is not None

    monkeypatch.setattr(telling, "_tell_frames", meanwhile)
    assert [run_next(farm, worker) for _ in range(2)] == ["1", "2"]
    chore.tell(farm)
    assert told == [Span(1, 2)]
    assert [run_next(farm, worker) for _ in range(2)] == ["4", "5"]
    chore.tell(farm)
    assert told == [Span(1, 2), Span(3, 5)]
    monkeypatch.undo()
    chore.tell(farm)
    assert run_all(farm, worker) == ["7", *frames[:-1]]
    chore.tell(farm)
    assert run_all(farm, worker) == ["7"]
    check_counters(farm)


def test_what_was_forgotten_is_found(farm: Farm, worker: Worker) -> None:
    """Whatever lost the news: a chore looks whether everybody knows."""
    sim, light, other = (frames_job(farm, "1") for _ in range(3))
    wait_for(farm, light, sim)
    with farm.store.write() as tx:
        job_waits.attach(tx, job_now(farm, other), [Wanted(job=sim.id, kind=Kind.FRAMES)], farm.clock())
    assert run_next(farm, worker) == "1"
    with farm.store.write() as tx:
        tx.execute(schema.job_news.delete())
    assert is_idle(farm, worker)
    chore.look_for_forgotten(farm)
    chore.tell(farm)
    assert run_all(farm, worker) == ["1", "1"]
    assert telling.look_for_forgotten(farm) == 0
    check_counters(farm)


def test_nothing_is_noted_of_jobs_that_nobody_waits_for(farm: Farm, worker: Worker) -> None:
    """Most jobs are such."""
    frames_job(farm, "1", "2")
    run_all(farm, worker)
    with farm.store.read() as tx:
        assert job_news.next_ones(tx, 1, job_news.last(tx)) == []
        assert tx.execute(select(schema.job_dependencies.c.key)).all() == []
