"""What a worker's failure leads to."""

from __future__ import annotations

import pytest

from flamenco.domain.failures import (
    FailureFacts,
    FailureLimits,
    Verdict,
    cause,
    counted,
    decide,
    what_is_missing,
)
from flamenco.domain.model import TaskCounts

DEFAULT = FailureLimits(blocklist_threshold=3, soft_failures=3)


@pytest.mark.parametrize(
    ("task_failed_by", "worker_failed", "workers_left", "block", "verdict"),
    [
        (1, 1, 5, False, Verdict.SOFT),
        (2, 1, 5, False, Verdict.SOFT),
        (3, 1, 5, False, Verdict.HARD),
        (1, 2, 5, False, Verdict.SOFT),  # not blocked at the second failed task
        (1, 3, 5, True, Verdict.SOFT),  # but at the third
        (3, 3, 5, True, Verdict.HARD),
        (1, 1, 0, False, Verdict.NOBODY_LEFT),
        (2, 1, 0, False, Verdict.NOBODY_LEFT),
        (1, 1, 1, False, Verdict.SOFT),  # one other worker may still try
        (1, 3, 0, True, Verdict.NOBODY_LEFT),
        (3, 1, 0, False, Verdict.HARD),  # enough workers tried; the job goes by the 10 percent rule
        (3, 3, 0, True, Verdict.HARD),
    ],
)
def test_judging_a_failure(
    task_failed_by: int, worker_failed: int, workers_left: int, *, block: bool, verdict: Verdict
) -> None:
    """The threshold blocks; how many workers failed the task, and how many are left, decides between soft and hard."""
    facts = FailureFacts(task_failed_by=task_failed_by, worker_failed=worker_failed, workers_left=workers_left)
    decision = decide(facts, DEFAULT)
    assert (decision.block_worker, decision.verdict) == (block, verdict)


@pytest.mark.parametrize("threshold", [0, 1])
def test_the_strictest_thresholds_act_at_the_first_failure(threshold: int) -> None:
    """A threshold of one, or none at all, means the first failure counts."""
    facts = FailureFacts(task_failed_by=1, worker_failed=1, workers_left=9)
    decision = decide(facts, FailureLimits(blocklist_threshold=threshold, soft_failures=threshold))
    assert (decision.block_worker, decision.verdict) == (True, Verdict.HARD)


@pytest.mark.parametrize(("number", "text"), [(1, "1 worker"), (2, "2 workers"), (0, "0 workers")])
def test_counting_in_words(number: int, text: str) -> None:
    """One is singular, everything else is not."""
    assert counted(number, "worker") == text


def test_a_cause_is_one_short_line() -> None:
    """The sentence of the failed command, without what is in front of all of them, and not a page of it."""
    assert cause("render-1-3", "Failed: blender-render: there is no scene X\nnor Y") == (
        "render-1-3: blender-render: there is no scene X nor Y"
    )
    assert cause("render-1-3", "") == "render-1-3"
    assert len(cause("t", "x" * 5000)) < 400


def test_what_is_missing_of_a_job() -> None:
    """What failed is counted and named, with its cause, and what waits for it."""
    counts = TaskCounts(completed=96, failed=3, queued=1)
    told = what_is_missing(counts, ["render-5: no camera", "render-9"], [], ["preview-video"])
    assert told == "3 of 100 tasks failed: render-5: no camera, render-9, …; preview-video waits for them"
    counts = TaskCounts(completed=1, canceled=1, queued=2)
    told = what_is_missing(counts, [], ["a"], ["b", "c"])
    assert told == "1 of 4 tasks canceled: a; b, c wait for it"
