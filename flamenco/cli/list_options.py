"""Options of commands that show long lists: searching, sorting, and how much of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_LEAST: Final = 1


def search_option(what: str) -> Callable[[F], F]:
    """Add `--search TEXT`, given to the function as `text: str`."""
    return click.option(
        "--search", "text", default="", metavar="TEXT", help=f"Only those with TEXT in {what}, in any case."
    )


def sort_option(orders: Iterable[str], default: str) -> Callable[[F], F]:
    """Add `--sort ORDER`, given to the function as `sort: str`: one of `orders`, maybe with a minus before it."""
    names = list(orders)
    return click.option(
        "--sort",
        default=default,
        show_default=True,
        metavar="ORDER",
        callback=lambda _context, _option, given: _order(given, names),
        help=f"By {', '.join(names[:-1])} or {names[-1]}; a minus before it turns the order round.",
    )


def _order(given: str, names: list[str]) -> str:
    if given.removeprefix("-") not in names:
        raise click.BadParameter(f"{given!r} is none of {', '.join(names)}.")
    return given


def limit_option(default: int | None = None) -> Callable[[F], F]:
    """Add `--limit N`, given to the function as `limit: int | None`, None for all."""
    return click.option(
        "--limit",
        type=click.IntRange(_LEAST),
        default=default,
        show_default=default is not None,
        metavar="N",
        help="At most N." if default is not None else "At most N; all otherwise.",
    )


def tell_of_more(shown: int, total: int) -> None:
    """Say on stderr that a list was cut off."""
    if shown < total:
        click.echo(f"These are {shown} of {total}; --limit shows as many as you like.", err=True)
