"""Which workers a job is for: some alone, or all but some, each named by itself or by a tag. Pure.

People write a worker's name or ID, and `tag:NAME` for all that have a tag. Where anybody is allowed, nobody else is;
who is denied gets nothing, allowed or not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from msgspec import Struct

from flamenco.domain.errors import Refused

ALLOWED_KEY: Final = "flamenco.workers_allowed"
DENIED_KEY: Final = "flamenco.workers_denied"
"""Where in its metadata a job says so, as clients write it that have no other field: with commas between."""

TAG: Final = "tag:"

MOST: Final = 200
"""So many are named of a job, allowed and denied; tags are for more."""


class Written(Struct, frozen=True):
    """Workers and tags as people write them."""

    allowed: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.allowed or self.denied)


def written_in(text: str) -> tuple[str, ...]:
    """The references in a text, with commas between them."""
    return tuple(each.strip() for each in text.split(",") if each.strip())


def together(*said: Written) -> Written:
    """All that is said of a job in different places. Raises `Refused` for too many."""
    allowed = tuple(dict.fromkeys(each.strip() for one in said for each in one.allowed))
    denied = tuple(dict.fromkeys(each.strip() for one in said for each in one.denied))
    if len(allowed) + len(denied) > MOST:
        raise Refused(f"A job names {MOST} workers and tags at most; give those workers a tag, and name that.")
    return Written(allowed, denied)


class Some(Struct, frozen=True):
    """Workers and tags, by their row numbers."""

    workers: frozenset[int] = frozenset()
    tags: frozenset[int] = frozenset()

    def have(self, worker_key: int, its_tags: Collection[int]) -> bool:
        """Whether the worker is among them, by itself or by one of its tags."""
        return worker_key in self.workers or not self.tags.isdisjoint(its_tags)


class JobWorkers(Struct, frozen=True):
    """Which workers a job is for. `allowed` is None for all; nobody is left of those when they are gone."""

    allowed: Some | None = None
    denied: Some = Some()

    def include(self, worker_key: int, its_tags: Collection[int]) -> bool:
        """Whether the job is for that worker."""
        if self.denied.have(worker_key, its_tags):
            return False
        return self.allowed is None or self.allowed.have(worker_key, its_tags)


EVERYBODY: Final = JobWorkers()


class Named(Struct, frozen=True, kw_only=True):
    """A worker or tag that a job names, as it is called now."""

    id: str
    name: str
    is_tag: bool = False

    @property
    def written(self) -> str:
        """What names it, whatever it is called."""
        return TAG + self.id if self.is_tag else self.id

    @property
    def shown(self) -> str:
        """What people read."""
        return TAG + self.name if self.is_tag else self.name


def unknown(written: str) -> Refused:
    """What is said of a worker or tag that there is not."""
    if written.startswith(TAG):
        return Refused(f"There is no tag {written.removeprefix(TAG)!r}; `flamenco tags` lists them.")
    return Refused(
        f"There is no worker {written!r}; `flamenco workers` lists them, and {TAG}NAME is for those with a tag."
    )


def listed(named: Iterable[Named]) -> str:
    """Workers and tags in a line."""
    return ", ".join(each.shown for each in named)
