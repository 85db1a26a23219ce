"""Jobs with a deadline come sooner as it gets tight."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from flamenco import FarmView, JobCandidate, Refused, SchedulingPolicy, Submission, Term
from flamenco.config import Loaded
from flamenco.domain.errors import ConfigError
from flamenco.domain.model import TaskCounts
from flamenco.domain.statuses import JobStatus
from flamenco.farm.context import Farm
from tests.conftest import authored_job, authored_task
from tests.integration.farming import store_job
from tests.integration.test_delivery import serving
from tests.plugins.loading import NOW, load_documented, load_text, open_job


def policy_of(loaded: Loaded) -> SchedulingPolicy:
    """The policy of the plugin that was loaded."""
    return loaded.hooks.scheduling_policies(loaded.config)["deadline"]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """The plugin as its docstring configures it: 100 points, tasks of 15 minutes until more is known."""
    return load_documented("deadline", tmp_path_factory.mktemp("deadline"))


@pytest.fixture(scope="module")
def deadline(loaded: Loaded) -> SchedulingPolicy:
    """Its policy."""
    return policy_of(loaded)


def due(left: timedelta, tasks: int = 1, **fields: Any) -> JobCandidate:
    """A job with so much time left and so many tasks to run."""
    metadata = {"deadline": (NOW + left).isoformat()}
    return open_job(metadata=metadata, counts=TaskCounts(queued=tasks), **fields)


def term_of(policy: SchedulingPolicy, job: JobCandidate, workers: int = 1) -> Term | None:
    """What the job gets when so many workers are awake."""
    assert policy.score
    return policy.score([job], FarmView(now=NOW, workers_awake=workers)).get(job.id)


def score_of(policy: SchedulingPolicy, job: JobCandidate, workers: int = 1) -> float:
    """The score of it."""
    term = term_of(policy, job, workers)
    assert term
    return term.score


def test_a_job_gets_points_for_the_part_of_the_time_that_it_needs(deadline: SchedulingPolicy) -> None:
    """Four tasks of an hour on two workers need two of the five hours left, and the reason says so."""
    term = term_of(deadline, due(timedelta(hours=5), tasks=4, mean_task_s=3600.0), workers=2)
    assert term
    assert term.score == pytest.approx(40)
    assert term.reason == "due in 5 h, needs about 2 h"


def test_running_and_failed_tasks_are_work_left(deadline: SchedulingPolicy) -> None:
    """What is being run or will be tried again counts, what is completed or canceled does not."""
    counts = TaskCounts(active=1, queued=1, soft_failed=1, completed=50, canceled=50, failed=50)
    job = open_job(metadata={"deadline": (NOW + timedelta(hours=1)).isoformat()}, counts=counts, mean_task_s=600.0)
    assert score_of(deadline, job) == pytest.approx(50)


def test_a_fresh_job_is_taken_to_need_the_default(deadline: SchedulingPolicy) -> None:
    """Before the first task has ended, each is expected to take the 15 minutes of the configuration."""
    assert score_of(deadline, due(timedelta(hours=1), tasks=2)) == pytest.approx(50)


def test_tasks_that_take_no_time_are_known_to(deadline: SchedulingPolicy) -> None:
    """A mean of 0 seconds is knowledge, and not replaced by the default."""
    assert score_of(deadline, due(timedelta(hours=1), mean_task_s=0.0)) == 0


def test_a_farm_that_sleeps_counts_as_one_worker(deadline: SchedulingPolicy) -> None:
    """Without any worker awake the work is taken to be one worker's, rather than endless."""
    job = due(timedelta(hours=2), tasks=4)
    assert score_of(deadline, job, workers=0) == score_of(deadline, job, workers=1) == pytest.approx(50)


@pytest.mark.parametrize("left", [timedelta(minutes=15), timedelta(minutes=1), timedelta(microseconds=1)])
def test_a_job_that_cannot_make_it_gets_all_points(deadline: SchedulingPolicy, left: timedelta) -> None:
    """From the moment that all the time left is needed there is no more to get."""
    assert score_of(deadline, due(left)) == 100


