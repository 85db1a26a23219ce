"""Text of others for a terminal or a log: nothing in it moves the cursor, begins a line, or turns the text around."""

from __future__ import annotations

import re
from typing import Final

_INVISIBLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # what controls a terminal, the lines and tabs among it
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that say in which direction to read
    "\u2028\u2029\ud800-\udfff]"  # other ends of lines, and halves of characters that cannot be written
)


def visible(text: str) -> str:
    """The text with such characters as Python writes them: `Shot\\n12`, `\\x1b[2J`, `\\u202e`."""
    return _INVISIBLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def visible_lines(text: str) -> str:
    """The same for text of several lines, whose ends and tabs stay."""
    return "\n".join("\t".join(map(visible, line.split("\t"))) for line in text.split("\n"))
