"""What follows from what a failed task's log says, by rules, of which the first that matches decides. Pure.

Nothing here looks for patterns: one may go back and forth in a line for hours, see `files.rule_matching`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta, Struct

from flamenco.domain.durations import Duration

LONGEST_LINE: Final = 2_000
"""Of a longer line in a log, so many characters are looked at."""

TAIL_BYTES: Final = 64 * 1024
"""So much of what an attempt logged last is looked at."""

LONGEST_PATTERN: Final = 1_000
MOST_RULES: Final = 200
"""So many a job type may have, or a configuration."""

MOST_TRIES: Final = 1_000_000
"""So many workers a job may have fail one of its tasks."""

_LONGEST_SAY: Final = 500
_LONGEST_PART: Final = 300
_LONGEST_S: Final = 7 * 86_400


class Then(StrEnum):
    """What follows. Those in `WAITS` are written with a span, as in `retry_after 5m`."""

    FAIL_JOB = "fail_job"
    FAIL_TASK = "fail_task"
    RETRY = "retry"
    RETRY_ELSEWHERE = "retry_elsewhere"
    RETRY_AFTER = "retry_after"
    HOLD_JOB = "hold_job"
    WORKER_ERROR = "worker_error"
    BLOCKLIST = "blocklist"


WAITS: Final = frozenset({Then.RETRY_AFTER, Then.HOLD_JOB})
FREE: Final = frozenset({Then.RETRY_AFTER, Then.HOLD_JOB, Then.WORKER_ERROR})
"""What is not counted as a failure, neither of the task nor of its worker."""

IN_WORDS: Final[Mapping[Then, str]] = {
    Then.FAIL_JOB: "the job fails",
    Then.FAIL_TASK: "the task fails",
    Then.RETRY: "it is tried again",
    Then.RETRY_ELSEWHERE: "another worker tries it",
    Then.RETRY_AFTER: "it is tried again in {span}",
    Then.HOLD_JOB: "the job is held for {span}",
    Then.WORKER_ERROR: "the worker is given nothing until somebody has looked at it",
    Then.BLOCKLIST: "the worker is given no more such tasks of the job",
}


class FailureRule(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What follows when a task fails and a line of its log matches; see docs/failures.md."""

    then: Annotated[str, Meta(description="What follows, such as fail_job or `retry_after 5m`.")]
    match: Annotated[str, Meta(description="A regular expression that some line of the log fits; empty for any.")] = ""
    exit_code: Annotated[int | None, Meta(description="Only where its program ended with this code.")] = None
    task_types: Annotated[tuple[str, ...], Meta(description="Only tasks of these types; empty for all.")] = ()
    workers: Annotated[int, Meta(description="Only once so many workers have failed the task.")] = 1
    say: Annotated[str, Meta(description="A sentence for people; {name} stands for a named group of the pattern.")] = ""

    def __post_init__(self) -> None:
        """Raise `ValueError`, which says what is wrong, for a rule that cannot be followed."""
        _check_then(self.then)
        groups = _groups(self.match)
        if not self.match and self.exit_code is None:
            raise ValueError("give match, exit_code or both, for otherwise it is about every failure")
        if not 1 <= self.workers <= 100:
            raise ValueError(f"workers: is from 1 to 100, and not {self.workers}")
        if len(self.say) > _LONGEST_SAY:
            raise ValueError(f"say: is at most {_LONGEST_SAY} characters long")
        for name in _IN_BRACES.findall(self.say):
            if name not in groups and name not in _KNOWN:
                has = ", ".join(f"{{{each}}}" for each in (*groups, *_KNOWN))
                raise ValueError(f"say: there is no {{{name}}}; it may have {has}")

    @property
    def what(self) -> Then:
        """What follows, without its span."""
        return Then(self.then.split()[0])

    @property
    def seconds(self) -> float:
        """The span that goes with it; 0 where none does."""
        _, _, span = self.then.partition(" ")
        return float(Duration.parse(span.strip())) if span else 0.0


_IN_BRACES: Final = re.compile(r"\{(\w+)\}")
_KNOWN: Final = ("line", "exit_code", "worker")


