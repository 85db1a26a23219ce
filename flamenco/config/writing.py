"""Changes the configuration file while the manager runs: settings in its text, and nothing else that people wrote.

By hand, for ruamel.yaml, which is made for this, was tried and changes what nobody touched: it indents anew, aligns
anew within brackets, and writes `true` for `yes` and `TRUE`, nothing for `~`. Nor does it keep the characters of every
scalar for `content`, which makes texts of them where texts are wanted. What YAML says of where a value begins and ends
is enough, and PyYAML says that.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from flamenco import __version__
from flamenco.config import private
from flamenco.config.content import META, dump, parse
from flamenco.config.declared import to_plain
from flamenco.config.manager_settings import Config
from flamenco.config.validation import FILE_VERSION
from flamenco.domain.errors import ConfigError


def as_content(config: Config) -> dict[str, Any]:
    """Every setting as the file and JSON have it: the same keys, durations and paths as text."""
    content: dict[str, Any] = to_plain(config)
    return {META: {"version": FILE_VERSION}} | content


def write(file: Path, content: Mapping[str, Any], now: datetime) -> None:
    """Let the file say `content`, readable for its owner alone. Raises `ConfigError`.

    What it says already stays as people wrote it, with their comments. Written aside and renamed, so that a manager
    that starts meanwhile reads the old file or the new one. What it said before is kept beside it, as `NAME.bak`.
    """
    try:
        private.make_folder(file.parent, passable=True)  # the shared storage may be made in it
        text = edited(file.read_text(encoding="utf-8"), content) if file.is_file() else None
        _replace(file, text or _header(now) + dump({META: {"version": FILE_VERSION}, **content}))
    except OSError as error:
        raise ConfigError(f"The configuration file {file} cannot be written: {error.strerror or error}.") from error


def _header(now: datetime) -> str:
    return (
        f"# Configuration of Flamenco Manager, first written by version {__version__} of it\n"
        f"# at {now.astimezone():%Y-%m-%d %H:%M:%S %z}.\n"
        "# When settings are changed while the manager runs, they are changed here; what was there before is in .bak.\n"
        "# `flamenco config describe` says what each setting means.\n\n"
    )


def _replace(file: Path, text: str) -> None:
    descriptor, aside = tempfile.mkstemp(prefix=f"{file.name}~", dir=file.parent)  # with mode 0600
    try:
        with open(descriptor, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a path cannot open a descriptor
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if file.is_file():
            shutil.copy2(file, file.with_name(f"{file.name}.bak"))
        Path(aside).replace(file)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def edited(text: str, content: Mapping[str, Any]) -> str | None:
    """`text` with those of its top-level settings written anew that `content` has otherwise, and new ones at its end.

    Those that it does not have are taken out, line by line.

    Comments stay, but for those inside of what is written anew. None where the file is written in a way in which this
    cannot be done: the result says exactly `content`, or there is none.
    """
    try:
        root, before = yaml.compose(text, yaml.SafeLoader), parse(text, Config)
        if not isinstance(root, yaml.MappingNode) or root.flow_style:
            return None
        content = {**content, META: before[META]} if META in before else content
        changed = {key: value for key, value in content.items() if key not in before or before[key] != value}
        result = _replaced(text, root, changed, gone=before.keys() - content.keys())
        return result if parse(result, Config) == content else None
    except yaml.YAMLError:
        return None


def _replaced(text: str, root: yaml.MappingNode, changed: dict[str, Any], gone: Collection[Any]) -> str:
    for key, value in reversed(root.value):  # from the end, so that places before it stay where they are
        if key.value in gone:
            rest = text[_end(value) :].partition("\n")[2]  # with what is said of it in its last line
            text = text[: key.start_mark.index] + rest
        elif key.value in changed:
            written = dump({key.value: changed.pop(key.value)}).rstrip("\n")
            text = text[: key.start_mark.index] + written + text[_end(value) :]
    return text if not changed else text.rstrip("\n") + "\n" + dump(changed)


def _end(node: yaml.Node) -> int:
    """Where the text of a value ends. What YAML calls the end of a group is behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        return _end(last[1] if isinstance(node, yaml.MappingNode) else last)
    return int(node.end_mark.index)