@pytest.mark.parametrize(
    ("left", "reason"),
    [(timedelta(0), "late, was due 0 s ago"), (timedelta(days=-1, hours=-2), "late, was due 1 d 2 h ago")],
)
def test_a_late_job_gets_all_points(deadline: SchedulingPolicy, left: timedelta, reason: str) -> None:
    """A deadline that is over does not stop pressing, even with nothing known to be left."""
    assert term_of(deadline, due(left, tasks=0)) == Term(100.0, reason)


def test_nothing_left_is_nothing_pressing(deadline: SchedulingPolicy) -> None:
    """A job without work left needs no time."""
    assert term_of(deadline, due(timedelta(hours=1), tasks=0)) == Term(0.0, "due in 1 h, needs about 0 s")


@pytest.mark.parametrize("metadata", [{}, {"deadline": ""}, {"deadline": "  "}, {"Deadline": "2026-05-04"}])
def test_jobs_without_a_deadline_get_nothing(deadline: SchedulingPolicy, metadata: dict[str, str]) -> None:
    """The policy has no say about them."""
    assert term_of(deadline, open_job(metadata=metadata)) is None


def test_an_unreadable_deadline_of_an_older_job_is_told(deadline: SchedulingPolicy) -> None:
    """A job that came in before the plugin was enabled is not pressing, and whoever asks learns why."""
    term = term_of(deadline, open_job(metadata={"deadline": "soon"}))
    assert term == Term(0.0, "the deadline 'soon' is no date")


def test_every_job_is_scored_on_its_own(deadline: SchedulingPolicy) -> None:
    """What a job gets does not depend on which others are asked about, nor on whether those can be read."""
    assert deadline.score
    jobs = [due(timedelta(hours=hours), job_id=f"due in {hours}") for hours in range(-1, 5)]
    others = [open_job("none"), open_job("wrong", metadata={"deadline": "soon"})]
    farm = FarmView(now=NOW, workers_awake=1)
    together = deadline.score([*jobs, *others], farm)
    assert set(together) == {job.id for job in (*jobs, others[1])}
    assert all(deadline.score([job], farm)[job.id] == together[job.id] for job in jobs)
    assert deadline.score([], farm) == {}


@given(
    tasks=st.integers(0, 100_000),
    more=st.integers(0, 100_000),
    mean_s=st.none() | st.floats(0, 1e6),
    left_s=st.integers(-1_000_000, 100_000_000),
    workers=st.integers(0, 1000),
)
def test_more_work_is_never_less_pressing(
    deadline: SchedulingPolicy, tasks: int, more: int, mean_s: float | None, left_s: int, workers: int
) -> None:
    """The score lies between nothing and the points, and more tasks never lower it."""
    left = timedelta(seconds=left_s)
    less = score_of(deadline, due(left, tasks, mean_task_s=mean_s), workers)
    assert 0 <= less <= score_of(deadline, due(left, tasks + more, mean_task_s=mean_s), workers) <= 100


@given(left_s=st.integers(-1_000_000, 100_000_000), later_s=st.integers(0, 1_000_000))
def test_time_that_passes_never_makes_it_less_pressing(deadline: SchedulingPolicy, left_s: int, later_s: int) -> None:
    """With the same work to do, the score only rises as the deadline comes nearer."""
    sooner, later = timedelta(seconds=left_s - later_s), timedelta(seconds=left_s)
    assert score_of(deadline, due(later, 10)) <= score_of(deadline, due(sooner, 10))


# -- dates ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "now", "reason"),
    [
        ("2026-05-04", datetime(2026, 5, 4, 23, tzinfo=UTC), "due in 59 m"),
        ("2026-05-04T18:00", datetime(2026, 5, 4, 12, tzinfo=UTC), "due in 6 h"),
        (" 2026-05-04 18:00:00 ", datetime(2026, 5, 4, 12, tzinfo=UTC), "due in 6 h"),
        ("2026-05-04T18:00Z", datetime(2026, 5, 4, 12, tzinfo=UTC), "due in 6 h"),
        ("2026-05-04T18:00+02:00", datetime(2026, 5, 4, 12, tzinfo=UTC), "due in 4 h"),
        ("2026-05-04T00:00", datetime(2026, 5, 4, tzinfo=UTC), "late, was due 0 s ago"),
        ("9999-12-31T23:00-05:00", datetime(9999, 12, 31, tzinfo=UTC), "due in 1 d 4 h"),
    ],
)
def test_dates_and_times_are_read(deadline: SchedulingPolicy, text: str, now: datetime, reason: str) -> None:
    """A date means its end, a time is meant to the second, and what has no zone is UTC."""
    assert deadline.score
    term = deadline.score([open_job(metadata={"deadline": text})], FarmView(now=now))["job"]
    assert term.reason.startswith(reason)


