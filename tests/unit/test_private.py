"""What is for one user alone is so from its first byte, whatever the umask, and what is not is refused."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from flamenco.config import private
from flamenco.domain.errors import ConfigError
from flamenco.worker.update_queue import UpdateQueue


@pytest.fixture(autouse=True, params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """The umask of the process, also one that takes nothing away."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    """What the user, the group and others may do."""
    return stat.S_IMODE(path.stat().st_mode)


def test_folders(tmp_path: Path, umask: int) -> None:
    """Nobody else gets into a folder, but for one that others are to go through; those above are as usual."""
    private.make_folder(tmp_path / "above" / "own")
    private.make_folder(tmp_path / "passable", passable=True)
    assert mode(tmp_path / "above" / "own") == 0o700
    assert mode(tmp_path / "above") == 0o777 & ~umask
    assert mode(tmp_path / "passable") == 0o711 & ~umask
    private.make_folder(tmp_path / "passable")
    assert mode(tmp_path / "passable") == 0o711 & ~umask


def test_files(tmp_path: Path) -> None:
    """A file is empty and this user's, or there already; one that is written is complete, and this user's alone."""
    file = tmp_path / "file"
    private.make_file(file)
    assert (mode(file), file.read_bytes()) == (0o600, b"")
    file.write_bytes(b"content")
    private.make_file(file)
    assert file.read_bytes() == b"content"
    loose = tmp_path / "loose"
    loose.write_bytes(b"before")
    loose.chmod(0o666)
    private.write(loose, b"secret")
    assert (mode(loose), loose.read_bytes()) == (0o600, b"secret")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "loose"]


@pytest.mark.parametrize("loose", [0o640, 0o604, 0o610, 0o602])
def test_loose_modes_are_refused(tmp_path: Path, loose: int) -> None:
    """A secret that others can read or change is refused with the command that mends it."""
    file = tmp_path / "token"
    file.touch()
    file.chmod(loose)
    with pytest.raises(ConfigError, match=f"^The token {file} can be read by others; .*: chmod 600 '{file}'$"):
        private.check(file, "The token")
    file.chmod(0o600)
    private.check(file, "The token")


def test_the_queue_of_a_worker(tmp_path: Path) -> None:
    """Nobody else reads what a worker has not delivered yet: it has the logs of tasks in it."""
    queue = UpdateQueue(tmp_path / "queue.sqlite", 1_000_000)
    assert {mode(path) for path in tmp_path.iterdir()} == {0o600}
    queue.close()
