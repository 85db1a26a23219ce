"""What a field for a setting looks like, in a form: made from the declaration."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from msgspec import Struct

from flamenco.domain.durations import Duration
from flamenco.hooks.setting import Setting, unannotated

Kind = Literal["text", "integer", "number", "duration", "boolean", "choice", "list", "map", "variable"]
"""`list` is one of texts; everything else with something in it is a `map`, written as YAML or JSON."""

_KINDS: Final[dict[type, Kind]] = {bool: "boolean", int: "integer", float: "number", Duration: "duration"}
_LISTS: Final = (tuple, list, set, frozenset)


class Field(Struct, frozen=True):
    """A kind of field, and its limits where it has some."""

    kind: Kind
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


def field_of(setting: Setting) -> Field:
    """The field for all that the setting may be."""
    base, meta = unannotated(_without_none(setting.type))
    if get_origin(base) is Literal:
        return Field("choice", tuple(map(str, get_args(base))))
    return Field(_kind_of(base), minimum=meta.ge, maximum=meta.le)


def _kind_of(base: Any) -> Kind:
    if isinstance(base, type) and base in _KINDS:
        return _KINDS[base]
    if get_origin(base) in _LISTS and unannotated(get_args(base)[0])[0] is str:
        return "list"
    is_structure = get_origin(base) is not None or (isinstance(base, type) and issubclass(base, Struct))
    return "map" if is_structure else "text"


def _without_none(kind: Any) -> Any:
    base, _ = unannotated(kind)
    if get_origin(base) not in (Union, UnionType):
        return kind
    kinds = [each for each in get_args(base) if each is not NoneType]
    return kinds[0] if len(kinds) == 1 else kind
