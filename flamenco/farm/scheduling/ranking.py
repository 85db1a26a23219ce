"""Ranking all open jobs anew as time goes: once a second, by one process, where policies look at farm or clock."""

from __future__ import annotations

from datetime import datetime

from flamenco.domain.scheduling.ranking import worth_writing
from flamenco.domain.scheduling.values import Ranked
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import views
from flamenco.store.engine import Tx
from flamenco.store.scheduling import ranking
from flamenco.store.scheduling.ranking import JobSnapshot, NewRank

RANK_TOLERANCE = 0.1
"""How far off the rank of a job may be, where that does not put it before or behind another one."""


def ranked_jobs(tx: Tx, farm: Farm, now: datetime) -> tuple[list[JobSnapshot], list[Ranked]]:
    """Every open job, and its rank as it is at this moment."""
    there = ranking.open_jobs(tx)
    seen = list(farm.known_jobs.candidates(tx, there).values())
    return there, farm.policies.rank(seen, views.of_farm(tx, farm, now, seen))


def rank_open_jobs(farm: Farm) -> int:
    """Work out the ranks of all open jobs, and write down those that matter. Returns how many."""
    now = farm.clock()
    with farm.store.read() as tx:
        there, ranked = ranked_jobs(tx, farm, now)
    farm.known_jobs.forget_all_but(there)
    before = {job.key: job.rank for job in there}
    after = {job.key: each.rank for job, each in zip(there, ranked, strict=True)}
    priorities = {job.key: job.priority for job in there}
    changed = worth_writing(before, after, RANK_TOLERANCE)
    if changed:
        with farm.store.write() as tx:
            ranking.set_ranks(tx, [NewRank(key, priorities[key], after[key]) for key in changed])
    return len(changed)
