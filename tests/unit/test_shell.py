"""Splitting arguments in Python. `tests/integration/test_compiler_prelude.py` holds the JavaScript to the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flamenco.domain.shell import shell_split

VECTORS = json.loads(Path(__file__).parents[1].joinpath("vectors/shell.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("text", "words", "error"), VECTORS["splits"])
def test_splits(text: str, words: list[str] | None, error: str) -> None:
    """A line is split into the words that the table says, or refused with its text."""
    if words is None:
        with pytest.raises(ValueError, match=error):
            shell_split(text)
    else:
        assert shell_split(text) == words


@given(st.lists(st.text(max_size=10), max_size=6))
def test_single_quotes_keep_words(words: list[str]) -> None:
    """Words without a single quote come back as they were when they are put in single quotes."""
    words = [word.replace("'", "") for word in words]
    assert shell_split(" ".join(f"'{word}'" for word in words)) == words


@given(st.lists(st.text(min_size=1, max_size=10), max_size=6))
def test_backslashes_keep_words(words: list[str]) -> None:
    """Any word comes back as it was when each of its characters is escaped, in double quotes and without."""
    escaped = ["".join("\\" + char for char in word) for word in words]
    assert shell_split("\t".join(escaped)) == words
    assert shell_split("\n".join(f'"{word}"' for word in escaped)) == words


@given(st.text(alphabet="ab '\"\\#\n\t", max_size=20))
def test_any_text_is_split_or_refused(text: str) -> None:
    """Whatever people type is split into words, or refused for its end."""
    try:
        words, complaint = shell_split(text), "EOF found"
    except ValueError as error:
        words, complaint = [], str(error)
    assert complaint.startswith("EOF found")
    assert sum(map(len, words)) <= len(text)
