"""`flamenco service`: have the system keep a manager or a worker running, from the start of the machine."""

from __future__ import annotations

from pathlib import Path

import click

from flamenco.cli.options import confirm, json_option, yes_option
from flamenco.cli.output import print_json
from flamenco.cli.service import systems
from flamenco.cli.service.choosing import describing_one, naming_one
from flamenco.cli.service.description import Kind, Service
from flamenco.cli.service.doing import run, told, write
from flamenco.cli.service.needs import check_user, make_folder
from flamenco.domain.errors import Refused


@click.group()
def service() -> None:
    """Have this machine keep a manager or a worker running, from its start: by systemd, launchd, or a scheduled task.

    \b
    Example:
      sudo flamenco service install manager --run-as flamenco -- --data-dir /srv/flamenco
      flamenco service install worker --user -- --manager http://farm:8080
      flamenco service status worker --user
    """


@service.command()
@describing_one
def show(wanted: Service) -> None:
    """Print what `install` would write, and change nothing.

    \b
    Example:
      flamenco service show worker --user -- --manager http://farm:8080
    """
    try:
        system = systems.here(of_user=wanted.is_of_user)
    except Refused as reason:
        click.echo(f"flamenco: {reason} This is what systemd would be given:", err=True)
        system = systems.linux(of_user=wanted.is_of_user)
    click.echo(system.text(wanted), nl=False)


@service.command()
@describing_one
@yes_option
def install(wanted: Service, *, sure: bool) -> None:
    """Write what the system needs, show it first, and start it. What was installed by that name is replaced.

    What follows `--` goes to `flamenco manager` or `flamenco worker`.

    \b
    Example:
      sudo flamenco service install manager --run-as flamenco -- --data-dir /srv/flamenco
    """
    system = systems.here(of_user=wanted.is_of_user)
    check_user(wanted)
    file, text = system.file(wanted), system.text(wanted)
    click.echo(f"{file}:\n\n{text}", err=True)
    if not wanted.run_as and not wanted.is_of_user and wanted.kind is Kind.MANAGER:
        click.echo("flamenco: it will run as the administrator; a user of its own is safer: --run-as USER.", err=True)
    commands = [system.filled(command, wanted) for command in system.install]
    told_then = "; ".join(" ".join(command) for command in commands)
    made = "" if Path(wanted.folder).is_dir() else f"make {wanted.folder}; "
    confirm(f"Then: {made}{told_then}", "Write and run this?", sure=sure, undone="nothing was installed")
    make_folder(wanted)
    if file.exists() and system.is_read_once:
        run(system.filled(system.uninstall[0], wanted), must_do=False)
    write(file, text, system.encoding)
    for command in commands:
        run(command)
    click.echo(f"{wanted.title} runs. Its log: {system.logs.format(name=system.service_name(wanted))}")


@service.command()
@naming_one
@yes_option
def uninstall(wanted: Service, *, sure: bool) -> None:
    """Stop it, and take away what `install` has written. Data and settings stay.

    \b
    Example:
      sudo flamenco service uninstall worker
    """
    system = systems.here(of_user=wanted.is_of_user)
    file = system.file(wanted)
    if not file.exists():
        raise Refused(f"There is no {file}: nothing of that name was installed. See --name and --user.")
    confirm(f"This stops {wanted.title} and deletes {file}.", "Do that?", sure=sure)
    for command in system.uninstall:
        run(system.filled(command, wanted), must_do=False)
    file.unlink()
    click.echo(f"{wanted.title} is gone. Its data is where it was.")


@service.command()
@naming_one
@json_option
def status(wanted: Service, *, as_json: bool) -> None:
    """Say whether it is installed, and what the system says of it. Exit code 1 when it does not run.

    \b
    Example:
      flamenco service status manager
    """
    system = systems.here(of_user=wanted.is_of_user)
    is_installed = system.file(wanted).exists()
    done = told(system.filled(system.status, wanted)) if is_installed else None
    if as_json:
        said = "" if done is None else done.stdout
        print_json({"installed": is_installed, "running": done is not None and not done.returncode, "said": said})
    elif done is None:
        click.echo(f"There is no {system.file(wanted)}: {wanted.title} is not installed. See --name and --user.")
    else:
        click.echo(done.stdout + done.stderr, nl=False)
    if done is None or done.returncode:
        raise click.exceptions.Exit(1)
