"""From the JSON that a script's run left behind to an `AuthoredJob` that can be stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from flamenco.collector import collector_paused
from flamenco.compiler.protocol import Reply
from flamenco.compiler.script_limits import ScriptLimits
from flamenco.domain import frame_order, previews
from flamenco.domain.contents import Survey
from flamenco.domain.errors import JobTypeError, Refused
from flamenco.domain.job_waits import Wanted
from flamenco.domain.job_workers import Written
from flamenco.domain.model import AuthoredJob, AuthoredTask
from flamenco.domain.previews import Preview
from flamenco.domain.task_frames import span_of

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_VARIABLE = re.compile(r"\w{1,100}", re.ASCII)
_INT32 = range(-(2**31), 2**31)
_NUL = "\0"
"""PostgreSQL's texts cannot hold it. Within JSON it is escaped, so that only texts of their own are concerned."""
_NAMED_TASKS = 8
"""How many tasks an error about many of them names."""


class WrittenPreview(Struct, frozen=True):
    """What a script wants to be looked at first, as it has written it."""

    frames: str
    then: str
    continue_after: str


class Compiled(Struct, frozen=True, kw_only=True):
    """What the prelude's `compile` returns."""

    id: str
    name: str
    type: str
    priority: int
    created_ms: int
    worker_tag: str
    shaman_checkout_id: str
    settings: dict[str, Any]
    metadata: dict[str, str]
    variables: dict[str, str]
    depends_on: tuple[Wanted, ...]
    frame_order: str
    preview: WrittenPreview | None
    workers: Written
    task_count: int


_DECODER = msgspec.json.Decoder(Reply[Compiled])
_TASKS_DECODER = msgspec.json.Decoder(tuple[AuthoredTask, ...])
T = TypeVar("T")


def decode(answer: bytes) -> Reply[Compiled]:
    """Decode the helper's answer. Raises `JobTypeError` when the job has values that do not fit."""
    return _decoded(_DECODER, answer)


def decode_tasks(answer: bytes) -> tuple[AuthoredTask, ...]:
    """Decode a list of tasks, which came before the answer. Raises as `decode`."""
    return _decoded(_TASKS_DECODER, answer)


def _decoded(decoder: msgspec.json.Decoder[T], text: bytes) -> T:
    try:
        with collector_paused():
            return decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise JobTypeError(f"the compiled job cannot be stored: {error}") from error


def job_of(compiled: Compiled, tasks: Sequence[AuthoredTask], created: datetime, limits: ScriptLimits) -> AuthoredJob:
    """The compiled job, checked: sizes, identifiers, dependencies. Raises `JobTypeError` naming the task."""
    if not _UUID.fullmatch(compiled.id):
        raise JobTypeError(f'the job\'s id "{compiled.id}" is no UUID')
    _check_names("the job", compiled.name, compiled.type, limits)
    _check_number("the job's priority", compiled.priority)
    for what, text in (("worker tag", compiled.worker_tag), ("shaman checkout", compiled.shaman_checkout_id)):
        if _NUL in text:
            raise JobTypeError(f"the job's {what} has a character in it that cannot be stored (U+0000)")
    _check_variables(compiled.variables, limits)
    if len(tasks) > limits.tasks:
        raise JobTypeError(f"a job with more than {limits.tasks} tasks")
    steps = _checked(tasks, limits)
    _check_number("the number of the job's steps", steps)
    # JavaScript's clock has milliseconds only: as long as the script left the time alone, it is the one we know.
    if compiled.created_ms != milliseconds(created):
        created = _moment(compiled.created_ms)
    return AuthoredJob(
        id=compiled.id,
        name=compiled.name,
        type=compiled.type,
        priority=compiled.priority,
        created=created,
        settings=compiled.settings,
        metadata=compiled.metadata,
        variables=compiled.variables,
        worker_tag=compiled.worker_tag,
        shaman_checkout_id=compiled.shaman_checkout_id,
        depends_on=tuple(replace(each, job=each.job.lower()) for each in compiled.depends_on),
        frame_order=compiled.frame_order,
        previewed=_preview(compiled),
        workers=compiled.workers,
        tasks=tasks,
    )


def _preview(compiled: Compiled) -> Preview | None:
    """What is to be looked at first; what the script says of the order of frames is checked as well."""
    try:
        frame_order.parse(compiled.frame_order)
        return previews.parse(**asdict(compiled.preview)) if compiled.preview else None
    except Refused as error:
        raise JobTypeError(f"the job's frames: {error}") from error


def _check_variables(variables: dict[str, str], limits: ScriptLimits) -> None:
    if len(variables) > limits.variables:
        raise JobTypeError(f"a job with more than {limits.variables} variables")
    for name, value in variables.items():
        if not _VARIABLE.fullmatch(name):
            raise JobTypeError(f'job.variables: "{name}" is no name for a variable: letters, digits, underscores')
        if _NUL in value:
            raise JobTypeError(f"job.variables: {name} has a character in it that cannot be stored (U+0000)")


def _moment(milliseconds_since_1970: int) -> datetime:
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds_since_1970)
    except OverflowError as error:
        raise JobTypeError("the job's time of creation is beyond all calendars") from error


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970, rounded down."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def check_for_tasks(job: AuthoredJob) -> None:
    """Raise `Refused` for a job that has none, and so would wait for ever. To be asked once plugins had their say."""
    if not job.tasks:
        raise Refused(f"job type {job.type} gave this job no tasks; did its script forget job.addTask(task)?")


