"""What is to be said of a storage that a worker has tried out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from flamenco.domain.findings import Finding, Grade
from flamenco.domain.self_tests import sentences
from flamenco.domain.self_tests.expected import Expected, Known, Rules
from flamenco.domain.self_tests.facts import NO_PROBE, Came, PlaceFacts, Step, StepFacts

_CHANGES: Final = (Step.WRITE, Step.READ, Step.RENAME, Step.DELETE)
_LINKS: Final = {Step.SYMLINK: "symbolic links", Step.HARDLINK: "hard links"}


def findings(place: Known, facts: PlaceFacts | None, user: str, expected: Expected, rules: Rules) -> Iterator[Finding]:
    """All that is to be said: what is wrong first. What is not reached is a problem, what could be better a note."""
    why = "" if facts else "nobody tried"
    if facts and (broken := next((each for each in facts.steps if each.error == NO_PROBE), None)):
        why = broken.text
    if facts is None or why:
        yield Finding(place.name, Grade.NOTE, f"{place.path} was not tried out: {why}.")
        return
    came = {each.step: each for each in facts.steps}
    if wrong := _wrong(place, facts, came, user, expected):
        text, help_ = wrong
        yield Finding(place.name, _grade(place), text, help_)
        return
    yield from _changes(place, came, user)
    yield from _space(place, facts, rules)
    yield from _links(place, came)
    yield from _clock(place, facts, rules)
    yield Finding(place.name, Grade.OK, _well(place, facts))


def _grade(place: Known) -> Grade:
    return Grade.PROBLEM if place.token else Grade.NOTE


def _wrong(
    place: Known, facts: PlaceFacts, came: dict[Step, StepFacts], user: str, expected: Expected
) -> tuple[str, str] | None:
    """Why it is not the manager's storage as it should be, and what helps."""
    if late := next(
        (each for each in facts.steps if each.came is Came.TIMED_OUT and each.step is not Step.SPEED), None
    ):
        return sentences.late(place.path, late.step, expected.limit_s)
    for step in (Step.EXISTS, Step.LIST):
        if (found := came.get(step)) and found.came is not Came.OK:
            return sentences.unreachable(place.path, place.name, found, expected.platform, user)
    if place.token and facts.token != place.token:
        return sentences.another(place.path, place.folder, facts.entries, is_there=bool(facts.token))
    return None


def _changes(place: Known, came: dict[Step, StepFacts], user: str) -> Iterator[Finding]:
    failed = next((came[step] for step in _CHANGES if step in came and came[step].came is not Came.OK), None)
    if failed is not None:
        # A variable may well stand for assets that nobody is to change.
        grade = Grade.PROBLEM if place.is_shared and place.token else Grade.NOTE
        yield Finding(place.name, grade, *sentences.unwritable(place.path, failed, user))


def _space(place: Known, facts: PlaceFacts, rules: Rules) -> Iterator[Finding]:
    if facts.free_mb is not None and facts.free_mb < rules.least_free_mb:
        text = f"{place.path} has {facts.free_mb:.0f} MB left, and self_test.least_free_mb is {rules.least_free_mb:g}."
        grade = Grade.PROBLEM if place.is_shared and place.token else Grade.NOTE
        yield Finding(place.name, grade, text, "Make room: frames that cannot be written are rendered in vain.")


def _links(place: Known, came: dict[Step, StepFacts]) -> Iterator[Finding]:
    for step, what in _LINKS.items():
        if (found := came.get(step)) and found.came is not Came.OK:
            text = f"No {what} can be made in {place.path}: {found.text or found.error}."
            helps = "Shaman's checkouts have to be copies here (shaman.checkout_links)." if place.is_shared else ""
            yield Finding(place.name, Grade.NOTE, text, helps)


def _clock(place: Known, facts: PlaceFacts, rules: Rules) -> Iterator[Finding]:
    ahead = facts.clock_ahead_s
    if ahead is not None and rules.most_clock_s and abs(ahead) > rules.most_clock_s:
        way = "ahead of" if ahead > 0 else "behind"
        text = f"The clock of this machine is {abs(ahead):.0f} s {way} that of {place.path}."
        yield Finding(place.name, Grade.NOTE, text, "Have the file server's set by NTP, too.")


def _well(place: Known, facts: PlaceFacts) -> str:
    parts = [f"{place.path} is the manager's {place.folder}" if place.token else f"{place.path} can be reached"]
    if not place.token:
        parts.append("the manager cannot write there, so nobody knows whether it is the same")
    if facts.ignores_case:
        parts.append("upper and lower case are the same there")
    if facts.free_mb is not None:
        parts.append(f"{facts.free_mb / 1024:.0f} GB free")
    if any(each.step is Step.SPEED and each.came is Came.TIMED_OUT for each in facts.steps):
        parts.append("slow: 16 MB were not written and read in time")
    if facts.write_mb_s is not None and facts.read_mb_s is not None:
        parts.append(f"writes {facts.write_mb_s:.0f} and reads {facts.read_mb_s:.0f} MB a second")
    return "; ".join(parts) + "."
