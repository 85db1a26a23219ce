"""One declaration of a setting gives its type, default, help, environment variable, checks and documentation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta, Struct, structs

from flamenco.domain import mismatch
from flamenco.domain.durations import Duration
from flamenco.domain.mismatch import Mismatch

ENVIRONMENT_PREFIX = "FLAMENCO_"

_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a group of keys",
}


class Setting(Struct, frozen=True, kw_only=True):
    """One setting.

    A plugin declares it with a plain `key` such as `half_life`, and it is called `plugins.<plugin>.half_life` then;
    keys of the core may be dotted. `type` is any that msgspec reads, also `Annotated` with a `msgspec.Meta` that has
    limits, a `Path`, or a `Duration` (`90s`, `10m`); a setting that groups others is a Struct. `help` is a sentence.
    A `path` that is relative counts from the folder of the file it was written in; a `secret` is not shown, nor is the
    password in a `url`. What is `only_in_file` cannot be changed by way of the API.
    """

    key: str
    type: Any
    default: Any
    help: str
    path: bool = False
    secret: bool = False
    url: bool = False
    only_in_file: bool = False

    @property
    def base_type(self) -> Any:
        """The type without its limits."""
        return unannotated(self.type)[0]

    @property
    def environment_name(self) -> str:
        """The environment variable that sets it: FLAMENCO_SHAMAN_GARBAGECOLLECT_PERIOD."""
        return ENVIRONMENT_PREFIX + self.key.replace(".", "_").upper()

    @property
    def keyword(self) -> str:
        """The last part of the key."""
        return self.key.rpartition(".")[2]

    def problem_with_default(self) -> str:
        """Why the default is no value of the type; empty when it is one."""
        if type(self.default) is self.base_type:  # one that nothing can be read as, too
            return ""
        try:
            plain = msgspec.to_builtins(self.default, enc_hook=str, str_keys=True)
            msgspec.convert(plain, self.type, strict=True, dec_hook=_decode)
        except (ValueError, TypeError) as error:
            return str(error)
        return ""

    def read(self, value: Any) -> Any:
        """Check a value from a file. Raises `ValueError` saying what is wrong with it."""
        return _convert(value, self.type, strict=True, is_secret=self.secret)

    def read_text(self, text: str) -> Any:
        """Check a value from the environment or the command line, where lists and maps are written as YAML."""
        if get_origin(self.base_type) not in (dict, tuple):
            return _convert(text, self.type, strict=False, is_secret=self.secret)
        import yaml  # noqa: PLC0415 - whoever asks for help need not wait for it

        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            raise ValueError(f"{'it' if self.secret else repr(text)} is not YAML") from None
        return _convert(value, self.type, strict=True, is_secret=self.secret)


def _convert(value: Any, kind: Any, *, strict: bool, is_secret: bool = False) -> Any:
    """Read `value` as a `kind`; entries of a map one by one, so that an error can name the entry."""
    if value is None:
        raise ValueError("it has no value; give it one, or remove the line")
    base, _ = unannotated(kind)
    if get_origin(base) is dict and isinstance(value, dict):
        kinds = get_args(base)
        return {
            key: _convert_entry(key, part, kinds[1], strict=strict, is_secret=is_secret) for key, part in value.items()
        }
    try:
        return msgspec.convert(value, kind, strict=strict, dec_hook=_decode)
    except msgspec.ValidationError as error:
        told = "it" if is_secret else repr(value)
        raise ValueError(_reworded(mismatch.read(str(error)), kind, told)) from error


def _convert_entry(key: Any, value: Any, kind: Any, *, strict: bool, is_secret: bool) -> Any:
    if not isinstance(key, str):
        raise ValueError(f"{key!r} is not text; put it in quotes")
    try:
        return _convert(value, kind, strict=strict, is_secret=is_secret)
    except ValueError as error:
        raise ValueError(f"in {key!r}, {error}") from error


def _reworded(found: Mismatch, kind: Any, told: str) -> str:
    """Say what is wrong in the words of somebody who writes YAML. `told` is the value as it may be shown."""
    what, place = found.text, found.path
    if found.expected:
        wanted = " | ".join(found.expected)
        what = f"{'it' if place else told} is not {_WORDS.get(wanted, wanted)}{found.limit}"
    elif found.no_choice:
        what = f"{found.no_choice} is not one of {', '.join(_choices(kind, place.rpartition('.')[2]))}"
    return f"{what} (at {place})" if place else what


def _choices(kind: Any, name: str) -> Iterator[str]:
    """The words allowed by `kind`, or, with a `name`, by the field of that name anywhere in it."""
    base, _ = unannotated(kind)
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
def unannotated(kind: Any) -> tuple[Any, Meta]:
    """The type without its `Annotated`, and what that said."""
    if get_origin(kind) is Annotated:
        base, *notes = get_args(kind)
        return base, next((note for note in notes if isinstance(note, Meta)), Meta())
    return kind, Meta()
