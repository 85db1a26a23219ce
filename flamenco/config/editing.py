"""Changes settings in the text of a configuration file, and leaves everything else in it as people wrote it.

By hand, for ruamel.yaml, which is made for this, was tried and changes what nobody touched: it indents anew, aligns
anew within brackets, and writes `true` for `yes` and `TRUE`, nothing for `~`. Nor does it keep the characters of every
scalar for `content`, which makes texts of them where texts are wanted. What YAML says of where a value begins and ends
is enough, and PyYAML says that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from flamenco.config.content import META, dump, parse
from flamenco.config.manager_settings import Config


def edited(text: str, content: Mapping[str, Any]) -> str | None:
    """`text` with those of its top-level settings written anew that `content` has otherwise, and new ones at its end.

    Comments stay, but for those inside of what is written anew. None where the file is written in a way in which this
    cannot be done: the result says exactly `content`, or there is none.
    """
    try:
        root, before = yaml.compose(text, yaml.SafeLoader), parse(text, Config)
        if not isinstance(root, yaml.MappingNode) or root.flow_style:
            return None
        content = {**content, META: before[META]} if META in before else content
        changed = {key: value for key, value in content.items() if key not in before or before[key] != value}
        result = _replaced(text, root, changed)
        return result if parse(result, Config) == content else None
    except yaml.YAMLError:
        return None


def _replaced(text: str, root: yaml.MappingNode, changed: dict[str, Any]) -> str:
    for key, value in reversed(root.value):  # from the end, so that places before it stay where they are
        if key.value in changed:
            written = dump({key.value: changed.pop(key.value)}).rstrip("\n")
            text = text[: key.start_mark.index] + written + text[_end(value) :]
    return text if not changed else text.rstrip("\n") + "\n" + dump(changed)


def _end(node: yaml.Node) -> int:
    """Where the text of a value ends. What YAML calls the end of a group is behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        return _end(last[1] if isinstance(node, yaml.MappingNode) else last)
    return int(node.end_mark.index)
