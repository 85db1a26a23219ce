"""Changes single settings in what a configuration file says, by their dotted keys; each value is checked first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from flamenco.config.declared import to_plain
from flamenco.config.plugins import PREFIX
from flamenco.config.validation import nearest_key
from flamenco.domain.errors import ConfigError
from flamenco.domain.variables import problem_with
from flamenco.hooks.setting import Setting

VARIABLE = "variables."
"""Beginning of the keys of single variables."""


def setting_of(key: str, settings: Mapping[str, Setting]) -> Setting:
    """The declaration behind a key; a variable, `variables.NAME`, is a part of one. Raises `ConfigError`."""
    found = settings.get("variables" if key.startswith(VARIABLE) else key)
    if found is None:
        nearest = nearest_key(key, settings)
        hint = f"did you mean {nearest!r}?" if nearest else "`flamenco config describe` has all there are."
        raise ConfigError(f"There is no setting {key!r}; {hint}")
    if key == "plugins":
        raise ConfigError("plugins: is a list or a group, which is written into the file by hand.")
    return found


def changed(content: Mapping[str, Any], settings: Mapping[str, Setting], values: Mapping[str, Any]) -> dict[str, Any]:
    """`content` with other values for some settings: as JSON has them, or as text, as on the command line.

    None takes a setting out of the file. Raises `ConfigError` for a key that nothing has, or a value that cannot be.
    """
    after = dict(content)
    for key, value in values.items():
        setting = setting_of(key, settings)
        _put(after, _path(key), None if value is None else _checked(key, setting, value))
    return after


def _path(key: str) -> Sequence[str]:
    if key.startswith(VARIABLE):
        return ["variables", key.removeprefix(VARIABLE)]
    return key.split(".", 2 if key.startswith(PREFIX) else -1)


def _checked(key: str, setting: Setting, value: Any) -> Any:
    """The value as the file has it."""
    try:
        if key.startswith(VARIABLE):
            name = key.removeprefix(VARIABLE)
            (variable,) = setting.read({name: _structure(value)}).values()
            if problem := problem_with(name, variable):
                raise ConfigError(f"The variable {name!r} {problem}.")
            return to_plain(variable)
        return to_plain(setting.read_text(value) if isinstance(value, str) else setting.read(value))
    except ValueError as error:
        raise ConfigError(f"{key}: {error}.") from error


def _structure(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ValueError(f"{value!r} is not YAML") from error


def _put(group: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Put a value there, or take it away, and with it groups that have nothing else in them."""
    key, *rest = path
    if not rest:
        if value is None:
            group.pop(key, None)
        else:
            group[key] = value
        return
    inner = group.get(key)
    inside = dict.fromkeys(inner) if isinstance(inner, list) else dict(inner) if isinstance(inner, Mapping) else {}
    _put(inside, rest, value)
    if inside:
        group[key] = inside
    elif isinstance(inner, Mapping):
        group.pop(key)
