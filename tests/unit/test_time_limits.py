"""Limits on the time of tasks: what people write, which one holds, and what is said of a task that breaks one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.errors import Refused
from flamenco.domain.time_limits import (
    AUTOMATIC_LEAST_S,
    NO_LIMITS,
    Held,
    HeldLimits,
    JobTimeLimits,
    TimeLimits,
    automatic,
    excess,
    held,
    of_commands,
    parse,
    shortfall,
    takes_long,
    told,
)

SPANS = st.none() | st.floats(0, 1e6)
LIMITS = st.builds(TimeLimits, max_run_s=SPANS, min_run_s=SPANS, max_silence_s=SPANS)
BY_TYPE = st.dictionaries(st.sampled_from(["render", "video", "*"]), LIMITS)


def test_what_people_write() -> None:
    """Spans of time; zero for no limit, nothing to take one back, and what is not said stays."""
    first = parse({"max_run_time": "1h30m", "max_silence": " 20m "})
    assert first == TimeLimits(max_run_s=5400, max_silence_s=1200)
    assert parse({"max_run_time": "0s", "max_silence": ""}, first) == TimeLimits(max_run_s=0)
    assert parse({"min_run_time": "5s"}, first).in_words() == {
        "max_run_time": "1h30m0s",
        "min_run_time": "5s",
        "max_silence": "20m0s",
    }


@pytest.mark.parametrize("text", ["soon", "-5m", "9000h", "5"])
def test_what_is_no_limit(text: str) -> None:
    """Is refused by a sentence that names it."""
    with pytest.raises(Refused, match="max_silence: "):
        parse({"max_silence": text})


def test_limits_that_contradict_each_other() -> None:
    """No task could be done."""
    with pytest.raises(Refused, match="tasks of type render cannot take at least 10m0s"):
        NO_LIMITS.with_own("render", TimeLimits(min_run_s=600, max_run_s=60))
    with pytest.raises(Refused, match="at most 100 task types"):
        JobTimeLimits(own={str(n): TimeLimits(max_run_s=1) for n in range(100)}).with_own("x", TimeLimits(max_run_s=1))


def test_what_is_nearer_to_the_job_comes_first() -> None:
    """Thing by thing: the job's, of the type before all others; its job type's; that of its commands."""
    job = JobTimeLimits(
        declared={"render": TimeLimits(max_run_s=60, min_run_s=2), "*": TimeLimits(max_silence_s=30)},
        own={"*": TimeLimits(max_run_s=90), "video": TimeLimits(max_run_s=0)},
    )
    commands = {"blender-render": TimeLimits(max_silence_s=10, max_run_s=5, min_run_s=1)}
    assert held("render", ["blender-render"], job, commands) == HeldLimits(
        Held(90, "the job"), Held(2, "its job type"), Held(30, "its job type")
    )
    assert held("video", ["blender-render"], job, commands) == HeldLimits(
        None, Held(1, "the command blender-render"), Held(30, "its job type")
    )
    assert not held("video", ["echo"], NO_LIMITS, commands)


def test_commands_one_after_the_other() -> None:
    """Take as long as all of them, may be silent as the most patient one, and one that says nothing takes for ever."""
    known = {
        "a": TimeLimits(max_run_s=10, min_run_s=1, max_silence_s=5),
        "b": TimeLimits(max_run_s=20, max_silence_s=7),
    }
    assert of_commands(["a", "b", "a"], known) == (
        TimeLimits(max_run_s=30, min_run_s=1, max_silence_s=7),
        "the commands a, b",
    )
    assert of_commands(["a", "c"], known) == (TimeLimits(min_run_s=1), "the command a")


@given(job=st.builds(JobTimeLimits, BY_TYPE, BY_TYPE), run_s=st.floats(0, 1e6), silent_s=st.floats(0, 1e6))
def test_a_sentence_for_each_limit_that_is_broken(job: JobTimeLimits, run_s: float, silent_s: float) -> None:
    """And for none that is kept, or that nobody has set."""
    limits = held("render", (), job, {})
    broken = bool(limits.max_run and run_s >= limits.max_run.seconds) or bool(
        limits.max_silence and silent_s >= limits.max_silence.seconds
    )
    assert bool(excess(limits, run_s, silent_s)) is broken
    assert bool(shortfall(limits, run_s)) is bool(limits.min_run and run_s < limits.min_run.seconds)
    assert bool(told("render", limits)) is bool(limits)


def test_what_is_said() -> None:
    """Each time what happened, and which limit says that it must not."""
    limits = HeldLimits(Held(1800, "the job"), Held(5, "its job type"), Held(600, "the command exec"))
    assert excess(limits, 1860, 5) == "It ran for 31 m, and the job lets such tasks run for 30 m (max_run_time)."
    assert excess(limits, 60, 660) == (
        "Nothing came of it for 11 m: no line in its log, no step, no other activity; "
        "the command exec lets such tasks be silent for 10 m (max_silence)."
    )
    assert shortfall(limits, 0.25) == (
        "It ended after 0.2 s, and by its job type such tasks take 5 s at least (min_run_time): "
        "it may have done nothing."
    )
    assert told("render", limits) == (
        "tasks of type render may take 30 m (by the job), take 5 s at least (by its job type), "
        "may be silent for 10 m (by the command exec)"
    )


def test_the_automatic_limit() -> None:
    """Six times what half of at least eight took, and five minutes at least."""
    assert automatic([100.0] * 7) is None
    assert automatic([1.0] * 8) == AUTOMATIC_LEAST_S
    assert automatic([100.0] * 7 + [9000.0]) == 600
    assert takes_long(700, 600, [100.0] * 8) == (
        "It has run for 11 m, more than 10 m, and half of 8 others that are done took less than 1 m."
    )
