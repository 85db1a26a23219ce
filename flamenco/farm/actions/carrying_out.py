"""Goes through the things that somebody chose, and does with each what is asked, in a transaction of its own.

What is refused for one is done with the others all the same. Somebody who asks for much is answered in time, and told
where to go on; a filter is looked up again then, from the row number on that was reached, so nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import msgspec

from flamenco.domain.access import Access, Caller, Owner, Reach
from flamenco.domain.errors import Busy, FarmError, NotFound, StoreError
from flamenco.farm.actions.values import Asked, Kind, Outcome, Refusal, S, Undo
from flamenco.farm.authorization import check_theirs, may, require
from flamenco.farm.context import Farm
from flamenco.store.selection import Conditions

LONGEST_S: Final = 25.0
"""Then it ends, with the thing that it is about; clients and proxies wait for longer than that."""

MOST_NAMED: Final = 100
"""So many refusals are told in full."""

MOST_AT_ONCE: Final = 1_000
"""So many ids are taken, and given back, at once."""

FEW: Final = 20
"""Up to so many wait for nobody else's actions."""

_PATIENCE_S: Final = 5.0
_PAGE: Final = 500


def carry_out(farm: Farm, by: Caller, kind: Kind[S], asked: Asked) -> Outcome:
    """Do it. Raises `AccessDenied`, `Refused`, and `Busy` while others have much done; what else, is in the outcome."""
    reach = require(farm, by, kind.rules(asked.action).access)
    kind.check_arguments(farm, asked)
    with _turn(farm, asked):
        return _Run(farm, by, kind, asked, owns_all=reach is Reach.ALL).go()


@contextmanager
def _turn(farm: Farm, asked: Asked) -> Iterator[None]:
    if asked.ids is not None and len(asked.ids) <= FEW:
        yield
        return
    if not farm.large_action.acquire(timeout=_PATIENCE_S):
        raise Busy("The manager is busy with what others want done with many; try again in a moment.")
    try:
        yield
    finally:
        farm.large_action.release()


class Chosen(NamedTuple):
    """A thing that is meant, by its id; None where it is not there. `place` is where to go on behind it."""

    place: int
    id: str
    subject: Any
    owner: Owner | None


class _Run:
    """One request, as far as it is carried out."""

    def __init__(self, farm: Farm, by: Caller, kind: Kind[Any], asked: Asked, *, owns_all: bool) -> None:
        self._farm, self._by, self._kind, self._asked = farm, by, kind, asked
        self._access = kind.rules(asked.action).access
        self._owns_all = owns_all
        self._sees_all = may(farm, by, Access.JOB)
        self._deadline = farm.timer() + LONGEST_S
        self._fine = self._refused_count = 0
        self._refused: list[Refusal] = []
        self._undo: dict[bytes, list[Undo]] = {}
        self._reached = asked.after

    def go(self) -> Outcome:
        """Go through all of them, or as many as there is time for."""
        asked = self._asked
        if asked.ids is not None:
            total = max(0, len(asked.ids) - asked.after)
            self._go_along(self._named(asked.ids))
        else:
            conditions = self._kind.conditions(asked.action, None)
            with self._farm.store.read() as tx:
                total = self._kind.count(tx, conditions, asked.after)
            self._go_along(self._filtered(conditions))
        return self._outcome(total)

    def _named(self, ids: Sequence[str]) -> Iterator[Chosen]:
        """Those with these ids, in that order."""
        for first in range(self._asked.after, len(ids), _PAGE):
            some = ids[first : first + _PAGE]
            conditions = self._kind.conditions(self._asked.action, some)
            with self._farm.store.read() as tx:
                page = self._kind.page(tx, conditions, 0, _PAGE)
            found = {each.id: (each, owner) for each, owner in page}
            for place, each in enumerate(some, first + 1):
                yield Chosen(place, each, *found.get(each, (None, None)))

    def _filtered(self, conditions: Conditions) -> Iterator[Chosen]:
        after, page = self._asked.after, None
        while page is None or len(page) == _PAGE:
            with self._farm.store.read() as tx:
                page = self._kind.page(tx, conditions, after, _PAGE)
            for subject, owner in page:
                after = subject.key
                yield Chosen(after, subject.id, subject, owner)

    def _go_along(self, all_chosen: Iterator[Chosen]) -> None:
        for chosen in all_chosen:
            if self._farm.timer() >= self._deadline:
                return
            try:
                self._one(chosen)
                self._fine += 1
            except (Busy, StoreError):
                if not self._fine:
                    raise
                return  # as far as it came
            except FarmError as error:
                self._refuse(chosen, error)
            self._reached = chosen.place

    def _one(self, chosen: Chosen) -> None:
        if chosen.subject is None:
            raise NotFound(f"There is no such {self._kind.noun}.")
        if not self._owns_all and chosen.owner is not None:
            check_theirs(self._by, self._access, chosen.owner)
        self._kind.check(self._farm, self._by, self._asked, chosen.subject)
        if not self._asked.dry_run:
            undo = self._kind.carry_out(self._farm, self._by, self._asked, chosen.subject)
            if undo is not None:
                self._undo.setdefault(msgspec.json.encode((undo.action, undo.arguments)), []).append(undo)

    def _refuse(self, chosen: Chosen, error: FarmError) -> None:
        self._refused_count += 1
        if len(self._refused) < MOST_NAMED:
            # Who may not so much as look at it is not told what it is called.
            is_seen = self._sees_all or chosen.owner is None or self._by.owns(chosen.owner)
            name = chosen.subject.name if chosen.subject is not None and is_seen else ""
            self._refused.append(Refusal(chosen.id, name, str(error)))

    def _outcome(self, total: int) -> Outcome:
        looked_at = self._fine + self._refused_count
        return Outcome(
            matched=max(total, looked_at),
            done=0 if self._asked.dry_run else self._fine,
            refused=tuple(self._refused),
            refused_count=self._refused_count,
            left=max(0, total - looked_at),
            next=self._reached,
            undo=tuple(_joined(self._undo.values())),
        )


def _joined(alike: Iterable[Sequence[Undo]]) -> Iterator[Undo]:
    """For each way to take something back, the things for which it does, as many at a time as may be asked about."""
    for each in alike:
        ids = [one for undo in each for one in undo.ids]
        for first in range(0, len(ids), MOST_AT_ONCE):
            yield Undo(tuple(ids[first : first + MOST_AT_ONCE]), each[0].action, each[0].arguments)
