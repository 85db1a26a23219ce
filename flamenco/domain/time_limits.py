"""How long tasks may take, need at least, and may be silent: which limit holds for a task, and what is said then. Pure.

A limit is said of tasks of one type, or with `*` of all others: of a job, when it is submitted or while it is there; by
its job type; and as the default of a command. What is said nearer to the job comes first, thing by thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Annotated, Final, NamedTuple

from msgspec import Meta, Struct
from msgspec.structs import replace

from flamenco.domain.durations import Duration, in_words
from flamenco.domain.errors import Refused

ALL_TYPES: Final = "*"
"""Stands for every task type that has no limits of its own."""

MOST_TYPES: Final = 100
"""Of so many task types a job can say something."""

LONGEST_S: Final = 366 * 86_400.0
"""What is longer is no limit."""

_Span = Annotated[float, Meta(ge=0, le=LONGEST_S)]

AUTOMATIC_SAMPLES: Final = 8
AUTOMATIC_FACTOR: Final = 6
AUTOMATIC_LEAST_S: Final = 300.0

WORDS: Final = {"max_run_time": "max_run_s", "min_run_time": "min_run_s", "max_silence": "max_silence_s"}
"""What people and programs call the limits, and the fields that have them."""


class TimeLimits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Limits on one attempt at a task, in seconds. None says nothing of a thing; 0 says that there is no limit.

    `max_run_s`: how long it may take. `min_run_s`: what ends sooner has not done its work. `max_silence_s`: how long
    nothing may come of it: no line in its log, no step, no other activity.
    """

    max_run_s: _Span | None = None
    min_run_s: _Span | None = None
    max_silence_s: _Span | None = None

    def __bool__(self) -> bool:
        return self != _NOTHING

    def in_words(self) -> dict[str, str]:
        """What is said, as people write it: `30m0s`."""
        said = {word: getattr(self, name) for word, name in WORDS.items()}
        return {word: str(Duration(seconds)) for word, seconds in said.items() if seconds is not None}


_NOTHING: Final = TimeLimits()

ByType = Mapping[str, TimeLimits]
"""Limits by task type, or `ALL_TYPES`."""


class JobTimeLimits(Struct, frozen=True, omit_defaults=True):
    """What is said of the tasks of one job: by its job type as it was then, and of the job itself."""

    declared: dict[str, TimeLimits] = {}
    own: dict[str, TimeLimits] = {}

    def __bool__(self) -> bool:
        return bool(self.declared or self.own)

    def with_own(self, task_type: str, changed: TimeLimits) -> JobTimeLimits:
        """The same with other limits of the job itself. Raises `Refused` where those are too many."""
        own = {name: each for name, each in self.own.items() if name != task_type}
        if changed:
            own[task_type] = changed
        check(own)
        return replace(self, own=own)


NO_LIMITS: Final = JobTimeLimits()


def parse(written: Mapping[str, str], before: TimeLimits = _NOTHING, where: str = "") -> TimeLimits:
    """Limits as people write them, by their words: `30m`, `0s` for none; an empty text takes one back.

    Those that are not there stay as they were `before`. Raises `Refused`, which names `where` and the word.
    """
    found = {WORDS[word]: _seconds(text, f"{where}{word}") if text.strip() else None for word, text in written.items()}
    return replace(before, **found)


def _seconds(text: str, name: str) -> float:
    try:
        seconds = float(Duration.parse(text.strip()))
    except ValueError as error:
        raise Refused(f"{name}: {error}") from error
    if not 0 <= seconds <= LONGEST_S:
        raise Refused(f"{name}: is from 0s, for no limit, to {Duration(LONGEST_S)} (366 days), and not {text.strip()}")
    return seconds


def check(limits: ByType) -> None:
    """Raise `Refused` for limits that nobody can keep, or of too many task types."""
    if len(limits) > MOST_TYPES:
        raise Refused(f"time limits: of at most {MOST_TYPES} task types, and not {len(limits)}")
    for task_type, each in limits.items():
        least, most = each.min_run_s or 0, each.max_run_s or 0
        if most and least > most:
            what = f"tasks of type {task_type}" if task_type != ALL_TYPES else "tasks"
            raise Refused(
                f"time limits: {what} cannot take at least {Duration(least)} (min_run_time) and at most "
                f"{Duration(most)} (max_run_time)"
            )


class Held(NamedTuple):
    """A limit that holds, and who says so, in words."""

    seconds: float
    by: str


class HeldLimits(Struct, frozen=True):
    """The limits that hold for a task; None where there is none."""

    max_run: Held | None = None
    min_run: Held | None = None
    max_silence: Held | None = None

    def __bool__(self) -> bool:
        return bool(self.max_run or self.min_run or self.max_silence)


_OF_JOB: Final = "the job"
_OF_JOB_TYPE: Final = "its job type"


