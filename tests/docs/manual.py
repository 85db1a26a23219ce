"""Reads the manuals: their blocks of code, and what `docs/plugins.md` says of each hook."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "plugins.md"
TEXT = FILE.read_text("utf-8")

MANUALS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "jobtypes/README.md", "plugins/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
"""Everything that is written for people to read, and do."""

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
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
    def module(self) -> str:
        """The module for the browser that it shows beside it; empty for none."""
        return "".join(code for language, code in _BLOCK.findall(self.text) if language == "js")

    @property
    def users(self) -> set[str]:
        """The plugins that it says use the hook."""
        (listed,) = _USERS.findall(self.text)
        return set(re.findall(r"`([\w.-]+)`", listed))


def blocks(language: str, manual: str = "docs/plugins.md") -> list[str]:
    """The blocks of code in a language, in order; those without one are in the language ""."""
    return [code for found, code in all_blocks(manual) if found == language]


def all_blocks(manual: str) -> list[tuple[str, str]]:
    """Every block of code in a manual, with its language."""
    return _BLOCK.findall((ROOT / manual).read_text("utf-8"))


def hooks() -> dict[str, HookSection]:
    """The section of each hook, by its name."""
    return {name: HookSection(signature, text) for signature, name, text in _HOOK.findall(TEXT)}
