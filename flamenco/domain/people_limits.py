"""Limits that people set while the farm runs: what they are called, and what falls under them. Pure.

They are limits as policies have them (`scheduling.values.Limit`), by names of three kinds: `user:ann` and `project:Film
12` are on all tasks of their jobs, `machine:10.0.0.7` on all that run on that machine, and `machine:*` on each machine
by itself. A machine is the address that its workers come from. Any other name is one that a policy has given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from msgspec.structs import replace

from flamenco.domain.errors import Refused
from flamenco.domain.scheduling.values import MACHINE, UNLIMITED, Limit, Placement

USER: Final = "user:"
PROJECT: Final = "project:"
EACH_MACHINE: Final = f"{MACHINE}*"
"""On every machine of which nothing else is said."""

MAX_WORKERS: Final = "max_workers"
"""The setting of a job that says how many of its tasks run at once; what people say later is in its place."""

MOST: Final = 1_000_000
"""More than any farm runs at once; who wants no limit takes it away."""


def of_job(owner: str, project: str) -> tuple[str, ...]:
    """The limits that a job would fall under, if people had set them."""
    return (*([USER + owner] if owner else []), *([PROJECT + project] if project else []))


def with_limits(placement: Placement, task_types: Iterable[str], names: Collection[str]) -> Placement:
    """The placement of a job whose tasks fall under these limits, beside those that policies give."""
    if not names:
        return placement
    return replace(placement, limits={each: _beside(placement.limits.get(each, ()), names) for each in task_types})


def _beside(by_policies: tuple[Limit, ...], names: Collection[str]) -> tuple[Limit, ...]:
    known = {limit.name for limit in by_policies}
    return (*by_policies, *(Limit(name, UNLIMITED) for name in sorted(names) if name not in known))


def with_max_workers(placement: Placement, most: int | None) -> Placement:
    """The placement of a job of which people say how many of its tasks run at once; 0 for as many as policies let."""
    if not most or (placement.max_running is not None and placement.max_running <= most):
        return placement
    return replace(placement, max_running=most)


def on_machine(names: Collection[str], address: str) -> tuple[str, ...]:
    """Which of the limits on machines holds for the one at that address: its own, or that of each."""
    own = MACHINE + address
    if own in names:
        return (own,)
    return (EACH_MACHINE,) if EACH_MACHINE in names else ()


def is_of_machine(name: str) -> bool:
    """Whether that is a limit on what runs on a machine, whichever jobs it is of."""
    return name.startswith(MACHINE)


def is_on_jobs(name: str) -> bool:
    """Whether such a limit is on tasks of some jobs, because people say so."""
    return name.startswith((USER, PROJECT))


def is_own(name: str) -> bool:
    """Whether people alone make such a limit; others are made by policies, and people may change their capacity."""
    return name.startswith((USER, PROJECT, MACHINE))


def parse(written: str, addresses: Mapping[str, str]) -> str:
    """The name of a limit as people write it. `addresses` are those of machines, by what workers there are called.

    Raises `Refused` for one that could not be any.
    """
    name = written.strip()
    kind, colon, rest = name.partition(":")
    rest = rest.strip()
    if colon and not rest and f"{kind}:" in (USER, PROJECT, MACHINE):
        raise Refused(f"name: whose? Write {USER}ann, {PROJECT}Film 12, {MACHINE}render-07 or {EACH_MACHINE}.")
    if colon and f"{kind}:" in (USER, PROJECT):
        name = f"{kind}:{rest}"
    elif colon and f"{kind}:" == MACHINE:
        name = EACH_MACHINE if rest == "*" else MACHINE + addresses.get(rest, rest)
        if name != EACH_MACHINE and name.removeprefix(MACHINE) not in addresses.values():
            raise Refused(f"name: no worker is called {rest!r}, or comes from there; `flamenco workers` lists them.")
    try:
        return Limit(name, 0, per_machine=is_of_machine(name)).name
    except ValueError as error:
        raise Refused(f"name: {error}") from error


def check_capacity(capacity: int | None) -> None:
    """Raise `Refused` for a number of tasks that is none."""
    if capacity is not None and not 0 <= capacity <= MOST:
        raise Refused(f"capacity: is from 0, for no task at all, to {MOST}; leave it out to take the limit away.")


def unknown(name: str, known: Iterable[str]) -> Refused:
    """What is said of a limit that no policy has given, and people cannot make."""
    there = ", ".join(sorted(known)) or "none"
    return Refused(
        f"There is no limit {name!r}. Limits of policies: {there}; you can make {USER}NAME, {PROJECT}NAME, "
        f"{MACHINE}NAME and {EACH_MACHINE}."
    )
