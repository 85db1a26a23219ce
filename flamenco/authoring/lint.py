"""What is suspicious about a script, though it can be run: misspelt keys, defaults that do not fit, missing labels.

Pure: it reads what the script declares, as JSON has it, and the script's text.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple, get_args

import msgspec

from flamenco.authoring.source import Key, Place, Source
from flamenco.domain.model import SettingSubtype, SettingType, Visibility

JOB_TYPE_KEYS = (
    "label",
    "description",
    "settings",
    "timeLimits",
    "failureRules",
    "failPercent",
    "tries",
    "name",
    "etag",
)
LIMIT_KEYS = ("maxRunTime", "minRunTime", "maxSilence")
SETTING_KEYS = (
    *("key", "type", "subtype", "choices", "propargs", "description", "label", "default"),
    *("eval", "evalInfo", "visible", "required", "editable", "aliases"),
)
LINK_KEYS = ("showLinkButton", "description")
WORDS: Mapping[str, tuple[str, ...]] = {
    "type": get_args(SettingType),
    "subtype": get_args(SettingSubtype),
    "visible": get_args(Visibility),
}
"""The keys of a setting whose value is one of a few words."""

_KINDS: Mapping[str, tuple[Any, str]] = {
    "string": (str, "a text"),
    "int32": (int, "a whole number"),
    "float": (float, "a number"),
    "bool": (bool, "true or false"),
}


class Suspicion(NamedTuple):
    """Something to look at, and where."""

    message: str
    place: Place


def suspicions(declared: Any, source: Source) -> list[Suspicion]:
    """Everything suspicious, in the order of the file. `declared` may be of any shape."""
    found = [Suspicion(message, source.place_of(path)) for message, path in _declared(declared)]
    found += [Suspicion(message, place) for message, place in _undeclared(declared, source)]
    return sorted(found, key=lambda suspicion: suspicion.place)


def nearest(name: str, known: Iterable[str]) -> str:
    """ "; did you mean X?" when something among `known` is spelt nearly like `name`, otherwise ""."""
    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _declared(declared: Any) -> Iterator[tuple[str, tuple[Key, ...]]]:
    if not isinstance(declared, dict):
        return
    yield from _unknown_keys(declared, JOB_TYPE_KEYS, "JOB_TYPE", ())
    if not declared.get("label"):
        yield "JOB_TYPE has no label, the name that people see", ()
    limits = declared.get("timeLimits")
    for task_type, each in limits.items() if isinstance(limits, dict) else ():
        if isinstance(each, dict):
            yield from _unknown_keys(each, LIMIT_KEYS, f"timeLimits of {task_type}", ("timeLimits", task_type))
    settings = declared.get("settings")
    if settings is None:
        yield "JOB_TYPE has no list of settings, without which Blender's add-on refuses it; write settings: []", ()
    for index, setting in enumerate(settings if isinstance(settings, list) else ()):
        if isinstance(setting, dict):
            yield from _of_setting(setting, ("settings", index))


def _of_setting(setting: dict[str, Any], at: tuple[Key, ...]) -> Iterator[tuple[str, tuple[Key, ...]]]:
    name, kind = setting.get("key"), setting.get("type")
    what = f'setting "{name}"' if isinstance(name, str) else "a setting"
    yield from _unknown_keys(setting, SETTING_KEYS, what, at)
    if isinstance(name, str) and (not name.isidentifier() or keyword.iskeyword(name)):
        yield f"{what}: Blender's add-on needs keys of letters, digits and underscores", (*at, "key")
    if kind is None:
        yield f"{what} has no type; it is one of {', '.join(WORDS['type'])}", at
    for key in ("choices", "subtype"):
        if setting.get(key) is not None and kind not in ("string", None):
            yield f"{what}: {key} is for settings of type string", (*at, key)
    if isinstance(setting.get("evalInfo"), dict):
        yield from _unknown_keys(setting["evalInfo"], LINK_KEYS, f"evalInfo of {what}", (*at, "evalInfo"))
    yield from _of_default(setting, what, at)
    has_value = setting.get("default") is not None or setting.get("eval")
    if setting.get("required") is True and setting.get("visible") in ("hidden", False) and not has_value:
        yield f"{what} is required, but hidden, and it has neither default nor eval", (*at, "visible")


def _of_default(setting: dict[str, Any], what: str, at: tuple[Key, ...]) -> Iterator[tuple[str, tuple[Key, ...]]]:
    default, kind, choices = setting.get("default"), setting.get("type"), setting.get("choices")
    if default is None:
        return
    if isinstance(kind, str) and kind in _KINDS:
        wanted, words = _KINDS[kind]
        try:
            msgspec.convert(default, wanted)
        except msgspec.ValidationError:
            yield f"{what} has a default that is not {words}", (*at, "default")
            return
    if isinstance(choices, list) and default not in choices:
        yield f"{what} has a default that is none of its choices", (*at, "default")


def _unknown_keys(
    given: dict[str, Any], known: Iterable[str], what: str, at: tuple[Key, ...]
) -> Iterator[tuple[str, tuple[Key, ...]]]:
    for key in given:
        if key not in known:
            yield f'{what} has a key "{key}" that nobody reads{nearest(key, known)}', (*at, key)


def _undeclared(declared: Any, source: Source) -> Iterator[tuple[str, Place]]:
    """Settings that the script reads under a name that is nearly that of a declared one: misspelt, most likely."""
    settings = declared.get("settings") if isinstance(declared, dict) else None
    if not isinstance(settings, list):
        return
    given = [setting for setting in settings if isinstance(setting, dict)]
    known = {name for setting in given if isinstance(name := setting.get("key"), str)}
    for setting in given:
        aliases = setting.get("aliases")
        known.update(name for name in (aliases if isinstance(aliases, list) else ()) if isinstance(name, str))
    for name, place in source.settings_read().items():
        if name not in known and (near := nearest(name, known)):
            yield f'the script reads a setting "{name}", which JOB_TYPE does not declare{near}', place
