"""Settings of a job on the command line: `--set KEY=VALUE`, read as the job type declares them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

import click
import msgspec
import yaml

from flamenco.domain.errors import Refused

F = TypeVar("F", bound=Callable[..., Any])

_READERS: dict[str, tuple[type, str]] = {
    "int32": (int, "a whole number"),
    "float": (float, "a number"),
    "bool": (bool, "true or false"),
}


def set_option(function: F) -> F:
    """Add `--set KEY=VALUE`, given to the function as `settings: tuple[str, ...]`."""
    return click.option(
        "--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the job type; repeatable."
    )(function)


def metadata_option(function: F) -> F:
    """Add `--metadata KEY=VALUE`, given to the function as `metadata: tuple[str, ...]`."""
    return click.option("--metadata", multiple=True, metavar="KEY=VALUE", help="A note kept with the job; repeatable.")(
        function
    )


def priority_option(function: F) -> F:
    """Add `--priority N`, given to the function as `priority: int`."""
    return click.option(
        "--priority", type=click.IntRange(0, 100), default=50, show_default=True, help="Higher comes first."
    )(function)


def settings_file_option(function: F) -> F:
    """Add `--settings FILE`, given to the function as `settings_file: BufferedReader | None`."""
    return click.option(
        "--settings",
        "settings_file",
        type=click.File("rb"),
        metavar="FILE",
        help="Settings from a file of JSON or YAML; - is stdin. Those of --set win.",
    )(function)


def settings_of_file(file: io.BufferedReader | None) -> dict[str, Any]:
    """The settings in a file of JSON or YAML; none without a file. Raises `Refused` when it has something else."""
    if file is None:
        return {}
    try:
        content = yaml.safe_load(file.read().decode("utf-8-sig").replace("\t", " "))  # tabs, which JSON may have
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise Refused(f"{file.name} is neither JSON nor YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(content, dict):
        raise Refused(f"{file.name} has no settings, which are lines like `frames: 1-10`.")
    settings: dict[str, Any] = msgspec.to_builtins(content, str_keys=True)  # dates as they are written
    return settings


def pairs(given: Iterable[str], option: str) -> list[tuple[str, str]]:
    """Key and value of each text. Raises `click.UsageError` naming `option`."""
    found = []
    for text in given:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise click.UsageError(f"{option} {text!r}: write KEY=VALUE.")
        found.append((key, value))
    return found


def read_settings(given: Iterable[str], types: Mapping[str, str]) -> dict[str, Any]:
    """The settings that `--set` gives, as their `types` want them; what is not declared stays text.

    Scripts may know more settings than they declare, so only what looks like a slip is told of, on stderr. Raises
    `click.UsageError`, and `Refused` naming the setting whose value is of another type.
    """
    found = {}
    for key, text in pairs(given, "--set"):
        if key not in types and (near := get_close_matches(key, types, n=1)):
            click.echo(f"flamenco: the job type declares no setting {key!r}; did you mean {near[0]}?", err=True)
        found[key] = _value(types.get(key, "string"), key, text)
    return found


def _value(kind: str, key: str, text: str) -> Any:
    if kind not in _READERS:
        return text
    wanted, words = _READERS[kind]
    try:
        return msgspec.convert(text, wanted, strict=False)
    except msgspec.ValidationError as error:
        raise Refused(f"the setting {key} must be {words}, and not {text!r}.") from error