def _check_then(then: str) -> None:
    word, _, span = then.partition(" ")
    if word not in list(Then):
        raise ValueError(f"then: {then[:100]!r} is nothing that can follow; write {', '.join(Then)}")
    if (word in WAITS) != bool(span):
        how = f"write a span with it, such as {word} 5m" if word in WAITS else "it has no span"
        raise ValueError(f"then: {then[:100]!r}: {how}")
    if not span:
        return
    try:
        seconds = float(Duration.parse(span.strip()))
    except ValueError as error:
        raise ValueError(f"then: {error}") from error
    if not 1 <= seconds <= _LONGEST_S:
        raise ValueError(f"then: a span is from 1s to 168h (a week), and not {span.strip()[:100]}")


def _groups(pattern: str) -> Iterable[str]:
    """The named groups of a pattern."""
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"match: is at most {LONGEST_PATTERN} characters long, and not {len(pattern)}")
    try:
        return re.compile(pattern).groupindex.keys()
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"match: {pattern[:100]!r} is no regular expression: {error}") from error


class KnownRule(Struct, frozen=True):
    """A rule, and who says so: the job type, the configuration, a plugin, or what Flamenco comes with; and its name."""

    rule: FailureRule
    by: str
    name: str = ""


class Failure(Struct, frozen=True, kw_only=True):
    """What is known of a failed task beside its log. `workers`: how many have failed it, this one included."""

    task_type: str
    exit_code: int | None = None
    workers: int = 1
    worker: str = ""


class Found(Struct, frozen=True):
    """Which of some patterns was found first, in which line, and what its named groups are."""

    number: int
    line: str
    groups: dict[str, str]


class Ruling(Struct, frozen=True, kw_only=True):
    """What follows from a failure, and the sentence for people. `attempt` is the one that failed."""

    then: Then
    seconds: float
    sentence: str
    by: str
    attempt: int = 0

    @property
    def in_words(self) -> str:
        """Who says what follows."""
        span = Duration(self.seconds)
        return f"By a rule of {self.by}: {IN_WORDS[self.then].format(span=span)}."


def fitting(rules: Iterable[KnownRule], failure: Failure) -> list[KnownRule]:
    """The rules that are about such a failure, if their patterns are found."""
    return [known for known in rules if _is_about(known.rule, failure)]


def _is_about(rule: FailureRule, failure: Failure) -> bool:
    return (
        rule.exit_code in (None, failure.exit_code)
        and (not rule.task_types or failure.task_type in rule.task_types)
        and failure.workers >= rule.workers
    )


def ruling(known: KnownRule, found: Found, failure: Failure) -> Ruling:
    """What a rule says of a failure."""
    rule = known.rule
    return Ruling(then=rule.what, seconds=rule.seconds, sentence=_sentence(rule, found, failure), by=known.by)


def _sentence(rule: FailureRule, found: Found, failure: Failure) -> str:
    line = " ".join(found.line.split())
    line = line if len(line) <= _LONGEST_PART else f"{line[:_LONGEST_PART]}…"
    if not rule.say:
        return f"The log says: {line}" if rule.match and line else f"Its program exited with code {failure.exit_code}."
    code = "" if failure.exit_code is None else str(failure.exit_code)
    parts = {"line": line, "exit_code": code, "worker": failure.worker, **found.groups}
    return _IN_BRACES.sub(lambda match: parts.get(match[1], "")[:_LONGEST_PART], rule.say)


_CODE: Final = re.compile(r"(?:exited(?: abnormally)? with|\(exit) code (-?\d{1,10})\b")
"""How our worker, and existing ones, say with which code a program ended."""


def exit_code_in(activity: str, lines: Sequence[str]) -> int | None:
    """The code that a task's program ended with: what is said of the task, else what was logged last."""
    for text in (activity, *reversed(lines)):
        if found := _CODE.search(text):
            return int(found[1])
    return None


def lines_of(log: bytes, activity: str) -> list[str]:
    """The lines that are looked at: the end of a log, whatever is in it, and what is said of the task."""
    text = log[-TAIL_BYTES:].decode(errors="replace").replace("\r", "\n")
    said = " ".join(activity.split())
    return [line[:LONGEST_LINE] for line in (*text.split("\n"), said) if line]
