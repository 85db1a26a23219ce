"""What is sent of a script: all that browsers run of it, and nothing that is there for who reads the file.

Comments and indentation are a third of all that would have to be sent. Every line keeps its number, which errors tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

Kind = Literal["code", "comment", "indent", "markup"]
"""What a part of a script is. Markup are the texts of templates of elements, between their values."""

_PART: Final = re.compile(
    r"""
      (?P<comment> [ \t]* (?: /\*.*?\*/ [ \t]* | //[^\n]* ) )
    | (?P<indent> (?<=\n) [ \t]+ )
    | (?P<turn> [`{}] )
    | " (?: \\. | [^"\\\n] )* "
    | ' (?: \\. | [^'\\\n] )* '
    | [(,=:\[!&|?>] \s* / (?![/*]) (?: \\. | \[ (?: \\. | [^]\\\n] )* ] | [^[/\\\n] )+ /  # a regular expression
    """,
    re.VERBOSE | re.DOTALL,
)
_TEMPLATE: Final = re.compile(r"(?: \\. | \$(?!\{) | [^`$\\] )* (?: ` | \$\{ )?", re.VERBOSE | re.DOTALL)
_INDENT: Final = re.compile(r"(?<=\n)[ \t]+")
_ENDS: Final = {"", "\n"}

MARKUP: Final = "html`"
"""How elements are written."""


def without_indentation(text: str) -> str:
    """A text of which no line begins with space. Styles and elements are the same without."""
    return _INDENT.sub("", text)


def sent(script: str) -> str:
    """A script without its comments and its indentation, but for that of texts which are not elements."""
    out: list[str] = []
    for kind, text in parts(script):
        if kind == "code":
            out.append(text)
        elif kind == "markup":
            out.append(without_indentation(text))
        elif kind == "comment":
            out.append("\n" * text.count("\n"))
    return "".join(out)


def parts(script: str) -> Iterator[tuple[Kind, str]]:
    """A script, part by part. A part of markup ends with what ends it: a backquote, or what begins a value."""
    # For each template that is open: whether it is one of elements, and how many braces are open in its value.
    open_templates: list[tuple[bool, int]] = []
    at = 0
    while found := _PART.search(script, at):
        yield "code", script[at : found.start()]
        yield from _found(script, found)
        at = found.end()
        if found.lastgroup == "turn" and _is_in_template(script, at, open_templates):
            text = _text_of_template(script, at)
            yield "markup" if open_templates[-1][0] else "code", text
            at += len(text)
            if text.endswith("`"):
                open_templates.pop()
    yield "code", script[at:]


def _found(script: str, found: re.Match[str]) -> Iterator[tuple[Kind, str]]:
    if found.lastgroup == "indent":
        yield "indent", found[0]
    elif found.lastgroup == "comment":
        yield "comment", found[0]
        if _stands_between(script, found):
            yield "code", " "
    else:
        yield "code", found[0]


def _text_of_template(script: str, at: int) -> str:
    found = _TEMPLATE.match(script, at)
    return found[0] if found else ""


def _stands_between(script: str, comment: re.Match[str]) -> bool:
    """Whether something is before and after a comment in its line, which are not to become one."""
    start, end = comment.span()
    return "\n" not in comment[0] and script[start - 1 : start] not in _ENDS and script[end : end + 1] not in _ENDS


def _is_in_template(script: str, at: int, open_templates: list[tuple[bool, int]]) -> bool:
    """Whether the text of a template goes on behind the character before: it begins one, or ends a value in one."""
    turn = script[at - 1]
    if turn == "`":
        open_templates.append((script.endswith(MARKUP, 0, at), 0))
        return True
    if not open_templates:
        return False
    is_markup, depth = open_templates[-1]
    if turn == "}" and not depth:
        return True
    open_templates[-1] = is_markup, depth + (1 if turn == "{" else -1)
    return False
