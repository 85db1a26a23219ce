"""docs/storage.md: its configuration is what its command writes, and paths become what its table says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from flamenco import builtin
from flamenco.config import load
from flamenco.domain.variables import Variables
from tests.docs import manual
from tests.docs.test_examples import lines_for_a_shell

PAGE = "docs/storage.md"
PLATFORMS = {"Windows": "windows", "macOS": "darwin", "Linux": "linux"}
_ROW = re.compile(r"^\| `(.+?)` on (\w+) \| `(.+?)` \| `(.+?)` \| `(.+?)` \|$", re.MULTILINE)


@pytest.fixture
def variables(tmp_path: Path) -> Variables:
    """Those of a manager on Linux with the configuration that the page shows."""
    file = tmp_path / "flamenco-manager.yaml"
    file.write_text(manual.blocks("yaml", PAGE)[0])
    config = load(file, tmp_path, environ={}, hooks=builtin.core_hooks({})).config
    assert config.shared_storage_path == "/mnt/farm"
    return Variables(config.variables, "linux")


def test_paths_are_translated_as_the_table_says(variables: Variables) -> None:
    """From what is submitted, by what is stored, to what a worker gets."""
    rows = _ROW.findall((manual.ROOT / PAGE).read_text("utf-8"))
    assert len(rows) == 3
    for submitted, system, stored, on_linux, on_windows in rows:
        assert variables.name_prefix(submitted, PLATFORMS[system]) == stored
        assert variables.for_worker("linux").text(stored) == on_linux
        # What no variable is in is nobody's to translate.
        assert variables.for_worker("windows").text(stored) == on_windows


def test_the_command_says_the_same_as_the_configuration(variables: Variables) -> None:
    """Each platform has the folder that the options give it."""
    (line,) = lines_for_a_shell(PAGE)
    words = shlex.split(line)
    given = {"linux": words[words.index("--storage") + 1]}
    given |= dict(words[at + 1].split("=", 1) for at, word in enumerate(words) if word == "--on")
    for platform, folder in given.items():
        assert variables.meanings("workers", platform)["storage"].value == folder.rstrip("\\")
