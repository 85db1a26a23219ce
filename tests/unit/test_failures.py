"""What a worker's failure leads to."""

from __future__ import annotations

import pytest

from flamenco.domain.failures import FailureFacts, FailureLimits, Verdict, counted, decide

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
        (3, 3, 0, True, Verdict.NOBODY_LEFT),
    ],
)
def test_judging_a_failure(
    task_failed_by: int, worker_failed: int, workers_left: int, *, block: bool, verdict: Verdict
) -> None:
    """The threshold blocks, the count of workers decides between soft and hard, and nobody left fails the job."""
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
