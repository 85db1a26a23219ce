"""Which workers jobs are for: `flamenco job-workers`, `block` and `unblock`, and the options of `submit`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import click

from flamenco.cli.acting import Doing, act_on_matching, act_on_named, simply
from flamenco.cli.choosing import Chosen, choosing_jobs
from flamenco.cli.options import json_option, manager_option
from flamenco.cli.references import find_jobs
from flamenco.client import ManagerClient
from flamenco.domain.actions import JobAction
from flamenco.domain.time_limits import ALL_TYPES

F = TypeVar("F", bound=Callable[..., Any])

_ALLOW: Final = click.option(
    "--allow", "allowed", multiple=True, metavar="WORKER", help="Only this worker, or tag:NAME; repeatable."
)
_DENY: Final = click.option(
    "--deny", "denied", multiple=True, metavar="WORKER", help="Not this worker, or tag:NAME; repeatable."
)
_WORKER: Final = click.option(
    "--worker", "workers", multiple=True, required=True, metavar="WORKER", help="Its name or ID; repeatable."
)
_TASK_TYPE: Final = click.option("--task-type", metavar="TYPE", default=ALL_TYPES, help="Only of tasks of this type.")
_jobs = click.argument("references", metavar="JOB...", nargs=-1)


def worker_options(function: F) -> F:
    """Add `--allow WORKER` and `--deny WORKER`, given as `allowed` and `denied`."""
    decorated: F = _ALLOW(_DENY(function))
    return decorated


@click.command("job-workers")
@_jobs
@worker_options
@click.option("--everybody", is_flag=True, help="All workers again, but for those that --deny names.")
@choosing_jobs
@manager_option
@json_option
def job_workers(
    references: tuple[str, ...],
    allowed: tuple[str, ...],
    denied: tuple[str, ...],
    chosen: Chosen,
    manager_url: str,
    *,
    everybody: bool,
    as_json: bool,
) -> None:
    """Say which workers jobs are for alone, or which get nothing of them; what runs already goes on.

    WORKER is the name of a worker or its ID, or tag:NAME for all with a tag. What is said takes the place of what was
    said before. JOB is an ID, the beginning of one, or a name.

    \b
    Example:
      flamenco job-workers "Shot 13" --allow render-01 --allow tag:gpu --deny render-07
      flamenco job-workers "Shot 13" --everybody
    """
    if everybody is bool(allowed) or (denied and not (allowed or everybody)):
        everybody_too = "--deny alone is for all others: say --everybody as well." if denied and not allowed else ""
        raise click.UsageError(everybody_too or "Which workers? Give --allow WORKER, or --everybody; not both.")
    arguments = {"workers_allowed": list(allowed), "workers_denied": list(denied)}
    _act(JobAction.WORKERS, arguments, references, chosen, manager_url, as_json=as_json)


@click.command()
@_jobs
@_WORKER
@_TASK_TYPE
@choosing_jobs
@manager_option
@json_option
def block(
    references: tuple[str, ...],
    workers: tuple[str, ...],
    task_type: str,
    chosen: Chosen,
    manager_url: str,
    *,
    as_json: bool,
) -> None:
    """Put workers on the blocklist of jobs: they get no more tasks of them, also when they are queued again.

    What they have of it already goes on. JOB is an ID, the beginning of one, or a name.

    \b
    Example:
      flamenco block "Shot 13" --worker render-07 --task-type blender
    """
    arguments = {"workers": list(workers), "task_type": task_type}
    _act(JobAction.BLOCK, arguments, references, chosen, manager_url, as_json=as_json)


@click.command()
@_jobs
@_WORKER
@_TASK_TYPE
@choosing_jobs
@manager_option
@json_option
def unblock(
    references: tuple[str, ...],
    workers: tuple[str, ...],
    task_type: str,
    chosen: Chosen,
    manager_url: str,
    *,
    as_json: bool,
) -> None:
    """Take workers off the blocklist of jobs, however they got there.

    JOB is an ID, the beginning of one, or a name; `flamenco job JOB` shows who is blocked.

    \b
    Example:
      flamenco unblock "Shot 13" --worker render-07
    """
    arguments = {"workers": list(workers), "task_type": task_type}
    _act(JobAction.UNBLOCK, arguments, references, chosen, manager_url, as_json=as_json)


def _act(
    action: JobAction,
    arguments: Mapping[str, Any],
    references: Sequence[str],
    chosen: Chosen,
    manager_url: str,
    *,
    as_json: bool,
) -> None:
    chosen.check(references, "Which job? `flamenco jobs` lists them.")
    doing = Doing(things="jobs", action=action, arguments=arguments)
    with ManagerClient(manager_url) as client:
        if chosen.all_matching:
            act_on_matching(client, doing, chosen, as_json=as_json)
        else:
            act_on_named(
                client, doing, find_jobs(client, references), partial(simply, doing.done), chosen, as_json=as_json
            )
