"""Accounts that policies keep: what was used of the farm on each by now, and booking the time of what has ended."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime

from flamenco.domain.scheduling.accounts import Account, Usage
from flamenco.domain.scheduling.values import JobCandidate
from flamenco.farm.context import Farm
from flamenco.hooks.types import SchedulingPolicy
from flamenco.store.engine import Tx
from flamenco.store.scheduling import accounts, ranking


def usage_so_far(
    tx: Tx, farm: Farm, policy: SchedulingPolicy, running: Mapping[int, JobCandidate], now: datetime
) -> dict[str, Usage]:
    """What the accounts of a policy have used: what is booked, and what their running tasks have had so far.

    `running` are the jobs of those tasks, by row number.
    """
    seconds: defaultdict[str, float] = defaultdict(float)
    tasks: Counter[str] = Counter()
    for account in accounts.of_policy(tx, policy.name):
        seconds[account.name] = account.left(now, policy.half_life_s)
    names = {key: farm.policies.account(policy, job) for key, job in running.items()}
    for job_key, since in ranking.active_runs(tx):
        if job_key in names:
            tasks[names[job_key]] += 1
            seconds[names[job_key]] += max(0.0, (now - since).total_seconds()) if since else 0.0
    return {name: Usage(seconds[name], tasks[name]) for name in seconds}


def usage(farm: Farm, policy_name: str) -> dict[str, Usage]:
    """What the accounts of a policy have used by now; nothing for one that keeps none."""
    now = farm.clock()
    policy = next((each for each in farm.policies.accounting if each.name == policy_name), None)
    if policy is None:
        return {}
    with farm.store.read() as tx:
        running = farm.known_jobs.candidates(tx, ranking.running_jobs(tx))
        return usage_so_far(tx, farm, policy, running, now)


def book(farm: Farm) -> None:
    """Put the time of tasks that have ended on the accounts that policies keep."""
    now = farm.clock()
    with farm.store.read() as tx:
        if not accounts.has_unbooked(tx):
            return
    with farm.store.write() as tx:
        used = accounts.lock_unbooked(tx)
        owners = ranking.candidates(tx, [each.job_key for each in used])
        for policy in farm.policies.accounting:
            more: defaultdict[str, float] = defaultdict(float)
            for each in used:
                more[farm.policies.account(policy, owners[each.job_key])] += each.used - each.booked
            for account in accounts.of_policy(tx, policy.name):
                if account.name in more:
                    more[account.name] += account.left(now, policy.half_life_s)
            for name, seconds in sorted(more.items()):
                accounts.put(tx, Account(policy.name, name, seconds, now))
        accounts.set_booked(tx, used)
