"""`flamenco time-limits`: how long tasks of a job may take; and the options of `flamenco submit` for that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial, wraps
from typing import Any, Final, TypeVar

import click

from flamenco.cli.acting import Doing, act_on_matching, act_on_named, simply
from flamenco.cli.choosing import Chosen, choosing_jobs
from flamenco.cli.options import json_option, manager_option
from flamenco.cli.references import find_jobs
from flamenco.client import ManagerClient
from flamenco.domain.actions import JobAction
from flamenco.domain.time_limits import ALL_TYPES, WORDS

F = TypeVar("F", bound=Callable[..., Any])

_HELP: Final = {
    "max_run_time": "Stop a task that runs for longer, and have another worker try it.",
    "min_run_time": "Count a task as failed that is done sooner.",
    "max_silence": "Stop a task when nothing comes of it for that long: no line in its log, no step.",
}


def _option(word: str) -> str:
    return f"--{word.replace('_', '-')}"


def time_limit_options(function: F) -> F:
    """Add `--max-run-time [TYPE=]SPAN` and the like, given as `time_limits: dict`, as the API takes them."""

    @wraps(function)
    def collected(*args: Any, **given: Any) -> Any:
        found = _by_type({word: given.pop(word) for word in WORDS})
        return function(*args, time_limits=found, **given)

    decorated: Any = collected
    for word in reversed(WORDS):
        option = click.option(
            _option(word),
            word,
            multiple=True,
            metavar="[TYPE=]SPAN",
            help=f"{_HELP[word]} Such as 90s or 1h30m, for tasks of one type alone after its name; repeatable.",
        )
        decorated = option(decorated)
    result: F = decorated
    return result


def _by_type(given: Mapping[str, Iterable[str]]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for word, texts in given.items():
        for text in texts:
            task_type, separator, span = text.rpartition("=")
            if separator and not task_type:
                raise click.UsageError(f"{_option(word)} {text!r}: write SPAN, or TYPE=SPAN.")
            found.setdefault(task_type or ALL_TYPES, {})[word] = span
    return found


@click.command("time-limits")
@click.argument("references", metavar="JOB...", nargs=-1)
@click.option("--task-type", metavar="TYPE", default=ALL_TYPES, help="Only of tasks of this type.")
@click.option("--max-run-time", metavar="SPAN", help=_HELP["max_run_time"])
@click.option("--min-run-time", metavar="SPAN", help=_HELP["min_run_time"])
@click.option("--max-silence", metavar="SPAN", help=_HELP["max_silence"])
@choosing_jobs
@manager_option
@json_option
def time_limits(
    references: tuple[str, ...], task_type: str, chosen: Chosen, manager_url: str, *, as_json: bool, **given: str | None
) -> None:
    """Say how long tasks of jobs may take, those that run as well. `flamenco explain` shows what holds.

    JOB is an ID, the beginning of one, or a name. SPAN is such as 90s or 1h30m; 0s is no limit, and '' takes back what
    was said of the job.

    \b
    Example:
      flamenco time-limits 6d0e2b4a --max-run-time 2h --max-silence 20m
      flamenco time-limits "Shot 13" --task-type render --min-run-time 5s
    """
    chosen.check(references, "Which job? `flamenco jobs` lists them.")
    written = {word: text for word in WORDS if (text := given[word]) is not None}
    if not written:
        raise click.UsageError(f"Which limit? Give some of {', '.join(map(_option, WORDS))}.")
    arguments = {"task_type": task_type, **written}
    doing = Doing(things="jobs", action=JobAction.TIME_LIMITS, arguments=arguments)
    with ManagerClient(manager_url) as client:
        if chosen.all_matching:
            act_on_matching(client, doing, chosen, as_json=as_json)
        else:
            found = find_jobs(client, references)
            act_on_named(client, doing, found, partial(simply, doing.done), chosen, as_json=as_json)