@pytest.mark.parametrize("text", ["", "2026-05-31", "2026-05-31T18:00", "2026-05-31T18:00+02:00", "9999-12-31"])
def test_a_job_with_a_date_is_taken_in(loaded: Loaded, text: str) -> None:
    """A submission with a deadline that can be read, or an empty one, stays as it is; one in the past as well."""
    submission = Submission(name="job", type="test", metadata={"deadline": text, "note": "soon"})
    assert loaded.hooks.job_submitting(submission, loaded.config) is submission


@pytest.mark.parametrize(
    "text", ["soon", "31.5.2026", "2026-02-30", "2026-05-31T25:00", "2026-05-31T18:00 CEST", "1e9"]
)
def test_a_job_whose_deadline_is_no_date_is_refused(loaded: Loaded, text: str) -> None:
    """The refusal names the value, and shows how to write one."""
    with pytest.raises(Refused) as refusal:
        loaded.hooks.job_submitting(Submission(name="job", type="test", metadata={"deadline": text}), loaded.config)
    assert str(refusal.value) == f"The deadline {text!r} is no date; write 2026-05-31, or 2026-05-31T18:00+02:00."


def test_a_refusal_stays_readable(loaded: Loaded) -> None:
    """Of a whole book in place of a date, the beginning is enough."""
    with pytest.raises(Refused) as refusal:
        loaded.hooks.job_submitting(Submission(name="job", type="test", metadata={"deadline": "x" * 9999}))
    assert len(str(refusal.value)) < 200


# -- settings ---------------------------------------------------------------------------------------------------


def test_the_defaults(tmp_path: Path) -> None:
    """Without settings a task is expected to take 10 minutes, and there are 100 points."""
    policy = policy_of(load_text("plugins: [deadline]", tmp_path))
    assert score_of(policy, due(timedelta(minutes=20))) == pytest.approx(50)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("points: -1", r"plugins\.deadline\.points"),
        ("default_task_time: 600", r"plugins\.deadline\.default_task_time"),
        ("default_task_time: -10m", r"'deadline'.*default_task_time is -10m0s"),
    ],
)
def test_settings_must_make_sense(tmp_path: Path, setting: str, message: str) -> None:
    """A setting that is nonsense stops the start with a sentence that names it."""
    with pytest.raises(ConfigError, match=message):
        policy_of(load_text(f"plugins: {{deadline: {{{setting}}}}}", tmp_path))


def test_what_is_due(loaded: Loaded, farm: Farm) -> None:
    """`flamenco deadlines` lists what is not done, the most pressing first."""
    command = loaded.hooks.cli_commands()["deadlines"]
    with serving(farm) as url:

        def run(*words: str) -> str:
            done = CliRunner().invoke(command, [*words, "--manager", url])
            assert done.exit_code == 0, done.output
            return done.stdout

        assert "No job" in run()
        for name, deadline in {
            "far": "2999-05-31",
            "late": "2001-05-31T18:00+02:00",
            "odd": "soon",
            "none": "",
        }.items():
            store_job(farm, authored_job(authored_task(), name=name, metadata={"deadline": deadline}))
        done = authored_job(authored_task(), name="done", metadata={"deadline": "2999-01-01"})
        store_job(farm, done, JobStatus.COMPLETED)
        late, far = run().splitlines()
        assert late.startswith("2001-05-31 16:00  late by ")
        assert late.endswith("  late")
        assert far.startswith("2999-05-31 23:59  in ")
        found = json.loads(run("--json"))
        assert [each["name"] for each in found] == ["late", "far"]
        assert found[0]["deadline"] == "2001-05-31T16:00:00Z"
