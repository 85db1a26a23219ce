"""docs/install.md: what may be installed along with Flamenco, and for which Python, is what pyproject.toml says."""

from __future__ import annotations

import re
import tomllib

from flamenco.cli.completion import SHELLS
from tests.docs.manual import ROOT
from tests.docs.test_examples import lines_for_a_shell

PAGE = "docs/install.md"
TEXT = (ROOT / PAGE).read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

FOR_US = {"dev", "docs", "release", "testing"}
"""Extras for whoever changes Flamenco, or writes plugins for it."""


def test_every_extra_is_listed() -> None:
    """And none that there is not, wherever one is named."""
    table = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", TEXT, re.MULTILINE)
    listed = {name for cell in table for name in re.findall(r"`(\w+)`", cell)}
    assert listed == set(PROJECT["optional-dependencies"]) - FOR_US
    named = {name for group in re.findall(r"'\.\[([\w,]+)\]'", TEXT) for name in group.split(",")}
    assert named
    assert named <= listed


def test_the_python_is_the_one_that_is_needed() -> None:
    """For managers and for workers."""
    assert TEXT.count(f"Python {PROJECT['requires-python'].removeprefix('>=')} or newer") == 2


def test_every_shell_is_named() -> None:
    """That `flamenco completion` knows, with a line for it."""
    typed = [line.split()[2] for line in lines_for_a_shell(PAGE) if line.startswith("flamenco completion")]
    assert tuple(typed) == SHELLS
