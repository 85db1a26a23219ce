"""A compiled job as a tree to look at, on a terminal or as text; large jobs and long texts are abbreviated."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from flamenco.domain.model import AuthoredJob, AuthoredTask, Command
from flamenco.domain.visible import visible

_FIRST_TASKS = 12
_LAST_TASKS = 4
_FIRST_NAMES = 4
_LONGEST_VALUE = 200


class Branch(Struct, frozen=True):
    """A line of the outline: `name` stands out, `note` follows, `below` are indented."""

    name: str
    note: str = ""
    below: tuple[Branch, ...] = ()


def outline(job: AuthoredJob, *, everything: bool) -> Branch:
    """The job, its settings and its tasks; of many tasks the first and the last, unless `everything` is wanted."""
    below = [
        Branch(title, "", tuple(Branch(key, _shown(value, everything=everything)) for key, value in values.items()))
        for title, values in (("settings", job.settings), ("metadata", job.metadata), ("variables", job.variables))
        if values
    ]
    names = {task.id: task.name for task in job.tasks}
    numbered = list(enumerate(job.tasks, 1))
    left_out = len(numbered) - _FIRST_TASKS - _LAST_TASKS
    if everything or left_out <= 1:
        below += [_task(number, task, names, everything=everything) for number, task in numbered]
    else:
        below += [_task(number, task, names, everything=everything) for number, task in numbered[:_FIRST_TASKS]]
        below.append(Branch(f"… {left_out} more tasks", "--all shows them"))
        below += [_task(number, task, names, everything=everything) for number, task in numbered[-_LAST_TASKS:]]
    steps = sum(task.steps_total for task in job.tasks)
    note = f"{job.type}, priority {job.priority}: {_count(len(job.tasks), 'task')}, {_count(steps, 'step')}"
    return Branch(job.name, note, tuple(below))


def print_outline(job: AuthoredJob, *, everything: bool) -> None:
    """Show the job: as a tree on a terminal, as indented lines elsewhere."""
    shown = outline(job, everything=everything)
    if sys.stdout.isatty():
        Console(highlight=False).print(as_tree(shown))
    else:
        click.echo(as_text(shown))


def as_text(branch: Branch) -> str:
    """The outline as indented lines."""
    return "\n".join(_lines(branch, 0))


def as_tree(branch: Branch) -> Tree:
    """The outline as a tree that rich can print."""
    tree = Tree(_label(branch))
    for each in branch.below:
        tree.add(as_tree(each))
    return tree


def _lines(branch: Branch, depth: int) -> list[str]:
    lines = [visible(f"{'  ' * depth}{branch.name}  {branch.note}".rstrip())]
    for each in branch.below:
        lines += _lines(each, depth + 1)
    return lines


def _label(branch: Branch) -> Text:
    return Text.assemble((visible(branch.name), "bold"), "  ", (visible(branch.note), "dim"))


def _task(number: int, task: AuthoredTask, names: dict[str, str], *, everything: bool) -> Branch:
    note = f"{task.type}, priority {task.priority}, {_count(task.steps_total, 'step')}"
    if task.optional:
        note += ", optional"
    below = [_command(command, everything=everything) for command in task.commands]
    if task.dependencies:
        below.insert(0, Branch("after", _names([names[other] for other in task.dependencies], everything=everything)))
    return Branch(f"{number}. {task.name}", note, tuple(below))


def _command(command: Command, *, everything: bool) -> Branch:
    values = () if command.parameters is None else command.parameters.items()
    note = _count(command.total_step_count, "step") if command.total_step_count else ""
    return Branch(command.name, note, tuple(Branch(key, _shown(value, everything=everything)) for key, value in values))


def _names(names: Sequence[str], *, everything: bool) -> str:
    if everything or len(names) <= _FIRST_NAMES + 2:
        return ", ".join(names)
    return f"{', '.join(names[:_FIRST_NAMES])}, … {names[-1]} ({len(names)} tasks)"


def _shown(value: Any, *, everything: bool) -> str:
    text = msgspec.json.encode(value).decode()
    return text if everything or len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
