"""Reads `docs/plugins.md`: its blocks of code, and what it says of each hook."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).parents[2] / "docs" / "plugins.md"
TEXT = FILE.read_text("utf-8")

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_HOOK = re.compile(r"^### ((\w+)\(.*?\))\n(.*?)(?=^##)", re.DOTALL | re.MULTILINE)
_USERS = re.compile(r"^Used by: (.*?)\.$", re.DOTALL | re.MULTILINE)


class HookSection(NamedTuple):
    """What the manual says of a hook."""

    signature: str
    text: str

    @property
    def example(self) -> str:
        """The plugin that it shows."""
        (block,) = [code for language, code in _BLOCK.findall(self.text) if language == "python"]
        return str(block)

    @property
    def users(self) -> set[str]:
        """The plugins that it says use the hook."""
        (listed,) = _USERS.findall(self.text)
        return set(re.findall(r"`([\w.-]+)`", listed))


def blocks(language: str) -> list[str]:
    """The blocks of code in a language, in order."""
    return [code for found, code in _BLOCK.findall(TEXT) if found == language]


def hooks() -> dict[str, HookSection]:
    """The section of each hook, by its name."""
    return {name: HookSection(signature, text) for signature, name, text in _HOOK.findall(TEXT)}
