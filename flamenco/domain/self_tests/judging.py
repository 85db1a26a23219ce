"""What follows from what a worker saw: findings with sentences, and which commands it is to be given no tasks of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct

from flamenco.domain.findings import Finding, Grade, is_well
from flamenco.domain.self_tests import programs, storage
from flamenco.domain.self_tests.expected import Expected, Rules
from flamenco.domain.self_tests.facts import Facts, Why

EVERYTHING: Final = "*"
"""Stands for all commands, where a worker is given nothing."""


class Verdict(Struct, frozen=True, kw_only=True):
    """What was found, and by command why there are no tasks of it; `EVERYTHING` where there are none at all."""

    findings: tuple[Finding, ...]
    kept: dict[str, str]


class Report(Struct, frozen=True, kw_only=True):
    """A self-test that is over."""

    why: Why
    tested: datetime
    findings: tuple[Finding, ...]
    kept: dict[str, str]

    @property
    def is_passed(self) -> bool:
        """Whether nothing was wrong."""
        return is_well(self.findings)


def judge(expected: Expected, facts: Facts, rules: Rules) -> Verdict:
    """What the facts mean. A storage that is not as it should be keeps everything away, a program what needs it."""
    findings: list[Finding] = []
    kept: dict[str, str] = {}
    seen = {each.name: each for each in facts.places}
    for place in expected.places:
        of_place = list(storage.findings(place, seen.get(place.name), facts.user, expected, rules))
        findings += of_place
        if problem := next((each for each in of_place if each.grade is Grade.PROBLEM), None):
            kept.setdefault(EVERYTHING, problem.sentence)
    started = {each.name: each for each in facts.programs}
    for needed in expected.programs:
        of_program = programs.findings(needed, started, expected.limit_s)
        findings += of_program
        if problem := next((each for each in of_program if each.grade is Grade.PROBLEM), None):
            kept |= dict.fromkeys(sorted(needed.commands), problem.sentence)
    findings += _of_machine(facts, rules)
    return Verdict(findings=tuple(findings), kept=kept)


def _of_machine(facts: Facts, rules: Rules) -> Iterator[Finding]:
    if facts.clock_ahead_s is not None and rules.most_clock_s:
        yield clock("the manager's", facts.clock_ahead_s, rules.most_clock_s)
    for gpu in facts.gpus:
        yield Finding("gpu", Grade.OK, gpu)


def clock(whose: str, ahead_s: float, most_s: float) -> Finding:
    """What is to be said of a clock, compared with another one."""
    if abs(ahead_s) <= most_s:
        return Finding("clock", Grade.OK, f"As {whose}, within {max(abs(ahead_s), 0.1):.1f} s.")
    way = "ahead of" if ahead_s > 0 else "behind"
    text = f"The clock of this machine is {abs(ahead_s):.0f} s {way} {whose}."
    return Finding("clock", Grade.NOTE, text, "Have both set by NTP, or times in logs and of files mislead people.")


def left_of(told: Collection[str], kept: Mapping[str, str]) -> tuple[str, ...]:
    """The commands that a worker is given tasks of, of those that it has told."""
    return () if EVERYTHING in kept else tuple(sorted(set(told) - kept.keys()))


def lack(kept: Mapping[str, str], commands: Collection[str]) -> str:
    """Why a worker is kept from tasks with these commands; empty when it is not."""
    if not kept or not commands:
        return ""
    return kept.get(EVERYTHING) or next((kept[each] for each in commands if each in kept), "")
