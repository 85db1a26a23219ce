"""What a configuration file says: YAML with the characters of its scalars kept, for settings that want a text.

Where Flamenco wants a text, it takes any scalar as it is written: `012345` and `on` are passwords as good as any. YAML
alone would make a number and a truth value of them, from which nobody can tell how they were written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path, PurePath
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

import yaml
from msgspec import Struct, structs
from yaml.constructor import SafeConstructor

from flamenco.domain.errors import ConfigError
from flamenco.hooks.setting import unannotated

META: Final = "_meta"
"""The group of a file that has no settings, but the version of the file."""

_TAG: Final = "tag:yaml.org,2002:"
_TEXT: Final = f"{_TAG}str"
_TYPED: Final[dict[str, Callable[[Any, Any], Any]]] = {
    f"{_TAG}bool": SafeConstructor.construct_yaml_bool,
    f"{_TAG}int": SafeConstructor.construct_yaml_int,
    f"{_TAG}float": SafeConstructor.construct_yaml_float,
    f"{_TAG}timestamp": SafeConstructor.construct_yaml_timestamp,
}
"""The scalars that YAML makes no text of, and what makes a value of them."""


class Group(dict[Any, Any]):
    """A map of a file. `texts` has the characters of the scalars in it by key."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[Any, str] = {}


class Entries(list[Any]):
    """A list of a file. `texts` has the characters of the scalars in it by their place."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[int, str] = {}


# -- texts where they are wanted ----------------------------------------------------------------------------------


def texts_as_written(value: Any, kind: Any, text: str | None = None) -> Any:
    """`value`, out of a file, with the characters of the file for every scalar where `kind` wants a text.

    `text` has the characters of the value itself, if it is a scalar. What does not fit `kind` is left as it is.
    """
    base = _without_none(unannotated(kind)[0])
    arguments = get_args(base)
    if text is not None and isinstance(value, bool | int | float | date):
        return text if _is_text(base) else value
    if isinstance(value, Group) and isinstance(base, type) and issubclass(base, Struct):
        kinds = {field.encode_name: field.type for field in structs.fields(base)}
        return {key: texts_as_written(part, kinds.get(key), value.texts.get(key)) for key, part in value.items()}
    if isinstance(value, Group) and get_origin(base) is dict:
        return {key: texts_as_written(part, arguments[1], value.texts.get(key)) for key, part in value.items()}
    if isinstance(value, Entries) and _is_list(base):
        return [texts_as_written(part, arguments[0], value.texts.get(place)) for place, part in enumerate(value)]
    return value


def _without_none(kind: Any) -> Any:
    """The type of a setting that may have no value either: `Path` of `Path | None`."""
    if get_origin(kind) in (Union, UnionType):
        kinds = [each for each in get_args(kind) if each is not NoneType]
        return unannotated(kinds[0])[0] if len(kinds) == 1 else kind
    return kind


def _is_text(base: Any) -> bool:
    if get_origin(base) is Literal:
        return all(isinstance(choice, str) for choice in get_args(base))
    return isinstance(base, type) and issubclass(base, str | PurePath)


def _is_list(base: Any) -> bool:
    """Whether it is a list of any length, of one type."""
    if get_origin(base) is tuple:
        return get_args(base)[1:] == (...,)
    return get_origin(base) in (list, set, frozenset)


# -- reading and writing ------------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """Plain YAML that keeps characters, and does not silently drop the first of two equal keys."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Read a map. Raises a `MarkedYAMLError` with the line of a key that was there before."""
        node = super().compose_mapping_node(anchor)
        seen = set()
        for place, (key, value) in enumerate(node.value):
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                problem = f"found the key {key.value!r} a second time"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(key.value)
            if key.tag in _TYPED:  # every key is wanted as text; another node, for an alias may mean this one
                node.value[place] = (yaml.ScalarNode(_TEXT, key.value, key.start_mark, key.end_mark), value)
        return node


def _group(loader: _Loader, node: yaml.MappingNode) -> Iterator[Group]:
    group = Group()
    yield group  # before it is filled: an alias in it may mean the group itself
    group.update(loader.construct_mapping(node))  # which puts what `<<` merges into the node, before its own keys
    group.texts = {key.value: part.value for key, part in node.value if isinstance(part, yaml.ScalarNode)}


def _entries(loader: _Loader, node: yaml.SequenceNode) -> Iterator[Entries]:
    entries = Entries()
    yield entries
    entries.extend(loader.construct_sequence(node))
    entries.texts = {place: part.value for place, part in enumerate(node.value) if isinstance(part, yaml.ScalarNode)}


def _typed(construct: Callable[[Any, Any], Any], loader: _Loader, node: yaml.ScalarNode) -> Any:
    try:
        return construct(loader, node)
    except (ValueError, LookupError, AttributeError):  # what PyYAML lets through for 2024-13-45, 0x_, !!bool maybe
        return node.value


def _text(_loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(node.value)


_Loader.add_constructor(f"{_TAG}map", _group)
_Loader.add_constructor(f"{_TAG}seq", _entries)
for _tag, _construct in _TYPED.items():
    _Loader.add_constructor(_tag, partial(_typed, _construct))
for _tag in (f"{_TAG}value", f"{_TAG}merge"):  # `=` and `<<`, which are texts where they are no keys
    _Loader.add_constructor(_tag, _text)


class _Dumper(yaml.SafeDumper):
    """Plain YAML in which scalars that were read have the characters that they had."""


def _represent_group(dumper: _Dumper, group: Group) -> yaml.MappingNode:
    node = dumper.represent_dict(group)
    for key, (_, part) in zip(group, node.value, strict=True):
        _write_as_read(part, group.texts.get(key))
    return node


def _represent_entries(dumper: _Dumper, entries: Entries) -> yaml.SequenceNode:
    node = dumper.represent_list(entries)
    for place, part in enumerate(node.value):
        _write_as_read(part, entries.texts.get(place))
    return node


def _write_as_read(node: yaml.Node, text: str | None) -> None:
    if text is not None and node.tag in _TYPED:
        node.value = text


_Dumper.add_representer(Group, _represent_group)
_Dumper.add_representer(Entries, _represent_entries)


def read(file: Path, kind: type[Struct]) -> dict[Any, Any]:
    """The settings in a file, unchecked, with the characters of the file where those of `kind` want a text.

    Maps in it are `Group`, lists `Entries`. Raises `ConfigError` with a sentence that names the file and the line.
    """
    try:
        with file.open(encoding="utf-8") as stream:
            content = yaml.load(stream, _Loader)  # noqa: S506 (a SafeLoader)
    except FileNotFoundError as error:
        raise ConfigError(f"There is no configuration file {file}.") from error
    except OSError as error:
        raise ConfigError(f"The configuration file {file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"The configuration file {file} is not UTF-8 text.") from error
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "it cannot be read"
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise ConfigError(f"The configuration file {file} is not YAML{line}: {problem}.") from error
    if not isinstance(content, dict | None):
        raise ConfigError(f"The configuration file {file} has no settings, which are lines like `key: value`.")
    settings: dict[Any, Any] = texts_as_written(content or {}, kind)
    return settings


def parse(text: str, kind: type[Struct]) -> Any:
    """What a file with this text says, as `read` has it. Raises `yaml.YAMLError`."""
    return texts_as_written(yaml.load(text, _Loader), kind)  # noqa: S506 (a SafeLoader)


def dump(content: dict[str, Any]) -> str:
    """Write YAML, with numbers, dates and truth values as they were read if they are out of `read`."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
