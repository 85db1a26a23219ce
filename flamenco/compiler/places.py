"""A script's text as it is given to V8, and the way back from V8's messages to the place in the file. Pure."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from flamenco.compiler.protocol import PROGRAM, Request, ScriptError

PRELUDE = "flamenco-prelude"
OURS = f"\n//# sourceURL={PRELUDE}"
"""Put behind program text that is not the script's, so that its lines are not taken for those of the script."""
STRICT = '"use strict"; '
"""Put before the script, on its first line: lines keep their numbers."""

_HEADLINE = re.compile(r"(?P<file>[^\n]*?):(?P<line>\d+): (?P<text>.*)", re.DOTALL)
_CARET = re.compile(r"\n[^\n]*\n(?P<before>[ \t]*)\^+[ \t]*(?:\n|$)")
_FRAME = re.compile(r"^    at .*?(?P<file>[^\s():]+):(?P<line>\d+):(?P<column>\d+)\)?$", re.MULTILINE)

_OUR_END = "SyntaxError: Unexpected token ';'"
"""What V8 says of the text put behind the script, where the script stops in the middle."""

_MODULE_HEAD = "(function (exports, require, module) {"
"""What the prelude puts before a module, on its first line."""


class Source:
    """The text of one script, by a request."""

    def __init__(self, request: Request) -> None:
        self.file = request.file
        self.lines = request.source.split("\n")
        # `void 0` keeps V8 from converting the value of the script's last expression for Python.
        # A first line for Unix shells is only one for V8 where nothing stands before it.
        text = f"//{request.source[2:]}" if request.source.startswith("#!") else request.source
        self.program = f"{STRICT}{text}\n;void 0\n//# sourceURL={quote(request.file)}"

    def error(self, message: str) -> ScriptError:
        """What V8 says: `FILE:LINE: TEXT`, the line, a caret below it, and for errors the stack."""
        caret = _CARET.search(message)
        headline, stack = (message[: caret.start()], message[caret.end() :]) if caret else (message, "")
        match = _HEADLINE.fullmatch(headline.rstrip("\n"))
        if match is None:
            return ScriptError(kind="thrown", text=message.strip(), file=self.file)
        places = [(match["file"], int(match["line"]), len(caret["before"]) + 1 if caret else 0)]
        places += [(frame["file"], int(frame["line"]), int(frame["column"])) for frame in _FRAME.finditer(stack)]
        file, line, column = self._place(places)
        text = match["text"]
        if places[0][1] > len(self.lines) and text == _OUR_END:
            text = "SyntaxError: Unexpected end of input"
        return ScriptError(kind="thrown", text=text, file=file, line=line, column=column)

    def _place(self, places: list[tuple[str, int, int]]) -> tuple[str, int, int]:
        """The innermost place in text of the script's author: file, line and column."""
        for place, line, column in places:
            if place in (PRELUDE, "undefined"):
                continue
            file = self.file if place == PROGRAM else unquote(place)
            if file != self.file:
                return file, line, column - (len(_MODULE_HEAD) if line == 1 else 0)
            if line > len(self.lines):  # it goes on where the text ends, so that is where something is missing
                last = max((number for number, text in enumerate(self.lines) if text.strip()), default=0)
                return file, last + 1, len(self.lines[last].rstrip()) + 1
            return file, line, self._column(line, column - (len(STRICT) if line == 1 else 0))
        return self.file, 0, 0

    def _column(self, line: int, units: int) -> int:
        """The column in characters; V8 counts UTF-16 units."""
        before = self.lines[line - 1].encode("utf-16-le", "replace")[: 2 * max(0, units - 1)]
        return len(before.decode("utf-16-le", "replace")) + 1
