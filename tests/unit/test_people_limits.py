"""Limits that people set: what they are called, whom they concern, and what follows for where a job is put."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain import people_limits
from flamenco.domain.errors import Refused
from flamenco.domain.scheduling.values import UNLIMITED, Limit, Placement

ADDRESSES = {"render-07": "10.0.0.7", "render-08": "10.0.0.8"}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("user:ann", "user:ann"),
        (" user: ann ", "user:ann"),
        ("user:Ännä O'Brien <a@b>", "user:Ännä O'Brien <a@b>"),
        ("project:Film 12", "project:Film 12"),
        ("project:a:b", "project:a:b"),
        ("machine:*", "machine:*"),
        ("machine:render-07", "machine:10.0.0.7"),
        ("machine:10.0.0.8", "machine:10.0.0.8"),
        ("nuke", "nuke"),
        ("nuke:seat", "nuke:seat"),
    ],
)
def test_names(written: str, name: str) -> None:
    """As people write them; a machine is what its workers come from."""
    assert people_limits.parse(written, ADDRESSES) == name


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("user:", "name: whose"),
        ("machine: ", "name: whose"),
        ("machine:render-99", "no worker is called 'render-99'"),
        ("user:a\x1bb", "no name for a limit"),
        ("user:a\u2028b", "no name for a limit"),
        ("project:" + "x" * 300, "no name for a limit"),
        ("nu\nke", "no name for a limit"),
        ("", "no name for a limit"),
    ],
)
def test_what_is_no_name(written: str, complaint: str) -> None:
    """Is refused with a sentence."""
    with pytest.raises(Refused, match=complaint):
        people_limits.parse(written, ADDRESSES)


@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    """Is a name that a limit can have, or is refused."""
    try:
        name = people_limits.parse(text, ADDRESSES)
    except Refused:
        return
    assert Limit(name, 1).name == name


def test_capacities() -> None:
    """From none at all to more than any farm runs."""
    for fine in (None, 0, 1, people_limits.MOST):
        people_limits.check_capacity(fine)
    for wrong in (-1, people_limits.MOST + 1):
        with pytest.raises(Refused, match="capacity: is from 0"):
            people_limits.check_capacity(wrong)


def test_what_a_job_falls_under() -> None:
    """Its user's limit and its project's, in all its tasks, beside what policies say."""
    assert people_limits.of_job("", "") == ()
    assert people_limits.of_job("ann", "Film 12") == ("user:ann", "project:Film 12")
    before = Placement(rank=1.0, limits={"blender": (Limit("nuke", 2),)})
    assert people_limits.with_limits(before, ["blender", "misc"], ()) is before
    after = people_limits.with_limits(before, ["blender", "misc"], ["user:ann"])
    ours = Limit("user:ann", UNLIMITED)
    assert after.limits == {"blender": (Limit("nuke", 2), ours), "misc": (ours,)}


@pytest.mark.parametrize(
    ("policy", "people", "most"),
    [(None, None, None), (3, None, 3), (None, 2, 2), (3, 2, 2), (2, 3, 2), (3, 0, 3), (None, 0, None)],
)
def test_how_many_workers_a_job_has(policy: int | None, people: int | None, most: int | None) -> None:
    """The tighter of both; people's 0 is for any number that policies let."""
    placement = Placement(rank=1.0, max_running=policy)
    assert people_limits.with_max_workers(placement, people).max_running == most


def test_a_machine_has_its_own_limit_or_that_of_each() -> None:
    """Never both."""
    assert people_limits.on_machine(["machine:*", "machine:10.0.0.7"], "10.0.0.7") == ("machine:10.0.0.7",)
    assert people_limits.on_machine(["machine:*", "machine:10.0.0.7"], "10.0.0.8") == ("machine:*",)
    assert people_limits.on_machine(["machine:10.0.0.7"], "10.0.0.8") == ()


def test_a_limit_is_in_a_job_or_on_a_machine() -> None:
    """Not in both."""
    with pytest.raises(ValueError, match="take one of both"):
        Limit("gpu", 1, per_job=True, per_machine=True)
