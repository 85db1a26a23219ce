"""Which policies are in use, and what they say: asked here and nowhere else, so that none of them can do any harm.

A policy that raises, or gives something that is none of what it may give, is logged by name and has no say that
time. What policies say of a job is stored with it (`placing`, `ranking`), so a poll computes nothing.
"""

from __future__ import annotations

import difflib
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import structlog
from msgspec import Struct

from flamenco.domain.errors import ConfigError
from flamenco.domain.scheduling.ranking import PolicyResult, rank
from flamenco.domain.scheduling.values import (
    FarmView,
    Hold,
    JobCandidate,
    Limit,
    Placement,
    Ranked,
    Term,
    WorkerView,
)
from flamenco.hooks.types import SchedulingPolicy

Views = Mapping[str, FarmView]
"""What each policy is told of the farm, by its name; accounts are its own."""

Value = TypeVar("Value")

LONGEST_ACCOUNT = 200
"""Longer names of accounts are cut off: they are keys in the database."""

_COMPLAIN_EVERY_S = 60.0
"""A policy that goes wrong every second is not logged every second."""

log = structlog.get_logger(__name__)


class Refusal(Struct, frozen=True):
    """A policy keeps a worker from a job, and why."""

    policy: str
    reason: str


class Policies:
    """The policies in use with their weights. Raises `ConfigError` when one that is configured does not exist.

    `weights` is what the configuration says: the policies in use; empty for all, each with its own weight.
    """

    def __init__(self, policies: Mapping[str, SchedulingPolicy], weights: Mapping[str, float]) -> None:
        for name in weights:
            if name not in policies:
                near = difflib.get_close_matches(name, policies, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(sorted(policies))}."
                raise ConfigError(f"policies: there is no scheduling policy {name!r}{hint}")
        if weights and (idle := sorted(set(policies) - set(weights))):
            log.warning("the setting policies leaves some out", without=idle, in_use=sorted(weights))
        self.in_use = tuple(policies[name] for name in (weights or policies))
        self.weights = {policy.name: weights.get(policy.name, policy.weight) for policy in self.in_use}
        self._complained: dict[tuple[str, str], float] = {}

    @property
    def is_static(self) -> bool:
        """Whether a job's rank depends on the job alone, so that it never changes by itself."""
        return not self.accounting and all(
            policy.depends_on == "job" or not (policy.score or policy.hold) for policy in self.in_use
        )

    @property
    def accounting(self) -> tuple[SchedulingPolicy, ...]:
        """The policies that keep accounts."""
        return tuple(policy for policy in self.in_use if policy.account)

    @property
    def is_selective(self) -> bool:
        """Whether some policy may keep a worker from a job."""
        return any(policy.accepts for policy in self.in_use)

    def rank(self, jobs: Sequence[JobCandidate], views: Views) -> list[Ranked]:
        """The jobs' ranks, with each policy's say in them."""
        return rank(jobs, [self._result(policy, jobs, views[policy.name]) for policy in self.in_use])

    def place(self, job: JobCandidate, task_types: Iterable[str], views: Views) -> Placement:
        """Where a job belongs that has tasks of these types."""
        limits = {task_type: self.limits(job, task_type) for task_type in task_types}
        own = [limit.capacity for on_type in limits.values() for limit in on_type if limit.per_job]
        return Placement(
            rank=self.rank([job], views)[0].rank,
            max_running=min(own, default=None),
            limits={name: tuple(each for each in on_type if not each.per_job) for name, on_type in limits.items()},
        )

    def limits(self, job: JobCandidate, task_type: str) -> list[Limit]:
        """The limits on the job's tasks of a type; of two that have one name, the tighter one."""
        tightest: dict[tuple[str, bool], Limit] = {}
        for policy in self.in_use:
            for limit in self._asked(policy, "limits", policy.limits, job, task_type) or ():
                if not isinstance(limit, Limit):
                    self._complain(policy, "limits", limit)
                    continue
                known = tightest.get((limit.name, limit.per_job))
                if known is None or limit.capacity < known.capacity:
                    tightest[limit.name, limit.per_job] = limit
        return list(tightest.values())

    def refusal(self, job: JobCandidate, worker: WorkerView) -> Refusal | None:
        """Which policy keeps the worker from the job, if any does."""
        for policy in self.in_use:
            answer = self._asked(policy, "accepts", policy.accepts, job, worker)
            if isinstance(answer, Hold):
                return Refusal(policy.name, answer.reason)
            if answer is not None:
                self._complain(policy, "accepts", answer)
        return None

    def account(self, policy: SchedulingPolicy, job: JobCandidate) -> str:
        """On whose account the job's time goes, by that policy; an empty text when it does not know."""
        name = self._asked(policy, "account", policy.account, job)
        if isinstance(name, str):
            return name[:LONGEST_ACCOUNT].replace("\0", "")
        if name is not None:
            self._complain(policy, "account", name)
        return ""

    # -- how -----------------------------------------------------------------------------------------------------

    def _result(self, policy: SchedulingPolicy, jobs: Sequence[JobCandidate], view: FarmView) -> PolicyResult:
        terms = self._checked(policy, "score", self._asked(policy, "score", policy.score, jobs, view), Term)
        holds = self._checked(policy, "hold", self._asked(policy, "hold", policy.hold, jobs, view), Hold)
        finite = {job_id: term for job_id, term in terms.items() if _is_finite(term.score)}
        if len(finite) < len(terms):
            self._complain(policy, "score", next(term for term in terms.values() if not _is_finite(term.score)))
        return PolicyResult(policy.name, self.weights[policy.name], finite, holds)

    def _checked(self, policy: SchedulingPolicy, what: str, answer: Any, kind: type[Value]) -> dict[str, Value]:
        if answer is None:
            return {}
        if not isinstance(answer, Mapping):
            self._complain(policy, what, answer)
            return {}
        good = {job_id: value for job_id, value in answer.items() if isinstance(value, kind)}
        if len(good) < len(answer):
            self._complain(policy, what, next(each for each in answer.values() if not isinstance(each, kind)))
        return good

    def _asked(self, policy: SchedulingPolicy, what: str, function: Callable[..., Any] | None, *given: Any) -> Any:
        """What a function of a policy answers; None where it has none, or fails."""
        if function is None:
            return None
        try:
            answer = function(*given)
            return list(answer) if what == "limits" and answer is not None else answer
        except Exception:
            if self._is_due(policy, what):
                log.exception("a scheduling policy failed and has no say", policy=policy.name, function=what)
            return None

    def _complain(self, policy: SchedulingPolicy, what: str, answer: Any) -> None:
        if self._is_due(policy, what):
            given = f"{answer!r:.200}"
            log.error("a scheduling policy gave something unexpected", policy=policy.name, function=what, given=given)

    def _is_due(self, policy: SchedulingPolicy, what: str) -> bool:
        now, last = time.monotonic(), self._complained.get((policy.name, what))
        if last is not None and now - last < _COMPLAIN_EVERY_S:
            return False
        self._complained[policy.name, what] = now
        return True


def _is_finite(score: Any) -> bool:
    return isinstance(score, int | float) and not isinstance(score, bool) and math.isfinite(score)
