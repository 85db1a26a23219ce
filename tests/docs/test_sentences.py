"""What the manuals quote as said by Flamenco, in lines that begin with `>`, is said: the sentence is in the code."""

from __future__ import annotations

import re
from functools import cache

import pytest

from tests.docs.manual import ROOT

_QUOTE = re.compile(r"^> (.+(?:\n> .+)*)$", re.MULTILINE)
_GAP = re.compile(r"(?:…|\{[^{}\n]*\}|%[sdr])+")
_REMARKS = re.compile(r'""".*?"""|^ *#[^\n]*', re.DOTALL | re.MULTILINE)
_PIECES = re.compile(r"""(["'])\s*\n\s*f?\1""")


def quotes() -> list[tuple[str, str]]:
    """Every sentence that is quoted, with its page."""
    return [
        (page.name, " ".join(found.replace("\n> ", " ").split()))
        for page in sorted((ROOT / "docs").glob("*.md"))
        for found in _QUOTE.findall(page.read_text("utf-8"))
    ]


def plain(text: str) -> str:
    """A text in which `…` stands for each thing that differs."""
    return " ".join(_GAP.sub("…", text).split())


@cache
def said() -> str:
    """All that the program may say, with its code around it, but without docstrings and comments.

    Texts that are written in several pieces are one. It is not parsed: that would take seconds.
    """
    code = "\n".join(file.read_text("utf-8") for file in sorted((ROOT / "flamenco").rglob("*.py")))
    return plain(_PIECES.sub("", _REMARKS.sub("", code)))


def is_said(sentence: str) -> bool:
    """Whether the program says that, or something that it is a part of."""
    return plain(sentence).rstrip(".") in said()


@pytest.mark.parametrize(("page", "sentence"), quotes())
def test_it_is_said(page: str, sentence: str) -> None:
    """Whoever changes a sentence that a manual explains changes it there, too."""
    assert is_said(sentence), f"{page} quotes what nothing says"
    assert len(plain(sentence).replace("…", "").strip(" .,:")) >= 12, "that is said of anything"


def test_there_is_much_to_look_for() -> None:
    """Each page that explains sentences has some, and none twice."""
    found = quotes()
    assert {page for page, _ in found} >= {"storage.md", "troubleshooting.md"}
    for page in ("storage.md", "troubleshooting.md"):
        sentences = [sentence for of, sentence in found if of == page]
        assert len(sentences) == len(set(sentences))
        assert len(sentences) >= 12


@pytest.mark.parametrize("sentence", ["the manager is made of cheese", "… is no database we know of anywhere"])
def test_what_nobody_says_is_seen(sentence: str) -> None:
    """Or the tests above would hold of nothing."""
    assert not is_said(sentence)