def held(task_type: str, commands: Iterable[str], job: JobTimeLimits, by_command: ByType) -> HeldLimits:
    """The limits on a task of that type, made of those commands. `by_command` are the commands' own, by name."""
    said: list[tuple[TimeLimits, str]] = [
        (limits, by)
        for by, by_type in ((_OF_JOB, job.own), (_OF_JOB_TYPE, job.declared))
        for name in (task_type, ALL_TYPES)
        if (limits := by_type.get(name)) is not None
    ]
    said.append(of_commands(commands, by_command))
    return HeldLimits(*(_first(said, name) for name in ("max_run_s", "min_run_s", "max_silence_s")))


def _first(said: Sequence[tuple[TimeLimits, str]], name: str) -> Held | None:
    for limits, by in said:
        seconds = getattr(limits, name)
        if seconds is not None:
            return Held(seconds, by) if seconds else None
    return None


def of_commands(names: Iterable[str], by_command: ByType) -> tuple[TimeLimits, str]:
    """What commands, one after the other, say together, and how that is said.

    Of one that says nothing nobody knows how long it takes, or is silent.
    """
    if not by_command:
        return _NOTHING, ""
    each = {name: by_command.get(name, _NOTHING) for name in dict.fromkeys(names)}
    most = [limits.max_run_s or None for limits in each.values()]
    least = [limits.min_run_s for limits in each.values() if limits.min_run_s]
    silence = [limits.max_silence_s or None for limits in each.values()]
    named = ", ".join(name for name, limits in each.items() if limits)
    together = TimeLimits(
        max_run_s=_all(most, sum),
        min_run_s=sum(least) or None,
        max_silence_s=_all(silence, max),
    )
    return together, f"the command {named}" if named.count(",") == 0 else f"the commands {named}"


def _all(values: Sequence[float | None], combined: object) -> float | None:
    known = [value for value in values if value is not None]
    return float(combined(known)) if known and len(known) == len(values) else None  # type: ignore[operator]


def automatic(done_s: Sequence[float]) -> float | None:
    """How long a task may take where nobody said so, by what done tasks of its kind took; None for too few of those."""
    if len(done_s) < AUTOMATIC_SAMPLES:
        return None
    return max(AUTOMATIC_LEAST_S, AUTOMATIC_FACTOR * median(done_s))


def ran_too_long(run_s: float, limit: Held) -> str:
    """What is said of a task that took too long."""
    return f"It ran for {span(run_s)}, and {limit.by} lets such tasks run for {span(limit.seconds)} (max_run_time)."


def was_silent(silent_s: float, limit: Held) -> str:
    """What is said of a task of which nothing came any more."""
    return (
        f"Nothing came of it for {span(silent_s)}: no line in its log, no step, no other activity; "
        f"{limit.by} lets such tasks be silent for {span(limit.seconds)} (max_silence)."
    )


def ended_too_soon(run_s: float, limit: Held) -> str:
    """What is said of a task that was done sooner than it can be."""
    return (
        f"It ended after {span(run_s)}, and by {limit.by} such tasks take {span(limit.seconds)} at least "
        "(min_run_time): it may have done nothing."
    )


def takes_long(run_s: float, limit_s: float, done_s: Sequence[float]) -> str:
    """What is said of a task that takes much longer than others did."""
    others = f"half of {len(done_s)} others that are done took less than {span(median(done_s))}"
    return f"It has run for {span(run_s)}, more than {span(limit_s)}, and {others}."


def span(seconds: float) -> str:
    """A span of time in a sentence: `45 s`, `3 h 20 m`, `0.4 s`."""
    return in_words(seconds) if seconds >= 10 or seconds == int(seconds) else f"{seconds:.1f} s"


def excess(limits: HeldLimits, run_s: float, silent_s: float) -> str:
    """The sentence for a task that broke a limit while it ran; empty where it did not."""
    if limits.max_run is not None and run_s >= limits.max_run.seconds:
        return ran_too_long(run_s, limits.max_run)
    if limits.max_silence is not None and silent_s >= limits.max_silence.seconds:
        return was_silent(silent_s, limits.max_silence)
    return ""


def shortfall(limits: HeldLimits, run_s: float) -> str:
    """The sentence for a task that is said to be done; empty where that can be."""
    if limits.min_run is not None and run_s < limits.min_run.seconds:
        return ended_too_soon(run_s, limits.min_run)
    return ""


def told(task_type: str, limits: HeldLimits) -> str:
    """The limits on tasks of a type, in one sentence; empty where there are none."""
    parts = []
    for limit, text in (
        (limits.max_run, "may take {}"),
        (limits.min_run, "take {} at least"),
        (limits.max_silence, "may be silent for {}"),
    ):
        if limit is not None:
            parts.append(f"{text.format(span(limit.seconds))} (by {limit.by})")
    return f"tasks of type {task_type} {', '.join(parts)}" if parts else ""