def _checked(tasks: Sequence[AuthoredTask], limits: ScriptLimits) -> int:
    """Check all tasks, going through them once: they may be on a disk. Returns how many steps they have."""
    survey = Survey()
    steps = 0

    def passing() -> Iterator[AuthoredTask]:
        nonlocal steps
        for task in survey.passing(tasks):
            steps += _checked_steps(task, limits)
            yield task

    with collector_paused():
        _check_dependencies(passing(), tasks)
    if hasattr(tasks, "contents"):
        tasks.contents = survey.contents
    return steps


def check_dependencies(tasks: Sequence[AuthoredTask]) -> None:
    """Raise `JobTypeError`, naming the tasks, where a job of these tasks could not run to its end.

    That is: a task added twice, a dependency on a task that is not in the job, one that is stated twice, or
    tasks that wait for each other. Time and memory are linear in tasks and dependencies.
    """
    _check_dependencies(tasks, tasks)


def _check_dependencies(passing: Iterable[AuthoredTask], tasks: Sequence[AuthoredTask]) -> None:
    """As `check_dependencies`; `passing` gives the tasks once more, and `tasks` is for their names alone."""
    index: dict[str, int] = {}
    waits: dict[int, tuple[str, ...]] = {}
    for number, task in enumerate(passing):
        if index.setdefault(task.id, number) != number:
            raise JobTypeError(f'task "{task.name}" is in the job twice')
        if task.dependencies:
            waits[number] = task.dependencies
    dependents: dict[int, list[int]] = {}
    for number, dependencies in waits.items():
        if len(set(dependencies)) < len(dependencies):
            other = next(i for i in dependencies if dependencies.count(i) > 1)
            raise JobTypeError(f'task "{tasks[number].name}" depends twice on {_named(tasks, index.get(other))}')
        for dependency in dependencies:
            if dependency not in index:
                raise JobTypeError(f'task "{tasks[number].name}" depends on a task that was not added to the job')
            dependents.setdefault(index[dependency], []).append(number)
    waiting = {number: len(dependencies) for number, dependencies in waits.items()}
    _check_order(tasks, waiting, dependents)


def _check_order(tasks: Sequence[AuthoredTask], waiting: dict[int, int], dependents: dict[int, list[int]]) -> None:
    """Do the tasks in any possible order; those that are never reached wait for each other, or for such tasks."""
    ready = [number for number in dependents if number not in waiting]
    while ready:
        for dependent in dependents.get(ready.pop(), ()):
            waiting[dependent] -= 1
            if waiting[dependent] == 0:
                del waiting[dependent]
                ready.append(dependent)
    if waiting:
        raise JobTypeError(f"tasks depend on each other in a circle: {_circle(tasks, waiting, dependents)}")


def _circle(tasks: Sequence[AuthoredTask], waiting: dict[int, int], dependents: dict[int, list[int]]) -> str:
    """One circle among the tasks that still wait: going from a task to what it waits for, one comes round."""
    blocker: dict[int, int] = {}
    for number in sorted(dependents):
        if number in waiting:
            blocker.update(dict.fromkeys(dependents[number], number))
    visited: dict[int, None] = {}
    current = min(waiting)
    while current not in visited:
        visited[current] = None
        current = blocker[current]
    path = list(visited)
    circle = [*path[path.index(current) :], current]
    names = [_named(tasks, number) for number in circle]
    if len(names) > _NAMED_TASKS:
        names[_NAMED_TASKS - 1 : -1] = ["…"]
    return " → ".join(names)


def _named(tasks: Sequence[AuthoredTask], number: int | None) -> str:
    return "a task that was not added" if number is None else f'"{tasks[number].name}"'


def _checked_steps(task: AuthoredTask, limits: ScriptLimits) -> int:
    """Check everything about a task but its dependencies. Returns how many steps it has."""
    if not _UUID.fullmatch(task.id):
        raise JobTypeError(f'task "{task.name[:100]}": its uUID "{task.id[:100]}" is no UUID')
    _check_names(f'task "{task.name[:100]}"', task.name, task.type, limits)
    if task.frames and span_of(task.frames) is None:
        raise JobTypeError(f'task "{task.name}": its frames "{task.frames[:100]}" are no frames')
    if task.ord or task.wave:
        raise JobTypeError(f'task "{task.name}": its place in the job is not for scripts to say')
    if task.priority not in _INT32:
        _check_number(f'task "{task.name}": its priority', task.priority)
    if len(task.commands) > limits.commands:
        raise JobTypeError(f'task "{task.name}" has more than {limits.commands} commands')
    for command in task.commands:
        if len(command.name) > limits.name:
            _check_text(f'task "{task.name}": a command\'s name', command.name, limits.name)
        if not 0 <= command.total_step_count <= _INT32[-1]:
            raise JobTypeError(f'task "{task.name}": {command.total_step_count} is no count of steps')
    steps = task.steps_total
    if steps not in _INT32:
        _check_number(f'task "{task.name}": the number of its steps', steps)
    return steps


def _check_names(what: str, name: str, type_: str, limits: ScriptLimits) -> None:
    _check_text(f"{what}: its name", name, limits.name)
    _check_text(f"{what}: its type", type_, limits.name)


def _check_text(what: str, text: str, longest: int) -> None:
    if not text:
        raise JobTypeError(f"{what} is empty")
    if len(text) > longest:
        raise JobTypeError(f"{what} is longer than {longest} characters")
    if _NUL in text:
        raise JobTypeError(f"{what} has a character in it that cannot be stored (U+0000)")


def _check_number(what: str, number: int) -> None:
    if number not in _INT32:
        raise JobTypeError(f"{what} is {number}, which does not fit into 32 bits")
