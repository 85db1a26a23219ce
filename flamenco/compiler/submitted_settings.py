"""Checking the settings of a submission against what the job type declares. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from flamenco.domain.errors import Refused
from flamenco.domain.model import JobType, JobTypeSetting
from flamenco.hooks.parameters import plain_text

_INT32 = range(-(2**31), 2**31)
_WANTED = {"string": "a text", "int32": "a whole number", "float": "a number", "bool": "true or false"}
_LONGEST_SHOWN = 60
_LARGEST_AS_TEXT = 2**63


def numbers_as_texts(job_type: JobType, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, with numbers as texts where the job type declares texts: frames may be given as 47."""
    declared = [setting for setting in job_type.settings or () if setting.type == "string"]
    texts = {name for setting in declared for name in (setting.key, *setting.aliases)}
    return {name: plain_text(value) if name in texts and _is_number(value) else value for name, value in given.items()}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST_AS_TEXT


def checked_settings(job_type: JobType, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings to compile with: aliases replaced by their keys, defaults filled in, types and choices checked.

    Numbers are to be texts already where texts are declared, see `numbers_as_texts`.
    Settings that are not declared stay as they are: scripts may use them, and so may whoever reads the job.
    Raises `Refused`, naming the settings, for required ones that are missing and for a wrong value.
    """
    if absent := missing_settings(job_type, given):
        raise Refused(absent)
    settings = dict(given)
    for setting in job_type.settings or ():
        name = _move_alias(setting, settings)
        if setting.key in settings:
            settings[setting.key] = _checked(setting, name, settings[setting.key])
        elif setting.default is not UNSET:
            settings[setting.key] = setting.default
    return settings


def missing_settings(job_type: JobType, given: Mapping[str, Any]) -> str:
    """A sentence that names every required setting that has neither value nor default; "" when there is none."""
    names = [
        f'"{setting.key}"'
        for setting in job_type.settings or ()
        if setting.required is True and setting.default is UNSET and given.keys().isdisjoint(_names(setting))
    ]
    if not names:
        return ""
    if len(names) == 1:
        return f"setting {names[0]} is missing; job type {job_type.name} requires it"
    return f"settings {', '.join(names)} are missing; job type {job_type.name} requires them"


def _names(setting: JobTypeSetting) -> tuple[str, ...]:
    return (setting.key, *setting.aliases)


def _move_alias(setting: JobTypeSetting, settings: dict[str, Any]) -> str:
    """Store a value given under an alias under the key, which wins. Returns the name the submission used."""
    if setting.key in settings:
        return setting.key
    for alias in setting.aliases:
        if alias in settings:
            settings[setting.key] = settings.pop(alias)
            return alias
    return setting.key


def _checked(setting: JobTypeSetting, name: str, value: object) -> Any:
    """`value` as the setting's type. JSON has one kind of number, so 3.0 is a whole one."""
    match setting.type, value:
        case "string", str():
            _check_choice(setting, name, value)
            return value
        case "bool", bool():
            return value
        case "int32" | "float", bool():
            pass
        case "int32", int() | float() if value == value // 1:
            if int(value) not in _INT32:
                raise Refused(f'setting "{name}" is {_shown(value)}; a whole number of 32 bits is needed')
            return int(value)
        case "float", int() | float():
            return value
    raise Refused(f'setting "{name}" is {_shown(value)}; {_WANTED[setting.type]} is needed')


def _check_choice(setting: JobTypeSetting, name: str, value: str) -> None:
    if setting.choices is not UNSET and value not in setting.choices:
        raise Refused(f'setting "{name}" is {_shown(value)}; choose one of {", ".join(setting.choices)}')


def _shown(value: object) -> str:
    """`value` as JSON would have it, shortened."""
    named = {None: "null", True: "true", False: "false"}
    text = named[value] if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
