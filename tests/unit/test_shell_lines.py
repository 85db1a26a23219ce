"""Lines for a shell: it runs the program with these arguments and does nothing else, whatever is in them."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flamenco.domain.shell_lines import shell_line

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, max_size=4))
@example(["it's", 'a "name"', "$HOME `id` \\ !!", "a\nb\x1b[201~\r", "\u202e\xa0", "#", "~", "*", "", "a=b", "-x=1"])
def test_bash_gets_the_words(words: list[str]) -> None:
    """A real one splits the line into what it was made of; a person sees all that is in it."""
    line = shell_line(["printf", "%s\\0", *words], "linux")
    assert line.isprintable()
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, check=True, timeout=30, env={"PATH": "/bin:/usr/bin"}
    )
    # Without a word it is said once all the same, of nothing.
    assert done.stdout == b"".join(word.encode() + b"\0" for word in words or [""])


@pytest.mark.parametrize(
    ("word", "written"),
    [
        (r"C:\Blender\blender.exe", r"C:\Blender\blender.exe"),
        (r"C:\Program Files\b.exe", r"'C:\Program Files\b.exe'"),
        ("--python-expr", "--python-expr"),
        ("-E.x", "'-E.x'"),
        ("12", "12"),
        ("0x10", "'0x10'"),
        ("", "''"),
        ("it's", "'it''s'"),
        ("it\u2019s", "'it\u2019\u2019s'"),
        ("$env:PATH; & calc", "'$env:PATH; & calc'"),
        ('a\n"$b`\u201d', '"a`u{a}`"`$b```\u201d"'),
        ("\x1b[201~", '"`u{1b}[201~"'),
    ],
)
def test_for_powershell(word: str, written: str) -> None:
    """Each word is one argument there, quoted by its rules."""
    assert shell_line(["blender", word], "windows") == f"& blender {written}"


def test_plain_words_stay_as_they_are() -> None:
    """What people would have typed themselves is not quoted."""
    assert shell_line(["/opt/blender", "-b", "a.blend", "-f", "1..3"], "linux") == "/opt/blender -b a.blend -f 1..3"
    assert shell_line(["echo", "it's", "a b"], "darwin") == "echo 'it'\\''s' 'a b'"
