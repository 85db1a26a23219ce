"""What becomes of jobs that ended long ago, by the rules of the configuration; and what others would do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import structlog
from msgspec import Struct
from msgspec.structs import replace

from flamenco.domain.access import ITSELF
from flamenco.domain.errors import Conflict, NotFound
from flamenco.domain.retention import Aged, RetentionRule, due
from flamenco.farm import archives, audit, deletion
from flamenco.farm.context import Farm
from flamenco.store import retention as store

log = structlog.get_logger()

MOST_SHOWN: Final = 1_000


_RULES: Final = replace(ITSELF, name="retention")
"""Who did it, for those who ask where a job is."""


class Due(Struct, frozen=True):
    """A job with which something is to be done, and by which rule."""

    job: Aged
    rule: RetentionRule


class Look(Struct, frozen=True):
    """What rules would do: the first of so many jobs."""

    rules: tuple[RetentionRule, ...]
    total: int
    first: list[Due]


class Slice(Struct, frozen=True):
    """What is due of some jobs, and the row number behind them; None where those were the last."""

    due: list[Due]
    next: int | None


def some(farm: Farm, rules: Sequence[RetentionRule], after: int, now: datetime) -> Slice:
    """Look at the next jobs that have ended, after a row number."""
    with farm.store.read() as tx:
        page = store.ended(tx, after)
    found = [Due(job, rule) for job in page if (rule := due(rules, job, now)) is not None]
    return Slice(found, page[-1].key if len(page) == store.PAGE else None)


def look(farm: Farm, rules: Sequence[RetentionRule] | None, now: datetime) -> Look:
    """What rules would do at that moment, those of the configuration where there are no others; nothing is done."""
    chosen = farm.config.retention if rules is None else tuple(rules)
    total, first = 0, list[Due]()
    for found in _all(farm, chosen, now):
        total += len(found)
        first += found[: MOST_SHOWN - len(first)]
    return Look(chosen, total, first)


def _all(farm: Farm, rules: Sequence[RetentionRule], now: datetime) -> Iterator[list[Due]]:
    after: int | None = 0
    while rules and after is not None:
        found = some(farm, rules, after, now)
        yield found.due
        after = found.next


def carry_out(farm: Farm, found: Due) -> None:
    """Do what is due with a job, unless it has changed since: somebody may have taken it up."""
    with farm.store.read() as tx:
        still = next(iter(store.ended(tx, found.job.key - 1)), None)
    if still != found.job:
        return
    request = archives.request if found.rule.do == "archive" else deletion.request
    try:
        with audit.acting(_RULES, "retention"):
            request(farm, found.job.id)
    except (Conflict, NotFound):
        return
    log.info("a job that ended long ago goes", job=found.job.id, name=found.job.name, to=found.rule.do)
