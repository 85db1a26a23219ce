"""Jobs of some projects or tags run at certain hours alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco import FarmView, JobCandidate, SchedulingPolicy
from flamenco.config import Loaded
from flamenco.domain.errors import ConfigError
from tests.plugins.loading import load_documented, load_text, open_job

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
FILM = open_job("film", metadata={"project": "Sprite Fright"})
OTHER = open_job("other", metadata={"project": "Coffee Run"})


def policy_of(loaded: Loaded) -> SchedulingPolicy:
    """The policy of the plugin that was loaded."""
    return loaded.hooks.scheduling_policies(loaded.config)["working_hours"]


def of_rules(folder: Path, *rules: str, timezone: str = "Europe/Amsterdam") -> SchedulingPolicy:
    """The policy with these rules."""
    lines = "".join(f"\n      - {{{rule}}}" for rule in rules)
    return policy_of(load_text(f"plugins:\n  working_hours:\n    timezone: {timezone}\n    rules:{lines}\n", folder))


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> SchedulingPolicy:
    """The policy as its docstring configures it: Sprite Fright at night, and at weekends."""
    return policy_of(load_documented("working_hours", tmp_path_factory.mktemp("working_hours")))


def held(policy: SchedulingPolicy, when: str, *jobs: JobCandidate) -> dict[str, str]:
    """Why which of the jobs is held, at a time in Amsterdam."""
    assert policy.hold
    now = datetime.fromisoformat(when).replace(tzinfo=AMSTERDAM).astimezone(UTC)
    return {job_id: hold.reason for job_id, hold in policy.hold(jobs, FarmView(now=now)).items()}


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ("2026-05-04 19:59:59", "goes on at 20:00"),  # a Monday
        ("2026-05-04 20:00", None),
        ("2026-05-05 06:59", None),
        ("2026-05-05 07:00", "goes on at 20:00"),
        ("2026-05-04 03:00", "goes on at 20:00"),  # a weekend ends at midnight, and the rule has no night of Sunday
        ("2026-05-02 00:00", None),
        ("2026-05-03 23:59", None),
        ("2026-03-29 03:30", None),  # clocks were put forward half an hour ago
        ("2026-03-30 12:00", "goes on at 20:00"),
    ],
)
def test_nights_and_weekends(documented: SchedulingPolicy, when: str, reason: str | None) -> None:
    """By the clock on the wall, over midnight and over summer time; other projects run whenever they like."""
    assert held(documented, when, FILM, OTHER) == ({"film": reason} if reason else {})


def test_rules_for_tags_and_for_all(tmp_path: Path) -> None:
    """A job runs when any rule lets it that is for it."""
    policy = of_rules(tmp_path, "hours: '12:00-13:00'", "hours: '18:00-19:00', tags: [abc]", "days: 'Sunday'")
    tagged = open_job("tagged", worker_tag="abc")
    assert held(policy, "2026-05-04 12:30", OTHER, tagged) == {}
    assert held(policy, "2026-05-04 18:30", OTHER, tagged) == {"other": "goes on tu 2026-05-05 at 12:00"}
    assert held(policy, "2026-05-09 20:00", tagged) == {"tagged": "goes on su 2026-05-10 at 00:00"}
    assert held(of_rules(tmp_path, "projects: [none]"), "2026-05-04 12:30", OTHER) == {}


@given(minutes=st.integers(0, 60 * 24 * 400))
def test_what_is_held_goes_on_when_it_says(documented: SchedulingPolicy, minutes: int) -> None:
    """Never later than after four days, and at that very time."""
    assert documented.hold
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    hold = documented.hold([FILM], FarmView(now=now)).get("film")
    if hold is None:
        return
    here = now.astimezone(AMSTERDAM)
    assert here.weekday() < 5
    start = here.replace(hour=20, minute=0, second=0)
    assert hold.reason == "goes on at 20:00"
    assert documented.hold([FILM], FarmView(now=start.astimezone(UTC))) == {}


@pytest.mark.parametrize(
    ("rule", "timezone", "complaint"),
    [
        ("hours: '20-7'", "UTC", "are no hours; write 20:00-07:00"),
        ("hours: '25:00-07:00'", "UTC", "are no hours"),
        ("days: 'someday'", "UTC", "there is no day 'someday'"),
        ("days: 'mo'", "Middle/Earth", "timezone: there is no 'Middle/Earth'"),
    ],
)
def test_what_cannot_be_kept_to(tmp_path: Path, rule: str, timezone: str, complaint: str) -> None:
    """Is said at the start."""
    with pytest.raises(ConfigError, match=complaint):
        of_rules(tmp_path, rule, timezone=timezone)


def test_the_zone_of_the_machine(tmp_path: Path) -> None:
    """Is meant where nobody says another."""
    policy = policy_of(load_text("plugins: {working_hours: {rules: [{hours: '00:00-23:59'}]}}", tmp_path))
    assert policy.hold
    now = datetime.now().astimezone().replace(hour=12)
    assert policy.hold([OTHER], FarmView(now=now)) == {}
