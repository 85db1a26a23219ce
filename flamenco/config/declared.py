"""What the declarations in `settings` say: every setting by its dotted key, how it is read, how it is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import msgspec
import yaml
from msgspec import NODEFAULT, Meta, Struct, structs

from flamenco.config.addresses import mask_password
from flamenco.domain.durations import Duration

S = TypeVar("S", bound=Struct)

ENVIRONMENT_PREFIX = "FLAMENCO_"

_EXPECTED = re.compile(r"Expected `([\w |]+)`(.*?)(?:, got .*)?")
"""How msgspec says that a type is wrong: the type, and the limit it has."""
_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a group of keys",
}


class Setting(Struct, frozen=True, kw_only=True):
    """One setting. `key` is dotted (`shaman.garbageCollect.period`), `type` with its limits, `base_type` without."""

    key: str
    type: Any
    base_type: Any
    default: Any
    description: str
    is_path: bool = False
    is_secret: bool = False
    is_url: bool = False

    @property
    def environment_name(self) -> str:
        """The environment variable that sets it: FLAMENCO_SHAMAN_GARBAGECOLLECT_PERIOD."""
        return ENVIRONMENT_PREFIX + self.key.replace(".", "_").upper()

    @property
    def keyword(self) -> str:
        """The last part of the key."""
        return self.key.rpartition(".")[2]

    def read(self, value: Any) -> Any:
        """Check a value from a file. Raises `ValueError` saying what is wrong with it."""
        return _convert(value, self.type, strict=True, is_secret=self.is_secret)

    def read_text(self, text: str) -> Any:
        """Check a value from the environment or the command line, where lists and maps are written as YAML."""
        if get_origin(self.base_type) not in (dict, tuple):
            return _convert(text, self.type, strict=False)
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(f"{text!r} is not YAML") from error
        return _convert(value, self.type, strict=True)

    def show(self, value: Any) -> Any:
        """The value as JSON has it, without secrets."""
        if self.is_secret:
            return "***" if value else ""
        shown = to_plain(value)
        return mask_password(shown) if self.is_url else shown


def settings_of(kind: type[Struct], prefix: str = "") -> Iterator[Setting]:
    """Every setting that `kind` declares, those of nested Structs included, in the order they are written."""
    for field in structs.fields(kind):
        key = prefix + field.encode_name
        base, meta = _unannotated(field.type)
        if isinstance(base, type) and issubclass(base, Struct):
            yield from settings_of(base, f"{key}.")
            continue
        extra = meta.extra or {}
        yield Setting(
            key=key,
            type=field.type,
            base_type=base,
            default=field.default if field.default is not NODEFAULT else field.default_factory(),
            description=meta.description or "",
            is_path=base is Path or extra.get("path", False),
            is_secret=extra.get("secret", False),
            is_url=extra.get("url", False),
        )


def build(kind: type[S], values: Mapping[str, Any], prefix: str = "") -> S:
    """Make a `kind` from checked values by dotted key; what is missing there gets its default."""
    arguments = {}
    for field in structs.fields(kind):
        key = prefix + field.encode_name
        base, _ = _unannotated(field.type)
        if isinstance(base, type) and issubclass(base, Struct):
            arguments[field.name] = build(base, values, f"{key}.")
        elif key in values:
            arguments[field.name] = values[key]
    return kind(**arguments)


def unknown_keys(value: Any, kind: Any, where: str = "") -> Iterator[tuple[str, str | None]]:
    """Every key in `value`, as it came out of a file, that `kind` does not declare, with the one that may be meant."""
    base, _ = _unannotated(kind)
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


def _convert(value: Any, kind: Any, *, strict: bool, is_secret: bool = False) -> Any:
    """Read `value` as a `kind`; entries of a map one by one, so that an error can name the entry."""
    if value is None:
        raise ValueError("it has no value; give it one, or remove the line")
    base, _ = _unannotated(kind)
    if get_origin(base) is dict and isinstance(value, dict):
        return {key: _convert_entry(key, part, get_args(base)[1], strict=strict) for key, part in value.items()}
    try:
        return msgspec.convert(value, kind, strict=strict, dec_hook=_decode)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$")
        raise ValueError(_reworded(what, place.strip(".`"), kind, "it" if is_secret else repr(value))) from error


def _convert_entry(key: Any, value: Any, kind: Any, *, strict: bool) -> Any:
    if not isinstance(key, str):
        raise ValueError(f"{key!r} is not text; put it in quotes")
    try:
        return _convert(value, kind, strict=strict)
    except ValueError as error:
        raise ValueError(f"in {key!r}, {error}") from error


def _reworded(what: str, place: str, kind: Any, told: str) -> str:
    """Say a complaint of msgspec in the words of somebody who writes YAML. `told` is the value as it may be shown."""
    if expected := _EXPECTED.fullmatch(what):
        told = "it" if place else told
        what = f"{told} is not {_WORDS.get(expected[1], expected[1])}{expected[2]}"
    elif what.startswith("Invalid enum value "):
        choices = ", ".join(_choices(kind, place.rpartition(".")[2]))
        what = f"{what.removeprefix('Invalid enum value ')} is not one of {choices}"
    return f"{what} (at {place})" if place else what


def _choices(kind: Any, name: str) -> Iterator[str]:
    """The words allowed by `kind`, or, with a `name`, by the field of that name anywhere in it."""
    base, _ = _unannotated(kind)
    if get_origin(base) is Literal and not name:
        yield from get_args(base)
    elif isinstance(base, type) and issubclass(base, Struct):
        for field in structs.fields(base):
            yield from _choices(field.type, "" if field.encode_name == name else name)
    elif get_origin(base) is tuple:
        yield from _choices(get_args(base)[0], name)


def _decode(kind: type, value: Any) -> Any:
    """Read the types that msgspec does not know. Raises `ValueError`, which msgspec passes on with the place."""
    if kind is Duration:
        # YAML has a number for an unquoted 0; every other number would leave its unit open.
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool) and value == 0):
            return Duration.parse(str(value))
        raise ValueError(f"{value!r} is not a duration; write text with a unit, such as 90s, 10m or 1h30m")
    if issubclass(kind, Path) and isinstance(value, str):
        return Path(value)
    raise ValueError(f"{value!r} is not text")


@cache
def _unannotated(kind: Any) -> tuple[Any, Meta]:
    """The type without its `Annotated`, and what that said."""
    if get_origin(kind) is Annotated:
        base, *notes = get_args(kind)
        return base, next((note for note in notes if isinstance(note, Meta)), Meta())
    return kind, Meta()
