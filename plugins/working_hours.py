"""Jobs of some projects, or for workers with some tags, run at certain hours alone: at night, or at weekends.

Each rule says when the jobs run that it is for; one for neither projects nor tags is for all. A job that several rules
are for runs when any of them lets it, and one that no rule is for always does. Hours may go over midnight: `days` are
those on which they begin then. Without hours a rule is for whole days, without days for all of them. The times are
those of `timezone`, or of the manager's machine. What runs already when the hours are over is finished.

```yaml
plugins:
  working_hours:
    timezone: Europe/Amsterdam
    rules:
      - projects: [Sprite Fright]
        hours: 20:00-07:00
        days: mo tu we th fr
      - projects: [Sprite Fright]
        days: sa su
```

A project is what a job's metadata say as `project`; a tag is given by its ID, which `flamenco tags` shows. `flamenco
explain JOB` says when a job goes on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from flamenco import (
    ConfigError,
    FarmView,
    Hold,
    JobCandidate,
    ManagerConfig,
    SchedulingPolicy,
    Setting,
    hookimpl,
)

PROJECT = "project"
"""The metadata that has the project."""

DAYS = ("mo", "tu", "we", "th", "fr", "sa", "su")
_HOURS = re.compile(r"\s*\d{1,2}:\d{2}\s*-\s*\d{1,2}:\d{2}\s*", re.ASCII)
_TIME = re.compile(r"(\d+):(\d+)", re.ASCII)
_MIDNIGHT = time()


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When some jobs run: those of these projects, and those for workers with these tags; all, where both are empty."""

    projects: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    hours: str = ""
    days: str = ""


@hookimpl
def settings() -> Iterable[Setting]:
    """Who runs when, and by which clock."""
    yield Setting(
        key="rules",
        type=tuple[Rule, ...],
        default=(),
        help="When jobs run: projects and tags that it is for, hours such as 20:00-07:00, and days such as mo tu we.",
    )
    yield Setting(
        key="timezone",
        type=str,
        default="",
        help="The time zone of the hours, such as Europe/Amsterdam; empty for that of the manager's machine.",
    )


@hookimpl
def scheduling_policies(config: ManagerConfig) -> Iterable[SchedulingPolicy]:
    """The policy, as it is configured. Raises `ConfigError` for hours, days or a zone that there are not."""
    own = config.plugins.working_hours
    hours = WorkingHours(tuple(Window.of(rule) for rule in own.rules), _zone(own.timezone))
    yield SchedulingPolicy(
        name="working_hours",
        description="Jobs of some projects or tags run at certain hours alone.",
        hold=hours.hold,
        depends_on="farm",
    )


def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError(f"timezone: there is no {name!r}; write one such as Europe/Amsterdam") from error


class Window(Struct, frozen=True):
    """A rule, read: the hours from `start` to `end`, on the days with these numbers, from 0 for Monday."""

    rule: Rule
    start: time
    end: time
    days: frozenset[int]

    @classmethod
    def of(cls, rule: Rule) -> Window:
        """Read a rule. Raises `ConfigError`."""
        start, end = _MIDNIGHT, _MIDNIGHT
        if rule.hours:
            found = _HOURS.fullmatch(rule.hours)
            try:
                start, end = (time(int(hour), int(minute)) for hour, minute in _TIME.findall(found[0] if found else ""))
            except ValueError as error:
                raise ConfigError(f"rules: {rule.hours!r} are no hours; write 20:00-07:00") from error
        return cls(rule, start, end, frozenset(map(_day, rule.days.split())) or frozenset(range(len(DAYS))))

    def is_for(self, job: JobCandidate) -> bool:
        """Whether the rule says anything of the job."""
        if not self.rule.projects and not self.rule.tags:
            return True
        return job.metadata.get(PROJECT) in self.rule.projects or job.worker_tag in self.rule.tags

    def has(self, here: datetime) -> bool:
        """Whether it lets jobs run at that moment, told as the clock on the wall shows it."""
        clock, today = here.time(), here.weekday()
        if self.start < self.end:
            return today in self.days and self.start <= clock < self.end
        yesterday = (today - 1) % len(DAYS)
        return (today in self.days and clock >= self.start) or (yesterday in self.days and clock < self.end)

    def next_start(self, here: datetime) -> datetime:
        """When it lets jobs run the next time, as the clock on the wall shows it."""
        for ahead in range(len(DAYS) + 1):
            day = here.date() + timedelta(days=ahead)
            begins = datetime.combine(day, self.start, here.tzinfo)
            if day.weekday() in self.days and begins > here:
                return begins
        return here  # it always does


def _day(word: str) -> int:
    for number, day in enumerate(DAYS):
        if word.lower()[:2] == day:
            return number
    raise ConfigError(f"rules: there is no day {word!r}; write some of {' '.join(DAYS)}")


class WorkingHours(Struct, frozen=True):
    """The rules, and the zone whose hours they mean; None for the machine's."""

    windows: tuple[Window, ...]
    zone: tzinfo | None

    def hold(self, jobs: Sequence[JobCandidate], farm: FarmView) -> dict[str, Hold]:
        """Hold the jobs that rules are for, none of which lets them run now."""
        here = farm.now.astimezone(self.zone)
        closed = [(window, window.has(here)) for window in self.windows]
        held = {}
        for job in jobs:
            mine = [(window, is_open) for window, is_open in closed if window.is_for(job)]
            if mine and not any(is_open for _, is_open in mine):
                start = min(window.next_start(here) for window, _ in mine)
                held[job.id] = Hold(f"goes on {_when(start, here)}")
        return held


def _when(start: datetime, here: datetime) -> str:
    if start.date() == here.date():
        return f"at {start:%H:%M}"
    return f"{DAYS[start.weekday()]} {start:%Y-%m-%d} at {start:%H:%M}"
