"""`flamenco tokens`: what programs show instead of a password."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from flamenco.cli.options import ListingGroup, json_option, manager_option
from flamenco.cli.output import age, print_json, print_line, print_table
from flamenco.client import ManagerClient
from flamenco.domain.access import PEOPLE, PROGRAMS, Role

_ROLES = tuple(str(role) for role in (*PROGRAMS, *PEOPLE))


@click.group(cls=ListingGroup)
def tokens() -> None:
    """List tokens, make and revoke them. Yours; with the role admin, all.

    A token has a role: submit (jobs, and one's own alone), view (look at everything), register (become a worker), or
    one of people.

    \b
    Example:
      flamenco tokens add "render nodes" --role register
    """


@tokens.command("list")
@manager_option
@json_option
def list_tokens(manager_url: str, *, as_json: bool) -> None:
    """List the tokens. Without a command, that is what is done.

    \b
    Example:
      flamenco tokens --json | jq -r '.[].name'
    """
    with ManagerClient(manager_url) as client:
        found = client.access.tokens()
    if as_json:
        print_json(found)
    elif not found:
        click.echo("There are no tokens yet; make one with `flamenco tokens add`.")
    else:
        now = datetime.now(UTC)
        rows = (
            (
                each.id,
                each.name,
                str(each.role),
                each.user or "the farm",
                f"{age(each.last_used, now)} ago" if each.last_used else "never",
                _expiry(each.expires or None, now),
            )
            for each in found
        )
        print_table(("ID", "Name", "Role", "Of", "Last used", "Good until"), rows)


def _expiry(expires: datetime | None, now: datetime) -> str:
    if expires is None:
        return "for ever"
    return "expired" if expires <= now else expires.isoformat(" ", "minutes")


@tokens.command()
@click.argument("name", metavar="NAME")
@click.option("--role", type=click.Choice(_ROLES), help="What it may do.  [default: what you may]")
@click.option("--days", type=click.IntRange(1, 36_500), help="How many days it is good for.  [default: for ever]")
@click.option("--user", default="", metavar="USER", help="Make it for somebody else; for those with the role admin.")
@manager_option
@json_option
def add(name: str, role: str | None, days: int | None, user: str, manager_url: str, *, as_json: bool) -> None:
    """Make a token, and print it, this once. NAME says what it is for.

    \b
    Example:
      flamenco tokens add "Gaffer" --role submit --days 365
    """
    with ManagerClient(manager_url) as client:
        made = client.access.add_token(name, Role(role) if role else None, days, user)
    if as_json:
        print_json(made)
        return
    click.echo(made.text)
    print_line(
        f"Send it as `Authorization: Bearer …`, or put {made.path[:20]}…/ behind the manager's address where a program "
        "knows nothing else. It is not shown again.",
        err=True,
    )


@tokens.command()
@click.argument("token_ids", metavar="ID...", nargs=-1, required=True)
@manager_option
@json_option
def revoke(token_ids: tuple[str, ...], manager_url: str, *, as_json: bool) -> None:
    """Have tokens open nothing any more; everywhere within ten seconds.

    \b
    Example:
      flamenco tokens revoke 0a1b2c3d4e5f
    """
    with ManagerClient(manager_url) as client:
        for token_id in token_ids:
            client.access.revoke_token(token_id)
            if not as_json:
                print_line(f"{token_id}: revoked")
    if as_json:
        print_json([{"id": token_id} for token_id in token_ids])
