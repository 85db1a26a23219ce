"""`flamenco sinks`: whether events get where they should, and what becomes of those that did not."""

from __future__ import annotations

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flamenco.cli.options import json_option, manager_option
from flamenco.cli.output import print_line
from flamenco.client import ManagerClient
from flamenco.domain.visible import visible

_keys = click.argument("keys", metavar="[KEY]...", nargs=-1, type=click.IntRange(min=1, max=2**63 - 1))
_sink = click.argument("sink", metavar="SINK")


@click.group()
def sinks() -> None:
    """Watch event sinks, and see to the events that were given up.

    \b
    Example:
      flamenco sinks list
    """


@sinks.command("list")
@manager_option
@json_option
def list_sinks(manager_url: str, *, as_json: bool) -> None:
    """List the event sinks with how many events wait for each, and how many were given up.

    \b
    Example:
      flamenco sinks list --json | jq '.[] | select(.failures > 0)'
    """
    with ManagerClient(manager_url) as client:
        found = client.sinks()
    if as_json:
        click.echo(msgspec.json.encode(found))
    elif not found:
        click.echo("There are no event sinks; plugins bring them, such as `webhooks` and `event_log`.")
    else:
        table = Table("Name", "Waiting", "Dead", "Failures", "Error", box=None)
        for state in found:
            table.add_row(
                escape(visible(state.name)),
                str(state.waiting),
                str(state.dead),
                str(state.failures),
                escape(visible(state.error)),
            )
        Console(highlight=False).print(table)


@sinks.command()
@click.argument("sink", metavar="[SINK]", required=False)
@manager_option
@json_option
def dead(sink: str | None, manager_url: str, *, as_json: bool) -> None:
    """List the events that were given up, the newest 100 of each sink, or of SINK alone.

    \b
    Example:
      flamenco sinks dead webhooks.chat
    """
    with ManagerClient(manager_url) as client:
        found = [letter for letter in client.dead_letters() if sink in (None, letter.sink)]
    if as_json:
        click.echo(msgspec.json.encode(found))
    elif not found:
        click.echo("No events were given up.")
    else:
        table = Table("Key", "Sink", "Event", "Topic", "Died", "Attempts", "Error", box=None)
        for letter in found:
            error = f"(to be tried again) {letter.error}" if letter.retry else letter.error
            table.add_row(
                str(letter.key),
                escape(visible(letter.sink)),
                str(letter.event_id),
                letter.topic,
                letter.died,
                str(letter.attempts),
                escape(visible(error)),
            )
        Console(highlight=False).print(table)


@sinks.command()
@_sink
@_keys
@manager_option
def retry(sink: str, keys: tuple[int, ...], manager_url: str) -> None:
    """Deliver events of SINK that were given up after all: those with these KEYs, or all of them.

    \b
    Example:
      flamenco sinks retry webhooks.chat
    """
    with ManagerClient(manager_url) as client:
        count = client.retry_dead_letters(sink, keys)
    print_line(f"{sink}: {count} to be delivered again")


@sinks.command()
@_sink
@_keys
@manager_option
def discard(sink: str, keys: tuple[int, ...], manager_url: str) -> None:
    """Forget events of SINK that were given up: those with these KEYs, or all of them.

    \b
    Example:
      flamenco sinks discard webhooks.chat 17 18
    """
    with ManagerClient(manager_url) as client:
        count = client.discard_dead_letters(sink, keys)
    print_line(f"{sink}: {count} discarded")
