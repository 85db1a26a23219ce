"""How jobs, workers, tags and tasks are named on the command line."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from flamenco.cli.references import LEAST_OF_ID, MOST_CANDIDATES, is_whole_id, resolve, resolve_task
from flamenco.client import TaskSummary
from flamenco.domain.errors import NotFound, Refused
from flamenco.domain.statuses import TaskStatus


class Thing(Struct, frozen=True):
    """Something with an ID and a name."""

    id: str
    name: str


FOX = Thing("6d0e2b4a-4f3c-4b62-9d6e-0c1f6f3a9b11", "fox")
DEER = Thing("6d0e9999-4f3c-4b62-9d6e-0c1f6f3a9b12", "deer")
DUCK = Thing("a1b2c3d4-4f3c-4b62-9d6e-0c1f6f3a9b13", "duck")
OTHER_DUCK = Thing("b1b2c3d4-4f3c-4b62-9d6e-0c1f6f3a9b14", "duck")
NAMED_LIKE_AN_ID = Thing("c1b2c3d4-4f3c-4b62-9d6e-0c1f6f3a9b15", "a1b2")
THINGS = (FOX, DEER, DUCK, OTHER_DUCK, NAMED_LIKE_AN_ID)


def find(text: str, things: Sequence[Thing] = THINGS) -> Thing:
    """The animal that is meant."""
    return resolve(text, things, "animal", "flamenco animals")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (FOX.id, FOX),
        (FOX.id.upper(), FOX),
        ("6d0e2", FOX),
        ("6D0E2", FOX),
        ("6d0e9999-", DEER),
        ("fox", FOX),
        ("a1b2c3", DUCK),
        ("b1b2", OTHER_DUCK),
    ],
)
def test_what_is_clear_is_found(text: str, meant: Thing) -> None:
    """An ID, the beginning of one that no other begins with, or a name that nothing else has."""
    assert find(text) is meant


@pytest.mark.parametrize(
    ("text", "candidates"),
    [
        ("6d0e", [FOX, DEER]),
        ("duck", [DUCK, OTHER_DUCK]),
        ("a1b2", [DUCK, NAMED_LIKE_AN_ID]),
    ],
)
def test_what_is_not_clear_is_told_with_the_candidates(text: str, candidates: list[Thing]) -> None:
    """Nothing is guessed: the IDs and names of all that may be meant are listed."""
    with pytest.raises(Refused, match=f"{len(candidates)} animals") as raised:
        find(text)
    assert str(raised.value).splitlines()[1:] == [f"  {thing.id}  {thing.name}" for thing in candidates]


def test_of_many_candidates_some_are_listed() -> None:
    """A list of thousands would hide the sentence before it."""
    things = [Thing(str(uuid.uuid4()), "same") for _ in range(2 * MOST_CANDIDATES)]
    with pytest.raises(Refused, match=str(len(things))) as raised:
        find("same", things)
    lines = str(raised.value).splitlines()
    assert (len(lines), lines[-1]) == (MOST_CANDIDATES + 2, "  …")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("foxx", "did you mean 'fox'?"),
        ("zebra", "`flamenco animals` lists them."),
        ("", "`flamenco animals` lists them."),
        ("b1b", "`flamenco animals` lists them."),
        ("Fox", "did you mean 'fox'?"),
    ],
)
def test_what_is_not_there_is_told_with_what_to_do(text: str, hint: str) -> None:
    """The nearest name, or the command that lists all; a few letters are not enough of an ID."""
    with pytest.raises(NotFound) as raised:
        find(text)
    assert str(raised.value) == f"there is no animal {text!r}; {hint}"


@given(st.lists(st.uuids(version=4).map(str), min_size=1, unique=True), st.data())
def test_a_beginning_finds_its_own_or_says_that_it_is_not_clear(ids: list[str], data: st.DataObject) -> None:
    """Whatever part of an ID is given, no other thing is ever found than one that it begins."""
    things = [Thing(each, f"name of {each}") for each in ids]
    wanted = data.draw(st.sampled_from(things))
    text = wanted.id[: data.draw(st.integers(LEAST_OF_ID, 36))]
    others = [thing for thing in things if thing is not wanted and thing.id.startswith(text)]
    if others:
        with pytest.raises(Refused):
            find(text, things)
    else:
        assert find(text, things) is wanted


def task(number: int, name: str) -> TaskSummary:
    """A task whose ID begins as those of all its job's tasks."""
    return TaskSummary(
        id=f"356e05b1-f6b0-4582-83dc-{number:012}",
        name=name,
        status=TaskStatus.QUEUED,
        index_in_job=number,
        priority=50,
        task_type="misc",
        updated=datetime(2026, 1, 2, tzinfo=UTC),
    )


TASKS = (task(1, "render-1-5"), task(2, "render-6-10"), task(3, "2"))


@pytest.mark.parametrize(("text", "index"), [("1", 0), ("3", 2), ("render-6-10", 1), (TASKS[1].id.upper(), 1)])
def test_tasks_are_found_by_number_name_or_id(text: str, index: int) -> None:
    """The number is that of the list of the job's tasks."""
    assert resolve_task(text, TASKS, "flamenco tasks JOB") is TASKS[index]


def test_tasks_that_are_not_clear_or_not_there() -> None:
    """A number that is a name, too, is not clear; the beginning of an ID tells nothing."""
    with pytest.raises(Refused, match="2 tasks"):
        resolve_task("2", TASKS, "flamenco tasks JOB")
    with pytest.raises(NotFound, match="`flamenco tasks JOB` lists them"):
        resolve_task("356e", TASKS, "flamenco tasks JOB")
    with pytest.raises(NotFound, match="did you mean 'render-1-5'"):
        resolve_task("render-1-6", TASKS[:1], "flamenco tasks JOB")


@pytest.mark.parametrize(
    ("text", "whole"),
    [(FOX.id, True), (FOX.id.upper(), True), (FOX.id[:-1], False), (FOX.id + "1", False), ("fox", False)],
)
def test_whole_ids(text: str, whole: bool) -> None:
    """Only a complete ID needs no list to look it up in."""
    assert is_whole_id(text) is whole
