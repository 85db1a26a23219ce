"""A look at the farm for plugins' routes: the numbers, the limits, and what accounts have used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from flamenco.domain.scheduling.accounts import Usage
from flamenco.farm import sinks
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import accounts
from flamenco.hooks.statistics import FarmStatistics, LimitUse, RequestTimes
from flamenco.store import leases, statistics
from flamenco.store.engine import Tx
from flamenco.store.scheduling import limits

ALIVE: Final = timedelta(seconds=60)
"""A process that wrote nothing down for so long is taken to have ended."""


class FarmReading:
    """The `FarmReader` of one manager process. Keeps nothing, so it can be shared between threads."""

    def __init__(self, farm: Farm) -> None:
        self._farm = farm

    @property
    def now(self) -> datetime:
        """The present moment, with its time zone."""
        return self._farm.clock()

    def statistics(self) -> FarmStatistics:
        """The farm in numbers."""
        now = self.now
        # Before, not within: whoever holds one connection and waits for another may wait for itself.
        of_sinks = sinks.states(self._farm)
        with self._farm.store.read() as tx:
            numbers = statistics.count_jobs(tx)
            oldest = statistics.oldest_waiting(tx)
            return FarmStatistics(
                jobs=numbers.jobs,
                tasks=numbers.tasks,
                workers=statistics.count_workers(tx),
                runnable=statistics.count_runnable(tx),
                queue_age_s=max(0.0, (now - oldest).total_seconds()) if oldest else 0.0,
                sinks=of_sinks,
                requests=self._request_times(tx, now),
            )

    def _request_times(self, tx: Tx, now: datetime) -> list[RequestTimes]:
        """What all living processes have measured; this one's as it is now, not as it was written down."""
        own = self._farm.request_times
        others = [each for each in leases.measurements_since(tx, now - ALIVE) if each.process != own.process]
        return [*own.so_far(), *others]

    def limits(self) -> Sequence[LimitUse]:
        """Every limit of the farm, by name."""
        with self._farm.store.read() as tx:
            return limits.all_limits(tx)

    def usage(self, policy: str) -> Mapping[str, Usage]:
        """What the accounts of the scheduling policy of that name have used, by account."""
        return accounts.usage(self._farm, policy)
