"""`flamenco setup`: the first steps of a farm, without a browser."""

from __future__ import annotations

from collections.abc import Iterator

import click

from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import print_fields, print_json, print_line
from flamenco.client import ManagerClient
from flamenco.client.setup import SetUpState

PLATFORMS = ("linux", "windows", "darwin")


@click.command()
@click.option("--storage", metavar="FOLDER", help="The folder that all share, as the manager sees it.")
@click.option("--blender", default="", metavar="COMMAND", help="Blender as workers start it: a command or a path.")
@click.option("--on", "elsewhere", multiple=True, metavar="PLATFORM=FOLDER", help="Where others have it; repeatable.")
@click.option("--trial-render", is_flag=True, help="Have one frame rendered, which shows whether all of it works.")
@manager_option
@json_option
def setup(
    storage: str | None,
    blender: str,
    elsewhere: tuple[str, ...],
    manager_url: str,
    *,
    trial_render: bool,
    as_json: bool,
) -> None:
    """Set a farm up: where its files go, and what renders. Without options, say how far that is.

    All of it is tried by the manager before anything is written into its configuration file, with which it then starts
    anew. PLATFORM is linux, windows or darwin.

    \b
    Example:
      flamenco setup --storage /mnt/farm --on 'windows=F:\\' --blender /opt/blender/blender
      flamenco setup --trial-render
    """
    if not storage and (blender or elsewhere):
        raise click.UsageError("Say where the files go too: --storage FOLDER.")
    if storage and trial_render:
        raise click.UsageError("Set it up first; with --trial-render alone, the manager renders with what it has then.")
    paths = dict(map(_pair, elsewhere))
    with ManagerClient(manager_url) as client:
        if storage:
            client.setup.set_up(storage, blender, paths)
            print_line(f"{manager_url}: starts anew with {storage}")
        elif trial_render:
            job = client.setup.trial_render()
            if as_json:
                print_json(job)
            else:
                print_line(f"Job {job.id} renders a frame into {job.folder}; `flamenco job {job.id}` says how it goes.")
        elif as_json:
            print_json(client.setup.state())
        else:
            print_fields(_told(client.setup.state()))


def _told(state: SetUpState) -> Iterator[tuple[str, str]]:
    yield "storage", state.storage or "nobody has chosen one: flamenco setup --storage FOLDER"
    yield "file", state.file
    yield "platform", state.platform
    for address in state.addresses:
        yield "address", address
    if state.is_alone:
        yield "", "no other machine reaches it: flamenco config set listen=:8080, and start it anew"


def _pair(text: str) -> tuple[str, str]:
    platform, _, folder = text.partition("=")
    if platform not in PLATFORMS or not folder:
        raise click.UsageError(f"--on {text!r}: write PLATFORM=FOLDER, with one of {', '.join(PLATFORMS)}.")
    return platform, folder
