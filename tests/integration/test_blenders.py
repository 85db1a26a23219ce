"""Which programs the set-up assistant runs to find out whether they are Blender: none that a stranger has put there."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from flamenco.domain.errors import Busy
from flamenco.farm import blenders

SAYS_SO = "#!/bin/sh\necho ran >> {trace}\necho Blender 4.2.0\n"


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """A file with a line for each time that a program of this test was run."""
    return tmp_path / "trace"


def program(file: Path, trace: Path) -> Path:
    """A program that says that it is Blender."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(SAYS_SO.format(trace=trace))
    file.chmod(0o755)
    return file


@pytest.mark.parametrize("name", ["blender", "Blender", "blender-4.2", "blender4.2.1", "blender.exe"])
def test_blender_in_a_folder_of_the_configuration(tmp_path: Path, trace: Path, name: str) -> None:
    """By its path, or that of its folder where it has the usual name."""
    file = program(tmp_path / "apps" / "4.2" / name, trace)
    found = blenders.check(str(file), [str(tmp_path / "apps")])
    assert (found.is_usable, found.cause, found.path) == (True, "Found Blender 4.2.0", str(file))
    if name == "blender":
        assert blenders.check(str(file.parent), [str(tmp_path / "apps")]).is_usable


def test_blender_on_the_path(tmp_path: Path, trace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever can put something there can have it run anyway."""
    file = program(tmp_path / "bin" / "blender", trace)
    monkeypatch.setenv("PATH", str(file.parent))
    assert blenders.check("blender").is_usable
    assert blenders.check(str(file)).is_usable
    assert [found.path for found in blenders.find()] == [str(file)]


@pytest.mark.parametrize(
    "name", ["not-blender", "blender.sh", "blender-thumbnailer", "myblender", "blender-4.2-evil", "blender\n", "sh"]
)
def test_what_is_not_called_blender(tmp_path: Path, trace: Path, name: str) -> None:
    """It is not run, wherever it is."""
    file = program(tmp_path / name, trace)
    found = blenders.check(str(file), [str(tmp_path)])
    assert not found.is_usable
    assert "does not say that it is Blender" in found.cause
    assert not trace.exists()


def test_blender_that_is_not_installed(tmp_path: Path, trace: Path) -> None:
    """What lies in a share, say: named by its path, its folder, by way of another folder, or by a link."""
    allowed = tmp_path / "apps"
    allowed.mkdir()
    file = program(tmp_path / "share" / "blender", trace)
    (allowed / "blender").symlink_to(file)
    (allowed / "folder").symlink_to(file.parent)
    for given in (
        str(file),
        str(file.parent),
        f"{allowed}/../share/blender",
        str(allowed / "blender"),
        str(allowed / "folder" / "blender"),
        f"/usr/bin/../..{file}",
    ):
        found = blenders.check(given, [str(allowed)])
        assert not found.is_usable, given
        assert "blender_folders" in found.cause
    assert not trace.exists()


def test_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ask, one program runs; who has waited for too long is told to come again."""
    started, go_on = tmp_path / "started", tmp_path / "go-on"
    file = tmp_path / "blender"
    file.write_text(f"#!/bin/sh\necho > {started}\nread line < {go_on}\necho Blender 4.2.0\n")
    file.chmod(0o755)
    os.mkfifo(go_on)
    first = threading.Thread(target=blenders.check, args=(str(file), [str(tmp_path)]))
    first.start()
    pause = threading.Event()
    while not started.exists():
        pause.wait(0.01)
    monkeypatch.setattr(blenders, "TIMEOUT_S", 0.1)
    with pytest.raises(Busy):
        blenders.check(str(file), [str(tmp_path)])
    go_on.write_text("\n")
    first.join()
