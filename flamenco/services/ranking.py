"""Ranking the open jobs anew, for policies that look at the farm or the clock; and the accounts that they keep."""

from __future__ import annotations

from flamenco.farm.context import Farm
from flamenco.farm.scheduling import accounts, ranking

EVERY_S = 1.0
"""How old a rank may get: longer than a poll, far shorter than a task."""


def tick(farm: Farm) -> float:
    """Book what was used, then rank. Not needed where ranks depend on the jobs alone: `Policies.is_static`."""
    if farm.policies.accounting:
        accounts.book(farm)
    ranking.rank_open_jobs(farm)
    return EVERY_S
