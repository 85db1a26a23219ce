"""Which policies are in use, and the rank they give a job. It is stored with the job, so a poll computes nothing."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import datetime

from flamenco.domain.errors import ConfigError
from flamenco.domain.scheduling import FarmView, JobCandidate, Ranked, rank
from flamenco.hooks.types import SchedulingPolicy


class Ranking:
    """The active policies with their weights. Raises `ConfigError` when one that is configured does not exist."""

    def __init__(self, policies: Mapping[str, SchedulingPolicy], weights: Mapping[str, float]) -> None:
        for name in weights:
            if name not in policies:
                near = difflib.get_close_matches(name, policies, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(sorted(policies))}."
                raise ConfigError(f"policies: there is no scheduling policy {name!r}{hint}")
        self._active = [(policies[name], weight * policies[name].weight) for name, weight in weights.items()]

    def of(self, job: JobCandidate, now: datetime) -> Ranked:
        """The job's rank, with each policy's say in it."""
        view = FarmView(now=now)
        verdicts = [(policy.name, weight, policy.score([job], view)) for policy, weight in self._active]
        return rank([job], verdicts)[0]
