"""What policies are told of the farm and its workers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from flamenco.domain.model import Worker
from flamenco.domain.scheduling.values import FarmView, JobCandidate, WorkerView
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import accounts
from flamenco.farm.scheduling.policies import Views
from flamenco.store.engine import Tx
from flamenco.store.scheduling import ranking


def of_farm(tx: Tx, farm: Farm, now: datetime, open_jobs: Sequence[JobCandidate] | None = None) -> Views:
    """What each policy is told of the farm. `open_jobs`, where they are at hand, need not be read again."""
    if farm.policies.is_static:
        return {policy.name: FarmView(now=now) for policy in farm.policies.in_use}
    base = FarmView(now=now, workers_awake=ranking.workers_awake(tx), running=ranking.running_by_type(tx))
    told = {policy.name: base for policy in farm.policies.in_use}
    if farm.policies.accounting:
        if open_jobs is None:
            open_jobs = list(farm.known_jobs.candidates(tx, ranking.open_jobs(tx)).values())
        running = farm.known_jobs.candidates(tx, ranking.running_jobs(tx))
        for policy in farm.policies.accounting:
            told[policy.name] = replace(
                base,
                usage=accounts.usage_so_far(tx, farm, policy, running, now),
                waiting=frozenset(farm.policies.account(policy, job) for job in open_jobs),
            )
    return told


def of_worker(tx: Tx, worker: Worker) -> WorkerView:
    """A worker as policies see it."""
    return WorkerView(
        id=worker.id,
        name=worker.name,
        platform=worker.platform,
        task_types=worker.task_types,
        tags=ranking.tags_of_worker(tx, worker.key),
        commands=None if worker.commands is None else frozenset(worker.commands),
    )
