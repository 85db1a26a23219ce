"""Asking before something goes for good."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from flamenco.domain.errors import Refused
from flamenco.domain.visible import visible_lines

F = TypeVar("F", bound=Callable[..., Any])


def yes_option(function: F) -> F:
    """Add `--yes`, given to the function as `sure: bool`."""
    return click.option("-y", "--yes", "sure", is_flag=True, help="Do it without asking.")(function)


def confirm(what: str, question: str, *, sure: bool) -> None:
    """Say what would be done and ask for a yes, unless it is `sure` already. Raises `Refused` when the answer is no."""
    if sure:
        return
    click.echo(visible_lines(what), err=True)
    try:
        if click.confirm(question, err=True):
            return
    except click.Abort:
        if sys.stdin.isatty():  # Ctrl-C
            raise
        click.echo(err=True)  # the question has no end of line yet
    raise Refused("nothing was deleted; with --yes it is done without asking.")
