"""Putting jobs where the policies want them: when they come in, when they change, and, for some policies, as time goes.

Where nothing but a job itself decides about its rank, as by default, it is worked out when the job comes in or is
changed, in that transaction, and the very next poll goes by it. For policies that look at the farm or at the clock
all open jobs are ranked about once a second, by one process. Policies are never asked while a worker waits, but for
those that may refuse one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from msgspec.structs import replace

from flamenco.domain.errors import NotFound
from flamenco.domain.model import Job, Worker
from flamenco.domain.scheduling.values import (
    FarmView,
    JobCandidate,
    Placement,
    Ranked,
    Usage,
    WorkerView,
    decayed,
    worth_writing,
)
from flamenco.farm.context import Farm
from flamenco.farm.scheduling.policies import Refusal, Views
from flamenco.hooks.types import SchedulingPolicy
from flamenco.store import jobs
from flamenco.store.engine import Tx
from flamenco.store.scheduling import queues, standing
from flamenco.store.scheduling.queues import NewRank
from flamenco.store.scheduling.standing import Account, Standing

RANK_TOLERANCE = 0.1
"""How far off the rank of a job may be, where that does not put it before or behind another one."""

MOST_KNOWN = 20_000
"""So many jobs are kept in mind by a process that ranks none."""

_NEVER = datetime.min.replace(tzinfo=UTC)


# -- what policies are told -------------------------------------------------------------------------------------


def candidates(tx: Tx, farm: Farm, jobs_there: Sequence[Standing]) -> list[JobCandidate]:
    """The jobs as policies see them. What does not change of a job is read once per process, and kept."""
    return list(_by_key(tx, farm, jobs_there).values())


def _by_key(tx: Tx, farm: Farm, jobs_there: Sequence[Standing]) -> dict[int, JobCandidate]:
    """The same by row number; without those that were deleted since `jobs_there` was read."""
    known = farm.known_jobs
    missing = [job.key for job in jobs_there if job.key not in known or known[job.key][0] != job.updated]
    if missing:
        read = standing.candidates(tx, missing)
        known.update({job.key: (job.updated, read[job.key]) for job in jobs_there if job.key in read})
    return {
        job.key: replace(
            known[job.key][1],
            priority=job.priority,
            counts=job.counts,
            last_assigned=job.last_assigned,
            mean_task_s=job.mean_task_s,
        )
        for job in jobs_there
        if job.key in known
    }


def views(tx: Tx, farm: Farm, now: datetime, open_jobs: Sequence[JobCandidate] | None = None) -> Views:
    """What each policy is told of the farm. `open_jobs`, where they are at hand, need not be read again."""
    if farm.ranking.is_static:
        return {policy.name: FarmView(now=now) for policy in farm.ranking.policies}
    base = FarmView(now=now, workers_awake=standing.workers_awake(tx), running=standing.running_by_type(tx))
    told = {policy.name: base for policy in farm.ranking.policies}
    if farm.ranking.accounting:
        if open_jobs is None:
            open_jobs = candidates(tx, farm, standing.open_jobs(tx))
        by_key = _by_key(tx, farm, standing.running_jobs(tx))
        for policy in farm.ranking.accounting:
            told[policy.name] = replace(
                base,
                usage=_usage(tx, farm, policy, by_key, now),
                waiting=frozenset(farm.ranking.account(policy, job) for job in open_jobs),
            )
    return told


def _usage(
    tx: Tx, farm: Farm, policy: SchedulingPolicy, running: dict[int, JobCandidate], now: datetime
) -> dict[str, Usage]:
    """What the accounts of a policy have used: what is booked, and what their running tasks have had so far."""
    seconds: defaultdict[str, float] = defaultdict(float)
    tasks: Counter[str] = Counter()
    for account in standing.accounts_of(tx, policy.name):
        age_s = (now - account.as_of).total_seconds()
        seconds[account.name] = decayed(account.seconds, age_s, policy.half_life_s)
    accounts = {key: farm.ranking.account(policy, job) for key, job in running.items()}
    for job_key, since in standing.active_runs(tx):
        if job_key in accounts:
            tasks[accounts[job_key]] += 1
            seconds[accounts[job_key]] += max(0.0, (now - since).total_seconds()) if since else 0.0
    return {name: Usage(seconds[name], tasks[name]) for name in seconds}


def usage(farm: Farm, policy_name: str) -> dict[str, Usage]:
    """What the accounts of a policy have used by now; nothing for one that keeps none."""
    now = farm.clock()
    policy = next((each for each in farm.ranking.accounting if each.name == policy_name), None)
    if policy is None:
        return {}
    with farm.store.read() as tx:
        by_key = _by_key(tx, farm, standing.running_jobs(tx))
        return _usage(tx, farm, policy, by_key, now)


# -- where jobs go ----------------------------------------------------------------------------------------------


def placement(farm: Farm, job: JobCandidate, task_types: Iterable[str], now: datetime) -> Placement:
    """Where a job belongs that is about to be stored."""
    if farm.ranking.is_static:
        return farm.ranking.place(job, task_types, {name: FarmView(now=now) for name in farm.ranking.weights})
    with farm.store.read() as tx:
        told = views(tx, farm, now)
    return farm.ranking.place(job, task_types, told)


def place(tx: Tx, farm: Farm, job: Job, now: datetime, told: Views | None = None) -> Job:
    """Put a locked job where it belongs now. Returns it as it is afterwards."""
    task_types = {queue.task_type for queue in queues.of_job(tx, job.key)}
    told = views(tx, farm, now) if told is None else told
    return jobs.place(tx, job, farm.ranking.place(jobs.candidate(job), task_types, told))


def place_all(farm: Farm) -> None:
    """Put every job that is not finished where it belongs: the policies may be others than when it came in."""
    now = farm.clock()
    with farm.store.read() as tx:
        told = views(tx, farm, now)
        unfinished = jobs.keys_unfinished(tx)
    for job_key in unfinished:
        # Another manager may have deleted it meanwhile.
        with suppress(NotFound), farm.store.write() as tx:
            place(tx, farm, jobs.lock(tx, job_key), now, told)
    with farm.store.write() as tx:
        if not any(standing.accounts_of(tx, policy.name) for policy in farm.ranking.accounting):
            standing.forget_unbooked(tx)


def ranked_jobs(tx: Tx, farm: Farm, now: datetime) -> tuple[list[Standing], list[Ranked]]:
    """Every open job, and its rank as it is at this moment."""
    there = standing.open_jobs(tx)
    seen = candidates(tx, farm, there)
    return there, farm.ranking.rank(seen, views(tx, farm, now, seen))


def rank_open_jobs(farm: Farm) -> int:
    """Work out the ranks of all open jobs, and write down those that matter. Returns how many."""
    now = farm.clock()
    with farm.store.read() as tx:
        there, ranked = ranked_jobs(tx, farm, now)
    _forget_all_but(farm, there)
    before = {job.key: job.rank for job in there}
    after = {job.key: each.rank for job, each in zip(there, ranked, strict=True)}
    priorities = {job.key: job.priority for job in there}
    changed = worth_writing(before, after, RANK_TOLERANCE)
    if changed:
        with farm.store.write() as tx:
            queues.set_ranks(tx, [NewRank(key, priorities[key], after[key]) for key in changed])
    return len(changed)


def _forget_all_but(farm: Farm, there: Sequence[Standing]) -> None:
    if len(farm.known_jobs) > 2 * len(there) + 1_000:
        kept = {job.key for job in there}
        for key in [key for key in farm.known_jobs if key not in kept]:
            farm.known_jobs.pop(key, None)


def book(farm: Farm) -> None:
    """Put the time of tasks that have ended on the accounts that policies keep."""
    now = farm.clock()
    with farm.store.read() as tx:
        if not standing.has_unbooked(tx):
            return
    with farm.store.write() as tx:
        used = standing.lock_unbooked(tx)
        owners = standing.candidates(tx, [each.job_key for each in used])
        for policy in farm.ranking.accounting:
            more: defaultdict[str, float] = defaultdict(float)
            for each in used:
                more[farm.ranking.account(policy, owners[each.job_key])] += each.used - each.booked
            for account in standing.accounts_of(tx, policy.name):
                if account.name in more:
                    age_s = (now - account.as_of).total_seconds()
                    more[account.name] += decayed(account.seconds, age_s, policy.half_life_s)
            for name, seconds in sorted(more.items()):
                standing.put_account(tx, Account(policy.name, name, seconds, now))
        standing.set_booked(tx, used)


# -- who may work on them ---------------------------------------------------------------------------------------


def worker_view(tx: Tx, worker: Worker) -> WorkerView:
    """A worker as policies see it."""
    return WorkerView(
        id=worker.id,
        name=worker.name,
        platform=worker.platform,
        task_types=worker.task_types,
        tags=standing.tags_of_worker(tx, worker.key),
        commands=None if worker.commands is None else frozenset(worker.commands),
    )


def refusal(tx: Tx, farm: Farm, job_key: int, job_id: str, worker: WorkerView) -> Refusal | None:
    """Which policy keeps the worker from the job, if any does. The job is as this process saw it last."""
    known = farm.known_jobs.get(job_key)
    # SQLite gives the row number of a deleted job to another one.
    if known is None or known[1].id != job_id:
        # Not as of any moment, so that whoever ranks reads it again; but not read again at every poll.
        read = standing.candidates(tx, [job_key]).get(job_key)
        if read is None:
            return None  # it was deleted meanwhile, as whoever locks it will find
        known = (_NEVER, read)
        if len(farm.known_jobs) >= MOST_KNOWN:
            farm.known_jobs.clear()
        farm.known_jobs[job_key] = known
    return farm.ranking.refusal(known[1], worker)
