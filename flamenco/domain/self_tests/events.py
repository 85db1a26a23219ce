"""What happened, for whoever follows it: a worker has tested itself."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from flamenco.domain.events import WORKERS, Event
from flamenco.domain.findings import Grade
from flamenco.domain.model import Worker
from flamenco.domain.self_tests.facts import Why
from flamenco.domain.self_tests.judging import Report

MOST_TOLD: Final = 20


class EventSelfTest(Struct, frozen=True, kw_only=True):
    """A worker has tested itself; `problems` are the first sentences, `kept_away` the commands, or `*` for all."""

    id: str
    name: str
    why: Why
    passed: bool
    problems: tuple[str, ...]
    kept_away: tuple[str, ...]


def self_test_event(worker: Worker, report: Report) -> Event:
    """The event of a self-test being over, on a topic of the worker's own."""
    problems = [each.sentence for each in report.findings if each.grade is Grade.PROBLEM]
    told = EventSelfTest(
        id=worker.id,
        name=worker.name,
        why=report.why,
        passed=report.is_passed,
        problems=tuple(problems[:MOST_TOLD]),
        kept_away=tuple(sorted(report.kept)[:MOST_TOLD]),
    )
    return Event(f"{WORKERS}/{worker.id}/self-test", told)
