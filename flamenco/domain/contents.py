"""What a job's tasks are made of, in short: what is asked about all of them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set

from msgspec import Struct

from flamenco.domain.model import AuthoredTask


class Contents(Struct, frozen=True):
    """Of which types tasks are, and how often which command is in them."""

    task_types: Set[str]
    commands: Mapping[str, int]


class Survey:
    """Finds out about the contents of tasks while others look at them."""

    def __init__(self) -> None:
        self._types: set[str] = set()
        self._commands: Counter[str] = Counter()

    def passing(self, tasks: Iterable[AuthoredTask]) -> Iterator[AuthoredTask]:
        """The tasks, as they are."""
        for task in tasks:
            self._types.add(task.type)
            for command in task.commands:
                self._commands[command.name] += 1
            yield task

    @property
    def contents(self) -> Contents:
        """Of the tasks that have passed."""
        return Contents(frozenset(self._types), dict(self._commands))


def contents_of(tasks: Iterable[AuthoredTask]) -> Contents:
    """What these tasks are made of; known already of those that came out of a script and are many."""
    known = getattr(tasks, "contents", None)
    if isinstance(known, Contents):
        return known
    survey = Survey()
    for _ in survey.passing(tasks):
        pass
    return survey.contents
