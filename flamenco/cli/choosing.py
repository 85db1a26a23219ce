"""Which jobs or workers a command is about: those that are named, or all that a filter chooses (`--all-matching`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar, cast

import click
from msgspec import Struct

from flamenco.cli.list_options import search_option
from flamenco.cli.options import status_option
from flamenco.cli.references import find_tags
from flamenco.client import ManagerClient, ShownWorkerStatus
from flamenco.domain.statuses import JobStatus

F = TypeVar("F", bound=Callable[..., Any])


class Chosen(Struct, frozen=True, kw_only=True):
    """What a filter is made of, in the words of the API; `tags` as somebody has written them."""

    all_matching: bool
    dry_run: bool
    words: dict[str, Any]
    tags: tuple[str, ...] = ()

    def check(self, references: Sequence[str], which: str) -> None:
        """Raise `click.UsageError` unless it is clear whether things are named or a filter chooses them."""
        is_filtered = bool(self.tags or any(self.words.values()))
        if references and (self.all_matching or is_filtered):
            raise click.UsageError("Name them, or choose them with --all-matching and options such as --status.")
        if is_filtered and not self.all_matching:
            raise click.UsageError("Say --all-matching as well, so that it is clear that all of them are meant.")
        if self.all_matching and not is_filtered:
            raise click.UsageError("--all-matching takes a filter: --status, --tag, --search …")
        if not references and not self.all_matching:
            raise click.UsageError(which)

    def filter(self, client: ManagerClient) -> dict[str, Any]:
        """The filter as the manager takes it."""
        tags = [tag.id for tag in find_tags(client, self.tags)]
        return {name: words for name, words in {**self.words, "tag": tags}.items() if words}


_ALL_MATCHING = click.option("--all-matching", is_flag=True, help="All that the options choose, and not some by name.")
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Only say what would be done, and what would be refused.")
_TAG = click.option("--tag", "tag_words", multiple=True, metavar="TAG", help="Only with this tag; repeatable.")


def choosing_jobs(function: F) -> F:
    """Add the options by which jobs are chosen, given to the function as `chosen: Chosen`."""

    @wraps(function)
    def collected(
        *args: Any,
        all_matching: bool,
        dry_run: bool,
        statuses: frozenset[JobStatus],
        job_types: tuple[str, ...],
        users: tuple[str, ...],
        projects: tuple[str, ...],
        batches: tuple[str, ...],
        tag_words: tuple[str, ...],
        text: str,
        **more: Any,
    ) -> Any:
        named = {"type": job_types, "user": users, "project": projects, "batch": batches}
        words = {"status": sorted(statuses), **named, "q": text}
        chosen = Chosen(all_matching=all_matching, dry_run=dry_run, words=words, tags=tag_words)
        return function(*args, chosen=chosen, **more)

    options = (
        *(_ALL_MATCHING, _DRY_RUN, status_option(JobStatus)),
        click.option("--type", "job_types", multiple=True, metavar="JOBTYPE", help="Only of this type; repeatable."),
        click.option("--user", "users", multiple=True, metavar="NAME", help="Only of this user; repeatable."),
        click.option("--project", "projects", multiple=True, metavar="NAME", help="Only for this project; repeatable."),
        click.option("--batch", "batches", multiple=True, metavar="NAME", help="Only of this batch; repeatable."),
        *(_TAG, search_option("name, user, project, type or batch")),
    )
    return _with(options, cast("F", collected))


def choosing_workers(function: F) -> F:
    """The same for workers."""

    @wraps(function)
    def collected(
        *args: Any,
        all_matching: bool,
        dry_run: bool,
        statuses: frozenset[ShownWorkerStatus],
        tag_words: tuple[str, ...],
        text: str,
        **more: Any,
    ) -> Any:
        chosen = Chosen(
            all_matching=all_matching, dry_run=dry_run, words={"status": sorted(statuses), "q": text}, tags=tag_words
        )
        return function(*args, chosen=chosen, **more)

    options = (_ALL_MATCHING, _DRY_RUN, status_option(ShownWorkerStatus), _TAG, search_option("name or address"))
    return _with(options, cast("F", collected))


def _with(options: Sequence[Callable[[Any], Any]], function: F) -> F:
    for option in reversed(options):
        function = option(function)
    return function
