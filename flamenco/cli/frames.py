"""`flamenco frames`: running frames of a job again."""

from __future__ import annotations

from collections.abc import Iterator

import click

from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import print_json, print_line
from flamenco.cli.references import find_job
from flamenco.client import FramesAgain, FramesWanted, FrameTask, ManagerClient
from flamenco.domain.frames_again import Mode


@click.command()
@click.argument("reference", metavar="JOB")
@click.argument("wanted", metavar="FRAMES")
@click.option("--split", is_flag=True, help="Not the whole chunks, but a task for each of these frames.")
@click.option("--reason", default="requested on the command line", show_default=True, help="Shown with the tasks.")
@click.option("--dry-run", is_flag=True, help="Change nothing, and say what would be done.")
@manager_option
@json_option
def frames(
    reference: str, wanted: str, reason: str, manager_url: str, *, split: bool, dry_run: bool, as_json: bool
) -> None:
    """Render FRAMES of a JOB again, and what depends on them, such as a video.

    JOB is an ID, the beginning of one, or a name. FRAMES are such as 12,40-48 or 1-100x5. The tasks that have them are
    queued again; with --split, those that have more frames keep the others as they are.

    \b
    Example:
      flamenco frames "Shot 12" 12
      flamenco frames "Shot 12" 12,40-48 --split --dry-run
    """
    asked = FramesWanted(frames=wanted, mode=Mode.SPLIT if split else Mode.REQUEUE, reason=reason, dry_run=dry_run)
    with ManagerClient(manager_url) as client:
        found = client.frames.run_again(find_job(client, reference).id, asked)
    if as_json:
        print_json(found)
        return
    for line in lines_of(found, is_done=not dry_run):
        print_line(line)


def lines_of(found: FramesAgain, *, is_done: bool) -> Iterator[str]:
    """What is said of it."""
    would = "" if is_done else "would be "
    yield from _each(found.requeued, f"{would}queued again, for the frames")
    yield from _each(found.created, f"{would or 'is '}{'new' if is_done else 'split'}, for the frames")
    if found.waiting:
        yield f"{_tasks(found.waiting)} with such frames to be run anyway"
    if found.following:
        yield f"{_tasks(found.following)} {would}queued again, depending on these"
    yield from found.notes


def _each(tasks: list[FrameTask], what: str) -> Iterator[str]:
    for task in tasks:
        yield f"{task.name}: {what} {task.frames}"


def _tasks(count: int) -> str:
    return f"{count} task{'' if count == 1 else 's'}"
