"""`flamenco login`, `logout` and `connect`: say to a manager who one is, and let Blender say so."""

from __future__ import annotations

import sys

import click

from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import print_json, print_line
from flamenco.client import ManagerClient
from flamenco.client.addresses import split_key
from flamenco.client.stored_tokens import store_token
from flamenco.domain.access import Role, token_in
from flamenco.domain.errors import Refused

password_stdin_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input, its first line."
)


def asked_password(prompt: str, *, from_stdin: bool, confirm: bool = False) -> str:
    """The password that somebody types, or that comes on standard input."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    password: str = click.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True)
    return password


@click.command()
@click.argument("url", metavar="URL")
@click.option("--name", metavar="NAME", help="Who you are to the manager; asked for where it is missing.")
@click.option("--token-stdin", is_flag=True, help="Read a token from standard input, and keep that.")
@click.option("--days", type=click.IntRange(1, 36_500), default=90, show_default=True, help="How long it is good for.")
@password_stdin_option
def login(url: str, name: str | None, days: int, *, token_stdin: bool, password_stdin: bool) -> None:
    """Sign in at a manager, for all commands that ask it from now on.

    What is stored is a token of your own, for you alone to read; `flamenco tokens` lists it, and revokes it.

    \b
    Example:
      flamenco login http://farm:8080 --name anna
    """
    if token_stdin:
        text = sys.stdin.readline().strip()
        if token_in(text) is None:
            raise Refused("that is no token; it begins with flt_.")
        with ManagerClient(url, token=text) as client:
            me, stored = client.access.me(), text
    else:
        name = name or click.prompt("Name", err=True)
        password = asked_password("Password", from_stdin=password_stdin)
        with ManagerClient(url, token="") as client:
            client.access.sign_in(str(name), password)
            me = client.access.me()
            stored = client.access.add_token("flamenco login", days=days).text
            client.access.sign_out()
    file = store_token(client.url, stored)
    print_line(f"Signed in at {client.url} as {me.name}, with the role {me.role}; kept in {file}.")


@click.command()
@manager_option
def logout(manager_url: str) -> None:
    """Forget who one is to a manager, and revoke the token that was stored for it.

    \b
    Example:
      flamenco logout --manager http://farm:8080
    """
    with ManagerClient(manager_url) as client:
        token = token_in(client.token)
        if token is None:
            raise Refused(f"you are not signed in at {client.url}.")
        store_token(client.url, "")
        client.access.revoke_token(token.id)
    print_line(f"Signed out at {client.url}.")


@click.command()
@click.option("--days", type=click.IntRange(1, 36_500), default=365, show_default=True, help="How long it is good for.")
@manager_option
@json_option
def connect(days: int, manager_url: str, *, as_json: bool) -> None:
    """Print the address of the manager for Blender's add-on, with a key of your own in it.

    Put it into the add-on's preferences. The key lets one submit and steer one's own jobs, and nothing else.

    \b
    Example:
      flamenco connect --manager http://farm:8080
    """
    with ManagerClient(manager_url) as client:
        made = client.access.add_token("Blender", Role.SUBMIT, days)
        address = f"{split_key(client.url)[0].rstrip('/')}{made.path}"
    if as_json:
        print_json({"url": address, "token": made.token})
    else:
        click.echo(address)
