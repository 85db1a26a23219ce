"""What a farm has done, summed up by steps of time: rows of five minutes for a week, and of days for two years. Pure.

Steps begin at whole ones since 1970, so days are those of UTC. An attempt's time goes to each step that it was in, its
end to the one that it ended in. Groups are what people ask by: job type, user and project together; in each step there
are so many at most, and all others are one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from msgspec import Struct

from flamenco.domain.attempts import Outcome
from flamenco.domain.errors import Refused


class Step(NamedTuple):
    """Rows of so many seconds, kept for so long. `usual` is how much is shown when nobody says from when."""

    seconds: int
    kept: timedelta
    usual: timedelta

    def at(self, moment: datetime) -> datetime:
        """When the step began that `moment` is in."""
        whole = int(moment.timestamp()) // self.seconds * self.seconds
        return datetime.fromtimestamp(whole, UTC)

    def oldest(self, now: datetime) -> datetime:
        """The first step that is kept."""
        return self.at(now - self.kept)


STEPS: Final = {
    "5m": Step(300, timedelta(days=7), timedelta(days=1)),
    "1d": Step(86_400, timedelta(days=730), timedelta(days=90)),
}
"""By what they are called."""

MOST_GROUPS: Final = 50
"""So many groups are told apart in one step; there is one more for all others."""

MOST_POINTS: Final = 2100
"""A week of five minutes, and some."""

MOST_NAMED: Final = 20
"""So many groups are shown, those with most time."""

MOST_PARTS: Final = 2000
"""Into so many parts the attempts are taken apart that are counted at once: each is a row to be written at most."""


class Group(NamedTuple):
    """Whose time it was."""

    job_type: str
    owner: str
    project: str


OTHERS: Final = Group("(others)", "(others)", "(others)")


class Row(NamedTuple):
    """What is summed up under it."""

    step: Step
    at: datetime
    group: Group


class Sums(Struct):
    """Seconds that workers spent, and attempts that went well, or did not, in one row."""

    seconds: float = 0.0
    completed: int = 0
    failed: int = 0

    def add(self, more: Sums) -> None:
        """Add others."""
        self.seconds += more.seconds
        self.completed += more.completed
        self.failed += more.failed


class Run(Struct, frozen=True):
    """An attempt as far as it is summed up; the key of one that is not over is 0."""

    key: int
    job_key: int
    started: datetime
    ended: datetime
    outcome: Outcome


def parts(run: Run, step: Step, oldest: datetime) -> Iterator[tuple[datetime, float]]:
    """The steps that a run was in, but those before the `oldest`, and for how many seconds."""
    at = max(step.at(run.started), oldest)
    while at <= run.ended:
        end = at + timedelta(seconds=step.seconds)
        yield at, max(0.0, (min(end, run.ended) - max(at, run.started)).total_seconds())
        at = end


def _rows_of(run: Run, now: datetime) -> int:
    """To how many rows it will be added, at most."""
    of_step = (
        (run.ended - max(run.started, step.oldest(now))) // timedelta(seconds=step.seconds) + 2
        for step in STEPS.values()
    )
    return sum(max(0, number) for number in of_step)


def first_of(runs: Sequence[Run], now: datetime) -> Sequence[Run]:
    """As many of the first runs as should be counted at once; one at least."""
    left = MOST_PARTS
    for number, run in enumerate(runs):
        left -= _rows_of(run, now)
        if left < 0:
            return runs[: max(1, number)]
    return runs


def summed(
    runs: Iterable[Run], groups: Mapping[int, Group], now: datetime, steps: Iterable[Step] = STEPS.values()
) -> dict[Row, Sums]:
    """What runs add to which rows; `groups` by the keys of their jobs."""
    found: dict[Row, Sums] = {}
    steps = tuple(steps)
    for run in runs:
        group = groups.get(run.job_key, OTHERS)
        for step in steps:
            at = step.at(run.ended)
            for begin, seconds in parts(run, step, step.oldest(now)):
                sums = found.setdefault(Row(step, begin, group), Sums())
                sums.seconds += seconds
                if begin == at:
                    sums.completed += run.outcome is Outcome.COMPLETED
                    sums.failed += run.outcome in (Outcome.FAILED, Outcome.LOST)
    return found


def bounded(found: Mapping[Row, Sums], known: Mapping[tuple[Step, datetime], Set[Group]]) -> dict[Row, Sums]:
    """The same where groups that there is no room for are the others; `known` has those that are there, by step."""
    there = {place: set(groups) for place, groups in known.items()}
    result: dict[Row, Sums] = {}
    for row, sums in found.items():
        groups = there.setdefault((row.step, row.at), set())
        if row.group not in groups and len(groups - {OTHERS}) >= MOST_GROUPS:
            row = row._replace(group=OTHERS)  # noqa: PLW2901 - the row that it is from here on
        groups.add(row.group)
        result.setdefault(row, Sums()).add(sums)
    return result


class Span(Struct, frozen=True):
    """What is shown: the steps that begin from `since` on, and before `until`."""

    step: Step
    since: datetime
    until: datetime

    def moments(self) -> list[datetime]:
        """When each of them begins."""
        count = max(0, -(-(self.until - self.since) // timedelta(seconds=self.step.seconds)))
        return [self.since + timedelta(seconds=self.step.seconds * number) for number in range(count)]


def span(step: Step, since: datetime | None, until: datetime | None, now: datetime) -> Span:
    """The span that is asked for, in whole steps. Raises `Refused` for one that is too long."""
    last = min(until or now, now)
    first = since or last - step.usual
    first = max(step.at(max(first, datetime(1970, 1, 1, tzinfo=UTC))), step.oldest(now))
    if (last - first) / timedelta(seconds=step.seconds) > MOST_POINTS:
        raise Refused(f"from: more than {MOST_POINTS} steps; ask for days (step=1d), or for a shorter time.")
    return Span(step, first, last)
