"""Which service a command line means: its options, and what follows from them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import click

from flamenco.cli.configuration import configure
from flamenco.cli.service.description import Kind, Service
from flamenco.config.paths import CONFIG_FILE_NAME, flamenco_home
from flamenco.domain.errors import Refused

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
_USER: Final = re.compile(r"[\w.@\\-]{1,100}")


def naming_one(function: Callable[..., None]) -> Callable[..., None]:
    """Add what says which service is meant, given to the function as `wanted: Service`; what it runs is not asked."""

    @wraps(function)
    def with_service(kind: str, name: str | None, *, of_user: bool, **others: Any) -> None:
        chosen = Kind(kind)
        wanted = Service(
            kind=chosen, name=_checked_name(chosen, name), command=(), folder=Path.cwd(), is_of_user=of_user
        )
        function(wanted, **others)

    return _named(with_service)


def describing_one(function: Callable[..., None]) -> Callable[..., None]:
    """Add all that says what a service runs, and how, given to the function as `wanted: Service`."""

    @wraps(function)
    def with_service(
        kind: str,
        name: str | None,
        arguments: Sequence[str],
        *,
        of_user: bool,
        run_as: str,
        folder: Path | None,
        **others: Any,
    ) -> None:
        chosen = Kind(kind)
        wanted = _described(chosen, arguments, folder, name=name, run_as=run_as, of_user=of_user)
        function(wanted, **others)

    run_as = click.option("--run-as", metavar="USER", default="", help="Run it as USER and not as the administrator.")
    folder = click.option(
        "--folder",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="DIR",
        help="Start it in DIR, where it finds its settings.  [default: its data directory]",
    )
    arguments = click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- ARGUMENTS]")
    return run_as(folder(_named(arguments(with_service))))


def _named(function: Callable[..., None]) -> Callable[..., None]:
    name_help = "Call it NAME, where there are several.  [default: flamenco-KIND]"
    user_help = "Of this user, while signed in; needs no administrator."
    name = click.option("--name", metavar="NAME", help=name_help)
    of_user = click.option("--user", "of_user", is_flag=True, help=user_help)
    kind = click.argument("kind", type=click.Choice([each.value for each in Kind]))
    return kind(name(of_user(function)))


def _checked_name(kind: Kind, name: str | None) -> str:
    chosen = f"flamenco-{kind}" if name is None else name
    if not _NAME.fullmatch(chosen):
        raise Refused(f"{chosen!r} cannot be the name: small letters, digits and hyphens, at most 63 of them.")
    return chosen


def _described(
    kind: Kind, arguments: Sequence[str], folder: Path | None, *, name: str | None, run_as: str, of_user: bool
) -> Service:
    """What is to run, with full paths. Raises `Refused`, and `ConfigError` for a manager that could not start."""
    if run_as and not _USER.fullmatch(run_as):
        raise Refused(f"{run_as!r} cannot be the name of a user.")
    if run_as and of_user:
        raise Refused("A service of this user runs as this user: leave out --run-as or --user.")
    writes, home = _places(kind, arguments)
    return Service(
        kind=kind,
        name=_checked_name(kind, name),
        command=(sys.executable, "-m", "flamenco", kind.value, *arguments),
        folder=(folder or home).absolute(),
        writes=writes,
        run_as=run_as,
        is_of_user=of_user,
    )


def _places(kind: Kind, arguments: Sequence[str]) -> tuple[tuple[Path, ...], Path]:
    """Where it has to write, and where it is at home, by the options that it will be given."""
    data_dir, config_file = (
        Path(given) if (given := _option(arguments, option)) else None for option in ("--data-dir", "--config")
    )
    if kind is Kind.WORKER:
        home = data_dir or flamenco_home()
        return (home.absolute(),), home
    loaded = configure(config_file, data_dir, without_broken=True)
    config = loaded.config
    found = [config.data_dir, config.shared_path, (loaded.file or config.data_dir / CONFIG_FILE_NAME).parent]
    return tuple(dict.fromkeys(path.absolute() for path in found)), config.data_dir


def _option(arguments: Sequence[str], name: str) -> str | None:
    for word, following in zip_longest(arguments, arguments[1:]):
        if word == name:
            return following
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None
