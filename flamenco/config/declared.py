"""What the declarations in `manager_settings` say: every setting by its dotted key, how it is read, how it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct, structs

from flamenco.config.addresses import mask_password
from flamenco.hooks.setting import Setting, unannotated

S = TypeVar("S", bound=Struct)


def settings_of(kind: type[Struct], prefix: str = "") -> Iterator[Setting]:
    """Every setting that `kind` declares, those of nested Structs included, in the order they are written."""
    for field in structs.fields(kind):
        key = prefix + field.encode_name
        base, meta = unannotated(field.type)
        if isinstance(base, type) and issubclass(base, Struct):
            yield from settings_of(base, f"{key}.")
            continue
        extra = meta.extra or {}
        yield Setting(
            key=key,
            type=field.type,
            default=field.default if field.default is not NODEFAULT else field.default_factory(),
            help=meta.description or "",
            path=base is Path or extra.get("path", False),
            secret=extra.get("secret", False),
            url=extra.get("url", False),
            only_in_file=extra.get("only_in_file", False),
        )


def enabled_by(setting: Setting) -> str:
    """The shipped plugin that the setting, when it is true, enables by itself; empty for none."""
    return str((unannotated(setting.type)[1].extra or {}).get("enables", ""))


def build(kind: type[S], values: Mapping[str, Any], prefix: str = "") -> S:
    """Make a `kind` from checked values by dotted key; what is missing there gets its default."""
    arguments = {}
    for field in structs.fields(kind):
        key = prefix + field.encode_name
        base, _ = unannotated(field.type)
        if isinstance(base, type) and issubclass(base, Struct):
            arguments[field.name] = build(base, values, f"{key}.")
        elif key in values:
            arguments[field.name] = values[key]
    return kind(**arguments)


def unknown_keys(value: Any, kind: Any, where: str = "") -> Iterator[tuple[str, str | None]]:
    """Every key in `value`, as it came out of a file, that `kind` does not declare, with the one that may be meant."""
    base, _ = unannotated(kind)
    arguments = get_args(base)
    if isinstance(base, type) and issubclass(base, Struct) and isinstance(value, dict):
        known = {field.encode_name: field.type for field in structs.fields(base)}
        for key, part in value.items():
            if key in known:
                yield from unknown_keys(part, known[key], f"{where}{key}.")
            else:
                nearest = nearest_of(str(key), known)
                yield f"{where}{key}", nearest and f"{where}{nearest}"
    elif get_origin(base) is dict and isinstance(value, dict):
        for key, part in value.items():
            yield from unknown_keys(part, arguments[1], f"{where}{key}.")
    elif get_origin(base) is tuple and isinstance(value, list):
        for number, part in enumerate(value):
            yield from unknown_keys(part, arguments[0], f"{where}{number}.")


def nearest_of(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` probably stands for; capitals and underscores do not count."""
    plain = {_plain(name): name for name in known}
    close = get_close_matches(_plain(word), plain, n=1, cutoff=0.65)
    return plain[close[0]] if close else None


def _plain(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")


def to_plain(value: Any) -> Any:
    """A value of a setting as JSON and YAML have it: durations and paths as text."""
    return msgspec.to_builtins(value, enc_hook=str, str_keys=True)


def shown(setting: Setting, value: Any) -> Any:
    """The value as JSON has it, without secrets."""
    if setting.secret:
        return "***" if value else ""
    plain = to_plain(value)
    return mask_password(plain) if setting.url else plain
