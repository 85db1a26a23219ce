"""How people refer to things: by an ID, by the beginning of one, or by a name, as long as it is clear what is meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import Final, Protocol, TypeVar

from flamenco.client import Job, ListedWorker, ManagerClient, ManagerError, Tag, Task, TaskSummary
from flamenco.domain.errors import NotFound, Refused
from flamenco.domain.visible import visible

LEAST_OF_ID: Final = 4
"""So much of an ID has to be written: a single letter that fits today may mean something else tomorrow."""

MOST_CANDIDATES: Final = 10
"""So many things are named that a reference may mean."""

_NOT_FOUND: Final = 404
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Named(Protocol):
    """Whatever has an ID and a name."""

    @property
    def id(self) -> str:
        """A UUID."""

    @property
    def name(self) -> str:
        """What people call it; others may be called the same."""


Thing = TypeVar("Thing", bound=Named)


def is_whole_id(text: str) -> bool:
    """Whether it is a complete ID, so that nothing has to be looked up."""
    return bool(_UUID.fullmatch(text.lower()))


def resolve(text: str, things: Iterable[Thing], kind: str, listed_by: str) -> Thing:
    """The one thing whose ID begins with `text`, of at least `LEAST_OF_ID` characters, or whose name it is.

    Raises `NotFound` when there is none, naming the one that may be meant, and `Refused` with the candidates when it
    is not clear. `kind` is what people call such things, `listed_by` the command that lists them.
    """
    known = list(things)
    beginning = text.lower() if len(text) >= LEAST_OF_ID else None
    meant = [thing for thing in known if thing.name == text or (beginning and thing.id.startswith(beginning))]
    return _only(meant, text, known, kind, listed_by)


def resolve_task(text: str, tasks: Sequence[TaskSummary], listed_by: str) -> TaskSummary:
    """The one task of a job whose number, name or ID `text` is. Raises what `resolve` does.

    The beginning of an ID tells nothing here, where those of a job's tasks may all begin the same.
    """
    meant = [task for task in tasks if text in (task.name, str(task.index_in_job)) or task.id == text.lower()]
    return _only(meant, text, tasks, "task", listed_by)


def _only(meant: Sequence[Thing], text: str, known: Sequence[Thing], kind: str, listed_by: str) -> Thing:
    if len(meant) == 1:
        return meant[0]
    if not meant:
        near = get_close_matches(text, {thing.name for thing in known}, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"`{listed_by}` lists them."
        raise NotFound(f"there is no {kind} {text!r}; {hint}")
    raise Refused(f"{text!r} may be any of {len(meant)} {kind}s; name one by its ID:\n{_candidates(meant)}")


def _candidates(found: Sequence[Named]) -> str:
    lines = [f"  {thing.id}  {visible(thing.name)}" for thing in found[:MOST_CANDIDATES]]
    return "\n".join([*lines, "  …"] if len(found) > len(lines) else lines)


def find_jobs(client: ManagerClient, references: Sequence[str]) -> list[Job]:
    """The jobs that are meant, each once, in that order. The list of all is fetched only when that takes it."""
    known = () if all(map(is_whole_id, references)) else client.jobs.all()

    def find(text: str) -> Job:
        if is_whole_id(text):
            return _got(lambda: client.jobs.get(text.lower()), f"there is no job {text}; `flamenco jobs` lists them.")
        return resolve(text, known, "job", "flamenco jobs")

    return _each_once(map(find, references))


def find_job(client: ManagerClient, reference: str) -> Job:
    """The one job that is meant."""
    return find_jobs(client, [reference])[0]


def find_workers(client: ManagerClient, references: Sequence[str], *, put_away: bool = False) -> list[ListedWorker]:
    """The workers that are meant, each once, in that order; with `put_away` among those that are as well."""
    known = client.workers.all() if references else ()
    if references and put_away:
        away = client.lists.workers(None, {"put_away": "true"}).entries
        known += tuple(ListedWorker(id=each.id, name=each.name, status=each.status.stored) for each in away)
    return _each_once(resolve(text, known, "worker", "flamenco workers") for text in references)


def find_tags(client: ManagerClient, references: Sequence[str]) -> list[Tag]:
    """The tags that are meant, each once, in that order."""
    known = client.tags.all() if references else ()
    return _each_once(resolve(text, known, "tag", "flamenco tags") for text in references)


def find_tasks(client: ManagerClient, references: Sequence[str], job: Job | None = None) -> list[Task | TaskSummary]:
    """The tasks that are meant, each once, in that order: those of `job`, or by complete IDs any at all."""
    known = client.jobs.tasks(job.id) if job else ()

    def find(text: str) -> Task | TaskSummary:
        if job:
            return resolve_task(text, known, f"flamenco tasks {job.id}")
        if not is_whole_id(text):
            raise Refused(f"without its job, a task is known by its whole ID only, and {text!r} is none: name the job.")
        return _got(
            lambda: client.tasks.get(text.lower()), f"there is no task {text}; `flamenco tasks JOB` lists them."
        )

    return _each_once(map(find, references))


def _got(ask: Callable[[], Thing], otherwise: str) -> Thing:
    try:
        return ask()
    except ManagerError as error:
        if error.status == _NOT_FOUND:
            raise NotFound(otherwise) from error
        raise


def _each_once(things: Iterable[Thing]) -> list[Thing]:
    return list({thing.id: thing for thing in things}.values())
