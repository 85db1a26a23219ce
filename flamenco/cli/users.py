"""`flamenco users`: who can sign in. Works on the database itself, so that there can be a first one."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from flamenco.bootstrap import create_farm
from flamenco.cli.configuration import configured
from flamenco.cli.login import asked_password, password_stdin_option
from flamenco.cli.options import ListingGroup, config_option, confirm, data_dir_option, json_option, yes_option
from flamenco.cli.output import print_json, print_line, print_table
from flamenco.domain.access import PEOPLE, Caller, Role, Way
from flamenco.farm import audit
from flamenco.farm import users as farm_users
from flamenco.farm.context import Farm
from flamenco.store import upgrade

_ROLES = tuple(str(role) for role in PEOPLE)
_name = click.argument("name", metavar="NAME")

_ANOTHER = "A manager that has another one knows nobody of this: name its folder by --data-dir, as its user."


@click.group(cls=ListingGroup)
def users() -> None:
    """List those who can sign in, add them, give them roles, and remove them.

    To be run where the manager runs, as the user that it runs as and with its --data-dir, while it runs or not. A role
    is viewer, artist (own jobs), wrangler (all jobs, workers, tags) or admin (settings and users as well).

    \b
    Example:
      sudo -u flamenco /opt/flamenco/bin/flamenco users add anna --role admin --data-dir /srv/flamenco
    """


@contextmanager
def _farm(config_file: Path | None, data_dir: Path | None, operation: str) -> Iterator[Farm]:
    loaded = configured(config_file, data_dir)
    loaded.config.data_dir.mkdir(parents=True, exist_ok=True)
    farm = create_farm(loaded.config, loaded.hooks)
    try:
        if upgrade.usable_revision(farm.store) is None:
            click.echo(f"flamenco: {farm.store.file or repr(farm.store.url)} is a new database. {_ANOTHER}", err=True)
        upgrade.upgrade(farm.store, farm.clock())
        by = Caller(role=Role.ADMIN, way=Way.MACHINE, address="", name=getpass.getuser())
        with audit.acting(by, operation):
            yield farm
    finally:
        farm.close()


@users.command("list")
@config_option
@data_dir_option
@json_option
def list_users(config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """List the users. Without a command, that is what is done.

    \b
    Example:
      flamenco users --data-dir /srv/flamenco
    """
    with _farm(config_file, data_dir, "getUsers") as farm:
        found = farm_users.everybody(farm)
    if as_json:
        print_json([{"name": each.name, "role": each.role, "created": each.created} for each in found])
    elif not found:
        click.echo("Nobody can sign in yet; `flamenco users add NAME --role admin` makes the first one.")
    else:
        print_table(("Name", "Role"), ((each.name, str(each.role)) for each in found))


@users.command()
@_name
@click.option("--role", type=click.Choice(_ROLES), default="artist", show_default=True, help="What they may do.")
@click.option("--no-password", is_flag=True, help="They sign in by a plugin, such as oidc.")
@password_stdin_option
@config_option
@data_dir_option
def add(
    name: str, role: str, config_file: Path | None, data_dir: Path | None, *, no_password: bool, password_stdin: bool
) -> None:
    """Let somebody sign in, with a password that is asked for.

    \b
    Example:
      flamenco users add anna --role admin --data-dir /srv/flamenco
    """
    password = None if no_password else asked_password("Password", from_stdin=password_stdin, confirm=True)
    with _farm(config_file, data_dir, "addUser") as farm:
        user = farm_users.add(farm, name, Role(role), password)
    print_line(f"{user.name} can sign in, with the role {user.role}.")


@users.command()
@_name
@click.argument("role", metavar=f"[{'|'.join(_ROLES)}]", type=click.Choice(_ROLES))
@config_option
@data_dir_option
def role(name: str, role: str, config_file: Path | None, data_dir: Path | None) -> None:
    """Give somebody another role, from the next request on, or within seconds.

    \b
    Example:
      flamenco users role bob wrangler
    """
    with _farm(config_file, data_dir, "changeUser") as farm:
        user = farm_users.change(farm, name, Role(role))
    print_line(f"{user.name} has the role {user.role}.")


@users.command()
@_name
@password_stdin_option
@config_option
@data_dir_option
def password(name: str, config_file: Path | None, data_dir: Path | None, *, password_stdin: bool) -> None:
    """Give somebody another password, with which they sign in anew everywhere.

    \b
    Example:
      flamenco users password anna
    """
    new = asked_password("New password", from_stdin=password_stdin, confirm=True)
    with _farm(config_file, data_dir, "changeUser") as farm:
        farm_users.change(farm, name, password=new)
    print_line(f"{name} has another password.")


@users.command()
@_name
@yes_option
@config_option
@data_dir_option
def remove(name: str, config_file: Path | None, data_dir: Path | None, *, sure: bool) -> None:
    """Let somebody sign in no more; their tokens open nothing either.

    \b
    Example:
      flamenco users remove bob
    """
    confirm(name, "Remove this user?", sure=sure)
    with _farm(config_file, data_dir, "removeUser") as farm:
        farm_users.remove(farm, name)
    print_line(f"{name}: removed")
