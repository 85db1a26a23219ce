"""Why tasks wait: every reason there is, and that the first condition nobody passes is the one that is told."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from flamenco import Hold
from flamenco.domain.model import Job, TaskCounts
from flamenco.domain.scheduling.explanation import Dependent, Reason, SeenWorker, WaitingGroup, Why, reasons
from flamenco.domain.statuses import JobStatus, WorkerStatus
from flamenco.testing import START

JOB = Job(
    key=1,
    id="id",
    name="job",
    type="test",
    priority=50,
    status=JobStatus.ACTIVE,
    activity="",
    settings={},
    metadata={},
    created=START,
    updated=START,
)
WORKER = SeenWorker(key=7, name="tower", status=WorkerStatus.AWAKE, task_types=frozenset({"blender"}))
GROUP = WaitingGroup(task_type="blender", commands=("render",), count=3, names=("a", "b", "c"))
KEPT: dict[str, Any] = {"commands": frozenset({"echo"}), "lacks": {"render": "no renderer"}}
NOTHING = Dependent(count=0, names=(), waits_for={})


def why(
    *workers: SeenWorker,
    job: Job = JOB,
    tag: str = "",
    holds: dict[str, Hold] | None = None,
    dependent: Dependent = NOTHING,
    group: WaitingGroup = GROUP,
) -> list[Reason]:
    """The reasons for one group of tasks."""
    return reasons(job, tag, holds or {}, dependent, [group], workers)


@pytest.mark.parametrize(
    ("workers", "about", "expected", "says"),
    [
        ([], {}, Why.NO_WORKERS, "there are no workers"),
        ([{"task_types": frozenset({"misc"})}], {}, Why.NO_WORKER_WITH_TYPE, "tower does not run tasks of type"),
        ([{"has_tag": False}], {"tag": "gpu"}, Why.NO_WORKER_WITH_TAG, "does not have the tag 'gpu'"),
        ([{"commands": frozenset({"echo"})}], {}, Why.NO_WORKER_WITH_COMMAND, "commands render"),
        ([{"blocked": frozenset({"blender"})}], {}, Why.BLOCKED, "is blocked"),
        ([{}], {"group": replace(GROUP, failed_by=frozenset({7}))}, Why.FAILED_BY_ALL, "has failed them already"),
        ([{"refused": "own: too small"}], {}, Why.REFUSED, "is refused: own: too small"),
        ([{"status": WorkerStatus.ASLEEP}], {}, Why.NO_WORKER_AWAKE, "tower is asleep"),
        ([{"status": WorkerStatus.REGISTERED}], {}, Why.NO_WORKER_AWAKE, "tower is not signed on"),
        ([{"is_busy": True}], {}, Why.ALL_BUSY, "is busy"),
        ([{"is_busy": True}, {"is_busy": True}], {}, Why.ALL_BUSY, "of 2 workers that could, all are busy"),
        ([{"lacks": {"*": "no {storage}"}}], {}, Why.SELF_TEST, "tower has failed its self-test: no {storage}"),
        ([KEPT, {**KEPT, "name": "laptop"}], {}, Why.SELF_TEST, "all have failed their self-tests: no renderer"),
        ([{"lacks": {"other": "x"}}], {}, Why.NEXT, "tower is free"),
        ([{}], {}, Why.NEXT, "tower is free"),
        ([{"is_busy": True}, {}], {}, Why.NEXT, "tower is free"),
        ([{}], {"group": replace(GROUP, full=(("nuke", 5),))}, Why.LIMIT, "'nuke' is used up: 5 of 5"),
        (
            [{}],
            {"job": replace(JOB, max_running=2, counts=TaskCounts(active=2, queued=3))},
            Why.JOB_LIMIT,
            "limited to 2 tasks",
        ),
        ([{}], {"job": replace(JOB, status=JobStatus.PAUSED)}, Why.JOB_PAUSED, "the job is paused"),
        ([{}], {"job": replace(JOB, status=JobStatus.FAILED)}, Why.JOB_ENDED, "the job is failed"),
        ([{}], {"holds": {"budget": Hold("nothing left")}}, Why.HELD, "held by policy budget: nothing left"),
    ],
)
def test_reasons(workers: list[dict[str, Any]], about: dict[str, Any], expected: Why, says: str) -> None:
    """Each thing that keeps tasks from being run is told as itself, with whom or what it is about."""
    (reason,) = why(*(replace(WORKER, **fields) for fields in workers), **about)
    assert (reason.why, reason.count, reason.names) == (expected, 3, ("a", "b", "c"))
    assert says in reason.text


def test_the_condition_that_leaves_nobody_is_told() -> None:
    """One worker lacks the type, the other is blocked: of those that could, the one that is left is blocked."""
    other = replace(WORKER, name="laptop", task_types=frozenset({"misc"}))
    (reason,) = why(other, replace(WORKER, blocked=frozenset({"blender"})))
    assert reason.why is Why.BLOCKED
    assert "worker tower is blocked" in reason.text


def test_tasks_that_wait_for_others_are_told_apart() -> None:
    """What waits for other tasks is a group of its own, and says so when those will never be completed."""
    dependent = Dependent(count=2, names=("video",), waits_for={"queued": 3, "failed": 1})
    waits, free = why(WORKER, dependent=dependent)
    assert (waits.why, waits.count, free.why) == (Why.DEPENDENCY, 2, Why.NEXT)
    assert "1 failed, 3 queued" in waits.text
    assert "as long as those are failed" in waits.text


def test_nothing_waits_for_nothing() -> None:
    """A job without waiting tasks has no reasons."""
    assert reasons(JOB, "", {}, NOTHING, [], [WORKER]) == []
