"""`flamenco workers`: who works on the farm, on what, and what they are asked to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
from msgspec import to_builtins
from rich.text import Text

from flamenco.cli.acting import Doing, Told, act_on_matching, act_on_named, simply
from flamenco.cli.choosing import Chosen, choosing_workers
from flamenco.cli.list_options import limit_option, search_option, sort_option, tell_of_more
from flamenco.cli.notes import note_on_workers, noted
from flamenco.cli.options import ListingGroup, confirm, json_option, manager_option, status_option, yes_option
from flamenco.cli.output import age, print_fields, print_json, print_line, print_table, short_ids, styled
from flamenco.cli.put_away import bring_back, put_away
from flamenco.cli.references import find_tags, find_workers
from flamenco.cli.worker_health import heal
from flamenco.cli.worker_schedule import schedule
from flamenco.cli.worker_tasks import worker_tasks
from flamenco.cli.worker_times import worker_times
from flamenco.client import (
    ListedWorker,
    ManagerClient,
    ShownWorkerStatus,
    StatusChange,
    TaskOfWorker,
    Worker,
    WorkerRow,
)
from flamenco.domain.actions import WorkerAction
from flamenco.domain.errors import Refused
from flamenco.domain.statuses import WorkerStatus
from flamenco.worker.credentials import Credentials, save

NOTHING: Final = "nothing"
"""What a worker is asked for of which everything is taken back."""

ACTIONS: Final = {
    str(WorkerStatus.AWAKE): WorkerAction.WAKEUP,
    str(WorkerStatus.ASLEEP): WorkerAction.SLEEP,
    str(WorkerStatus.OFFLINE): WorkerAction.SHUTDOWN,
    str(WorkerStatus.RESTART): WorkerAction.RESTART,
    NOTHING: WorkerAction.CANCEL_REQUEST,
}
"""What is done, by what workers are asked for."""

REQUESTS: Final = tuple(ACTIONS)


class ShownWorker(ListedWorker, frozen=True, kw_only=True):
    """A worker, the task that it is on, and what people should know about it."""

    task: TaskOfWorker | None
    warning: str = ""


@click.group(cls=ListingGroup)
def workers() -> None:
    """List the workers, ask them to sleep, to wake up or to go, and forget them.

    WORKER is an ID, the beginning of one, or a name.

    \b
    Example:
      flamenco workers
      flamenco workers request render-07 asleep
    """


workers.add_command(schedule)
workers.add_command(worker_tasks)
workers.add_command(worker_times)
workers.add_command(note_on_workers)
workers.add_command(put_away)
workers.add_command(bring_back)
workers.add_command(heal)


ORDERS = ("name", "status", "last_seen", "version", "platform", "address", "created")


@workers.command("list")
@status_option(ShownWorkerStatus)
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only workers with this tag; repeatable.")
@click.option("--put-away", "away", is_flag=True, help="Those that are put away, and no others.")
@search_option("their name or address")
@sort_option(ORDERS, "name")
@limit_option()
@manager_option
@json_option
def list_workers(
    statuses: frozenset[ShownWorkerStatus], limit: int | None, manager_url: str, *, as_json: bool, **asked: Any
) -> None:
    """List the workers with the task that each of them runs. Without a command, that is what is done.

    \b
    Example:
      flamenco workers --manager http://farm:8080
      flamenco workers --status error,offline --sort -last_seen
    """
    with ManagerClient(manager_url) as client:
        tags = [tag.id for tag in find_tags(client, asked["tags"])]
        query = {"status": sorted(statuses), "tag": tags, "q": asked["text"], "sort": asked["sort"]}
        query |= {"put_away": "true"} if asked["away"] else {}
        listed = client.lists.workers(limit, query)
    found = [_shown(worker) for worker in listed.entries]
    if as_json:
        print_json(found)
    elif found:
        _print_workers(found)
        tell_of_more(len(found), listed.total)
    elif statuses or tags or asked["text"] or asked["away"]:
        click.echo("No worker is like that; `flamenco workers` lists them.")
    else:
        click.echo("There are no workers yet; start one with `flamenco worker`.")


def _shown(worker: WorkerRow) -> ShownWorker:
    """The worker in the words that the command has always had for it."""
    task, wish = worker.task, worker.requested
    return ShownWorker(
        id=worker.id,
        name=worker.name,
        status=worker.status.stored,
        version=worker.version,
        can_restart=worker.can_restart,
        status_change=StatusChange(wish.status, wish.is_lazy) if wish else None,
        last_seen=worker.last_seen,
        task=TaskOfWorker(id=task.id, name=task.name, job_id=task.job_id) if task else None,
        warning=worker.warning,
    )


def _print_workers(found: Sequence[ShownWorker]) -> None:
    short = short_ids([worker.id for worker in found])
    now = datetime.now(UTC)
    print_table(WORKER_TITLES, (worker_row(worker, short[worker.id], now) for worker in found))
    for worker in found:
        if worker.warning:
            print_line(f"{worker.name}: {worker.warning}", err=True)


WORKER_TITLES = ("ID", "Status", "Last seen", "Version", "Name", "Task")


def worker_row(worker: ShownWorker, short_id: str, now: datetime) -> tuple[str | Text, ...]:
    """A worker as a row of the list."""
    seen = f"{age(worker.last_seen, now)} ago" if worker.last_seen else "never"
    status = status_of(worker.status, worker.status_change)
    return short_id, status, seen, worker.version, worker.name, worker.task.name if worker.task else ""


def status_of(status: WorkerStatus, change: StatusChange | None) -> Text:
    """The status of a worker, and the one that it is asked to take."""
    wanted = f" → {change.status}{' after its task' if change.is_lazy else ''}" if change else ""
    return styled(status, wanted)


@workers.command()
@click.argument("reference", metavar="WORKER")
@manager_option
@json_option
def show(reference: str, manager_url: str, *, as_json: bool) -> None:
    """Show all about a worker: its task types, its tags, its last task.

    \b
    Example:
      flamenco workers show render-07
    """
    with ManagerClient(manager_url) as client:
        found = client.workers.get(find_workers(client, [reference], put_away=True)[0].id)
        more = client.lists.worker(found.id)
        warning = next((each.warning for each in client.overview().workers if each.id == found.id), "")
    if as_json:
        print_json({**to_builtins(found), "warning": warning, "put_away": more.put_away, "note": more.note})
    else:
        print_fields((*worker_fields(found), *_said(more)))
        if warning:
            click.echo(f"{found.name}: {warning}", err=True)


def _said(worker: WorkerRow) -> Iterator[tuple[str, str]]:
    if worker.put_away:
        yield "put away", worker.put_away.isoformat(" ", "seconds")
    if worker.note:
        yield "note", noted(worker.note)


def worker_fields(worker: Worker) -> Iterator[tuple[str, str | Text]]:
    """All about a worker, as names and what they are."""
    yield "name", worker.name
    yield "id", worker.id
    yield "status", status_of(worker.status, worker.status_change)
    yield "last seen", worker.last_seen.isoformat(" ", "seconds") if worker.last_seen else "never"
    yield "address", worker.ip_address
    yield "platform", worker.platform
    yield "version", worker.version
    yield "can restart", "yes" if worker.can_restart else "no"
    yield "task types", ", ".join(worker.supported_task_types)
    yield "tags", ", ".join(tag.name for tag in worker.tags)
    if worker.task:
        yield "task", f"{worker.task.name} ({worker.task.status}) of job {worker.task.job_id}"


@workers.command()
@click.argument("references", metavar="WORKER...", nargs=-1)
@click.argument("status", metavar=f"[{'|'.join(REQUESTS)}]", type=click.Choice(REQUESTS))
@click.option("--now", is_flag=True, help="At once: its task is stopped, and given to another worker.")
@choosing_workers
@manager_option
@json_option
def request(
    references: tuple[str, ...], status: str, chosen: Chosen, manager_url: str, *, now: bool, as_json: bool
) -> None:
    """Ask workers to go to a status, when they are done with their task or --now; or for nothing any more.

    \b
    Example:
      flamenco workers request render-07 render-08 asleep
      flamenco workers request render-07 restart --now
      flamenco workers request offline --all-matching --tag gpu --dry-run
      flamenco workers request render-07 nothing
    """
    chosen.check(references, "Which worker? `flamenco workers` lists them; the status comes after it.")
    action = ACTIONS[status]
    doing = Doing(things="workers", action=action, arguments={} if status == NOTHING else {"lazy": not now})
    with ManagerClient(manager_url) as client:
        if chosen.all_matching:
            act_on_matching(client, doing, chosen, as_json=as_json)
            return
        found = find_workers(client, references)
        unable = [worker.name for worker in found if not worker.can_restart]
        if action is WorkerAction.RESTART and unable:
            raise Refused(f"{', '.join(unable)} cannot restart; ask for `offline`, and start it again where it runs.")
        act_on_named(client, doing, found, partial(_as_asked, client), chosen, as_json=as_json)


def _as_asked(client: ManagerClient, worker: ListedWorker, refused: str) -> Told:
    seen = client.workers.get(worker.id)
    record = {"id": seen.id, "name": seen.name, "status": seen.status, "status_change": seen.status_change}
    if refused:
        return Told(refused, {**record, "refused": refused}, refused=True)
    return Told(str(status_of(seen.status, seen.status_change)), record)


@workers.command()
@click.argument("references", metavar="WORKER...", nargs=-1, required=True)
@click.option("--code", metavar="DIGITS", help="The six digits that the worker has printed; others refuse it.")
@yes_option
@manager_option
@json_option
def approve(references: tuple[str, ...], code: str | None, manager_url: str, *, sure: bool, as_json: bool) -> None:
    """Let workers work that have registered and wait for it.

    Shows where each of them is, and the six digits that it printed when it registered, and asks whether they are the
    same; anybody could give their program the name of your worker. For scripts there are --code and --yes.

    \b
    Example:
      flamenco workers approve render-07
      flamenco workers approve render-07 --code 123456
    """
    with ManagerClient(manager_url) as client:
        found = find_workers(client, references)
        introduced = _introduced(client, [worker.id for worker in found])
        if code is not None:
            _check_code(introduced, code)
        else:
            question = "Did it print the same digits?" if len(found) == 1 else "Did each print the same digits?"
            confirm("\n".join(introduced), question, sure=sure, undone="nobody was approved")
        for worker in found:
            client.access.approve_worker(worker.id)
            if not as_json:
                print_line(f"{worker.name}: approved")
    if as_json:
        print_json([{"id": worker.id, "name": worker.name} for worker in found])


def _introduced(client: ManagerClient, ids: Sequence[str]) -> list[str]:
    """Who each of them is, with the digits that it has printed if it waits for approval."""
    warnings = {worker.id: worker.warning for worker in client.overview().workers}
    found = [client.workers.get(worker_id) for worker_id in ids]
    return [f"{each.name} at {each.ip_address}: {warnings.get(each.id) or 'waits for nothing'}" for each in found]


def _check_code(introduced: Sequence[str], code: str) -> None:
    """Raises `Refused` unless that is what the one worker has printed."""
    if len(introduced) != 1:
        raise Refused("each worker has a code of its own: with --code, approve one at a time.")
    if _digits(code) != _digits(introduced[0].rpartition(": ")[2]) or not _digits(code):
        raise Refused(f"that is not its code, so it was not approved; {introduced[0]}")


def _digits(text: str) -> str:
    return "".join(each for each in text if each.isdecimal())


@workers.command()
@click.argument("name", metavar="NAME")
@click.option(
    "--platform", type=click.Choice(("linux", "windows", "darwin")), default="linux", show_default=True, help="Of it."
)
@click.option(
    "--credentials",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    default="flamenco-worker-credentials.yaml",
    show_default=True,
    metavar="FILE",
    help="Where to write what the worker says who it is with; it goes into its data directory.",
)
@manager_option
def add(name: str, platform: str, file: Path, manager_url: str) -> None:
    """Make a worker that need not register, and write its credentials into a file, for our workers or Flamenco's.

    \b
    Example:
      flamenco workers add render-07
    """
    if file.exists():
        raise Refused(f"there is a file {file} already; name another one with --credentials.")
    with ManagerClient(manager_url) as client:
        made = client.access.add_worker(name, platform)
    save(file, Credentials(made.worker_id, made.secret))
    print_line(f"{made.name}: its credentials are in {file}; put that into the worker's data directory.")


@workers.command()
@click.argument("references", metavar="WORKER...", nargs=-1)
@choosing_workers
@yes_option
@manager_option
@json_option
def delete(references: tuple[str, ...], chosen: Chosen, manager_url: str, *, sure: bool, as_json: bool) -> None:
    """Forget workers. A task that one of them runs is given to another; its credentials are worth nothing any more.

    \b
    Example:
      flamenco workers delete old-laptop
      flamenco workers delete --all-matching --status error --yes
    """
    chosen.check(references, "Which worker? `flamenco workers` lists them.")
    doing = Doing(things="workers", action=WorkerAction.REMOVE)
    with ManagerClient(manager_url) as client:
        if chosen.all_matching:
            act_on_matching(client, doing, chosen, as_json=as_json, sure=sure)
            return
        found = find_workers(client, references, put_away=True)
        if not chosen.dry_run:
            what = "\n".join(f"{worker.id}  {worker.name} ({worker.status})" for worker in found)
            confirm(what, f"Forget {'this worker' if len(found) == 1 else f'these {len(found)} workers'}?", sure=sure)
        act_on_named(client, doing, found, partial(simply, "deleted"), chosen, as_json=as_json)
