"""Where in a script something stands: JOB_TYPE's keys, and the settings that the script reads.

Reads the text without running it, far from knowing all of JavaScript: what is built in unusual ways is not found,
which costs a message its line and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

Key = str | int

_TOKEN = re.compile(
    r"""(?P<blank>\s+|//[^\n]*|/\*.*?\*/)
      | (?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)
      | (?P<word>[\w$]+)
      | (?P<mark>\.\.\.|\?\.|=>|[=!<>]=+|.)""",
    re.VERBOSE | re.DOTALL,
)
_OPENING = {"{": "}", "[": "]", "(": ")"}


class Place(NamedTuple):
    """A line and a column, both counted from 1; 0 and 0 where it is not known."""

    line: int
    column: int


NOWHERE = Place(0, 0)


class Token(NamedTuple):
    """A word, a text or a mark, and where in the source it begins."""

    kind: str
    text: str
    offset: int

    @property
    def name(self) -> str:
        """What it says as the key of an object: quotes do not count."""
        return self.text[1:-1] if self.kind == "text" else self.text


class Source:
    """The tokens of a script, and the ways to find something among them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = [
            Token(match.lastgroup, match.group(), match.start())
            for match in _TOKEN.finditer(text)
            if match.lastgroup and match.lastgroup != "blank"
        ]

    def line(self, number: int) -> str:
        """The text of a line; "" where there is no such line."""
        lines = self.text.split("\n")
        return lines[number - 1].rstrip("\r") if 0 < number <= len(lines) else ""

    def place_of(self, path: Sequence[Key]) -> Place:
        """Where in JOB_TYPE the key or element `path` stands, or as much of the way there as can be followed."""
        at = self._declaration()
        if at is None:
            return NOWHERE
        best = self.tokens[at]
        value = at + 2
        for key in path:
            found = self._child(value, key)
            if found is None:
                break
            best, value = self.tokens[found[0]], found[1]
        return self._place(best.offset)

    def settings_read(self) -> dict[str, Place]:
        """The names that the script reads from its settings, and where first; not those that it also sets."""
        found: dict[str, Place] = {}
        written = set()
        tokens = self.tokens
        for index in range(len(tokens) - 2):
            if tokens[index].text != "settings" or tokens[index].kind != "word":
                continue
            dot, name, *after = tokens[index + 1 : index + 4]
            if dot.text in (".", "?.") and name.kind == "word":
                found.setdefault(name.text, self._place(name.offset))
                if after and after[0].text == "=":
                    written.add(name.text)
        for name in self._destructured():
            found.setdefault(name.text, self._place(name.offset))
        return {name: place for name, place in found.items() if name not in written}

    def _destructured(self) -> list[Token]:
        """The names in `{ a, b = 1, c: d } = job.settings`; none where it nests."""
        names = []
        for index, token in enumerate(self.tokens):
            if token.text == "{" and (end := self._end_of_pattern(index)) and self._is_settings(end + 1):
                inner = self.tokens[index + 1 : end]
                starts = [0, *(number + 1 for number, each in enumerate(inner) if each.text == ",")]
                names += [inner[start] for start in starts if start < len(inner) and inner[start].kind == "word"]
        return names

    def _end_of_pattern(self, start: int) -> int | None:
        for index in range(start + 1, len(self.tokens)):
            if self.tokens[index].text == "}":
                return index
            if self.tokens[index].text in _OPENING or self.tokens[index].text == ";":
                return None
        return None

    def _is_settings(self, index: int) -> bool:
        texts = [token.text for token in self.tokens[index : index + 4]]
        return texts == ["=", "job", ".", "settings"] or texts[:2] == ["=", "settings"]

    def _declaration(self) -> int | None:
        for index in range(len(self.tokens) - 2):
            if self.tokens[index].text == "JOB_TYPE" and self.tokens[index + 1].text == "=":
                return index
        return None

    def _child(self, value: int, key: Key) -> tuple[int, int] | None:
        """Of the object or list that begins at token `value`: the tokens where `key` and where its value begin."""
        if value >= len(self.tokens) or self.tokens[value].text != ("{" if isinstance(key, str) else "["):
            return None
        index, count = value + 1, 0
        while index < len(self.tokens) and self.tokens[index].text not in ("}", "]", "..."):
            if isinstance(key, int):
                if count == key:
                    return index, index
            elif self.tokens[index].name == key:
                is_pair = self.tokens[index + 1 : index + 2] and self.tokens[index + 1].text == ":"
                return index, index + 2 if is_pair else index
            index = self._after(index)
            count += 1
        return None

    def _after(self, index: int) -> int:
        """The token behind the comma that ends what begins at `index`, or the bracket that ends all."""
        open_brackets: list[str] = []
        while index < len(self.tokens):
            text = self.tokens[index].text
            if not open_brackets and text in ("}", "]", ")"):
                return index
            if not open_brackets and text == ",":
                return index + 1
            if text in _OPENING:
                open_brackets.append(_OPENING[text])
            elif open_brackets and text == open_brackets[-1]:
                open_brackets.pop()
            index += 1
        return index

    def _place(self, offset: int) -> Place:
        line_start = self.text.rfind("\n", 0, offset) + 1
        return Place(self.text.count("\n", 0, offset) + 1, offset - line_start + 1)
