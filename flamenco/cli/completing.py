"""What a shell offers when somebody presses Tab: jobs, workers, tags and job types of the farm, and every status.

By what stands in the help of a command for an argument or option, so that all commands have it that say JOB or WORKER,
those of plugins too. A manager that is not there, or slow, offers nothing, and says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import click
from click.shell_completion import CompletionItem

from flamenco.cli.output import SHORT_ID
from flamenco.client import ManagerClient
from flamenco.client.addresses import DEFAULT_URL
from flamenco.domain.errors import FarmError
from flamenco.domain.statuses import JobStatus, TaskStatus, WorkerStatus
from flamenco.domain.visible import visible

LIMIT_S: Final = 2.0
"""How long whoever types waits for a manager."""

MOST: Final = 50

_PLAIN: Final = re.compile(r"[\w.+@%-]+")

Named = tuple[str, str, str]
"""Something to choose: its id, its name, and what is said beside it."""


def _jobs(client: ManagerClient, part: str) -> Iterable[Named]:
    for row in client.lists.jobs(MOST, {"q": part}).entries:
        yield row.id, row.name, row.status


def _workers(client: ManagerClient, part: str) -> Iterable[Named]:
    for row in client.lists.workers(MOST, {"q": part}).entries:
        yield row.id, row.name, row.status


def _tags(client: ManagerClient, _part: str) -> Iterable[Named]:
    for tag in client.tags.all():
        yield tag.id, tag.name, tag.description


def _job_types(client: ManagerClient, _part: str) -> Iterable[Named]:
    for job_type in client.job_types():
        yield "", job_type.name, job_type.label


def _limits(client: ManagerClient, _part: str) -> Iterable[Named]:
    for limit in client.limits():
        yield "", limit.name, ""


def _sinks(client: ManagerClient, _part: str) -> Iterable[Named]:
    for sink in client.sinks():
        yield "", sink.name, ""


def _people(client: ManagerClient, part: str) -> Iterable[Named]:
    for name in client.lists.search(part, 20).users if part else ():
        yield "", name, ""


def _projects(client: ManagerClient, part: str) -> Iterable[Named]:
    for name in client.lists.search(part, 20).projects if part else ():
        yield "", name, ""


SOURCES: Final[dict[str, Callable[[ManagerClient, str], Iterable[Named]]]] = {
    "JOB": _jobs,
    "WORKER": _workers,
    "TAG": _tags,
    "JOBTYPE": _job_types,
    "LIMIT": _limits,
    "SINK": _sinks,
    "USER": _people,
    "PROJECT": _projects,
}
"""By the first word that stands for something in the help of a command, what may be put there."""

_WORD: Final = re.compile(r"[A-Z]+")
_STATUSES: Final = tuple(dict.fromkeys([*JobStatus, *TaskStatus, *WorkerStatus]))


def offer(command: click.Command) -> click.Command:
    """Have all that a command takes be completed, where it is known what that is; given back."""
    for parameter in command.params:
        word = _WORD.search(parameter.metavar or "")
        if word and (word[0] in SOURCES or word[0] == "STATUS"):
            _complete(parameter, word[0])
    return command


def _complete(parameter: click.Parameter, word: str) -> None:
    def found(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        if word == "STATUS":
            return list(_of_statuses(incomplete))
        url = ctx.params.get("manager_url") or DEFAULT_URL
        try:
            with ManagerClient(url, timeout_s=LIMIT_S) as client:
                return list(_items(SOURCES[word](client, incomplete), incomplete))
        except (FarmError, OSError):
            return []

    parameter.shell_complete = found  # type: ignore[method-assign]


def _of_statuses(incomplete: str) -> Iterator[CompletionItem]:
    before, comma, last = incomplete.rpartition(",")
    for status in _STATUSES:
        if status.startswith(last):
            yield CompletionItem(f"{before}{comma}{status.value}")


def _items(named: Iterable[Named], incomplete: str) -> Iterator[CompletionItem]:
    """What fits, by name where a shell takes that as one word, else by the beginning of the id."""
    for identity, name, told in named:
        if _PLAIN.fullmatch(name) and name.startswith(incomplete):
            yield CompletionItem(name, help=visible(told))
        elif identity and (identity.startswith(incomplete) or incomplete.lower() in name.lower()):
            yield CompletionItem(identity[:SHORT_ID], help=visible(f"{name} ({told})" if told else name))
