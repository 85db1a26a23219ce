"""`move-directory` where it is hard: from one disk to another, onto itself, into itself, and failing on the way."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flamenco import CommandCancelled, CommandFailed
from flamenco.hooks.parameters import ParameterError
from flamenco.worker.cancellation import CancelReason
from tests.unit.commanding import Bench

LARGE_BYTES = 64 * 1024 * 1024


@pytest.fixture
def bench() -> Bench:
    """A worker's context."""
    return Bench()


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on another disk than `tmp_path`: the system's memory disk."""
    folder = Path(tempfile.mkdtemp(dir="/dev/shm"))
    assert folder.stat().st_dev != tmp_path.stat().st_dev
    yield folder
    shutil.rmtree(folder)


def tree(folder: Path) -> dict[str, object]:
    """Everything in a folder: contents, targets of links, modes and times."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()))
        elif path.is_dir():
            found[name] = ("folder", oct(status.st_mode))
        else:
            found[name] = (path.read_bytes(), oct(status.st_mode), status.st_mtime)
    return found


def shot(folder: Path) -> Path:
    """A folder of frames, with a script, a folder, and links, one of which leads nowhere."""
    (folder / "deep" / "empty").mkdir(parents=True)
    (folder / "frame-1.png").write_bytes(b"one" * 1000)
    (folder / "deep" / "script").write_text("#!")
    (folder / "deep" / "script").chmod(0o750)
    os.utime(folder / "frame-1.png", (1e9, 1e9))
    (folder / "latest.png").symlink_to("frame-1.png")
    (folder / "nowhere").symlink_to("/no/such/file")
    (folder / "deep-link").symlink_to("deep")
    return folder


def test_a_folder_moves_to_another_disk(bench: Bench, tmp_path: Path, other_disk: Path) -> None:
    """It is there as it was, with its links, modes and times; nothing of it is left, and nothing beside it."""
    src = shot(tmp_path / "src")
    before = tree(src)
    log = bench.run("move-directory", src=str(src), dest=str(other_disk / "dest"))
    assert log == f'move-directory: moving "{src}" to "{other_disk / "dest"}"\n'
    assert tree(other_disk / "dest") == before
    assert list(tmp_path.iterdir()) == []
    assert [path.name for path in other_disk.iterdir()] == ["dest"]


def test_what_is_there_is_kept_on_its_disk(bench: Bench, tmp_path: Path, other_disk: Path) -> None:
    """What is at a destination on another disk gets a name with its time, as ever."""
    src, dest = shot(tmp_path / "src"), shot(other_disk / "dest")
    (dest / "old").touch()
    bench.run("move-directory", src=str(src), dest=str(dest))
    assert not (dest / "old").exists()
    (kept,) = [path for path in other_disk.iterdir() if path != dest]
    assert kept.name.startswith("dest-")
    assert (kept / "old").exists()


@pytest.mark.parametrize("kind", ["file", "link", "dead-link"])
def test_files_and_links_move_to_another_disk(bench: Bench, tmp_path: Path, other_disk: Path, kind: str) -> None:
    """A file is copied, a link stays a link to what it led to."""
    src, dest = tmp_path / "src", other_disk / "dest"
    (tmp_path / "target").write_text("content")
    target = {"link": tmp_path / "target", "dead-link": tmp_path / "no"}.get(kind)
    src.symlink_to(target) if target else src.write_text("content")
    bench.run("move-directory", src=str(src), dest=str(dest))
    assert not os.path.lexists(src)
    assert (dest.readlink() if target else dest.read_text()) == (target or "content")


def test_a_copy_that_fails_loses_nothing(bench: Bench, tmp_path: Path, other_disk: Path) -> None:
    """When the copy fails, source and destination are as they were, nothing is left over, and the sentence says why."""
    src, dest = shot(tmp_path / "src"), shot(other_disk / "dest")
    os.mkfifo(src / "pipe")  # cannot be copied
    before = tree(dest)
    with pytest.raises(CommandFailed, match=r"could not move .*pipe: .*no file that can be copied"):
        bench.run("move-directory", src=str(src), dest=str(dest))
    assert (src / "frame-1.png").exists()
    assert (src / "deep" / "script").exists()
    assert tree(dest) == before
    assert [path.name for path in other_disk.iterdir()] == ["dest"]


def test_cancelling_loses_nothing(bench: Bench, tmp_path: Path, other_disk: Path) -> None:
    """A task that is taken away while it copies stops soon, and leaves everything as it was."""
    src, dest = shot(tmp_path / "src"), shot(other_disk / "dest")
    for number in range(8):
        with (src / f"large-{number}").open("wb") as file:
            file.truncate(LARGE_BYTES)
    before = tree(dest)

    def cancel() -> None:
        while not list(other_disk.glob(".flamenco-moving-*/large-*")):
            pass
        bench.cancellation.cancel(CancelReason.MANAGER)

    canceller = threading.Thread(target=cancel)
    canceller.start()
    with pytest.raises(CommandCancelled):
        bench.run("move-directory", src=str(src), dest=str(dest))
    canceller.join()
    assert len(list(src.glob("large-*"))) == 8
    assert tree(dest) == before
    assert [path.name for path in other_disk.iterdir()] == ["dest"]


def test_a_destination_that_cannot_be_filled_comes_back(bench: Bench, tmp_path: Path) -> None:
    """When the source cannot be moved, what was moved out of its way is put back."""
    src, dest = Path("/proc/self"), shot(tmp_path / "dest")
    before = tree(dest)
    with pytest.raises(CommandFailed, match="could not move"):
        bench.run("move-directory", src=str(src / "fdinfo"), dest=str(dest))
    assert tree(dest) == before
    assert [path.name for path in tmp_path.iterdir()] == ["dest"]


@pytest.mark.parametrize("spelling", ["same", "slash", "dots", "link", "parent-link", "relative", "hard-link"])
def test_onto_itself(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelling: str) -> None:
    """With one source and destination, however that is written, nothing changes, and the log says so."""
    src = shot(tmp_path / "src")
    (tmp_path / "link").symlink_to(src)
    (tmp_path / "parent").symlink_to(tmp_path)
    os.link(src / "frame-1.png", tmp_path / "hard")
    monkeypatch.chdir(tmp_path)
    source, dest = {
        "same": (src, src),
        "slash": (src, f"{src}/"),
        "dots": (src, f"{src}/deep/../../src"),
        "link": (src, tmp_path / "link"),
        "parent-link": (src, tmp_path / "parent" / "src"),
        "relative": ("src", src),
        "hard-link": (src / "frame-1.png", tmp_path / "hard"),
    }[spelling]
    before = tree(tmp_path)
    log = bench.run("move-directory", src=str(source), dest=str(dest))
    assert "are the same, not moving anything" in log
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("src", "dest", "reason"),
    [
        ("src", "src/deep/new", "is inside of"),
        ("src", "src/new", "is inside of"),
        ("src", "src/deep", "is inside of"),
        ("src", "deep-link/new", "is inside of"),
        ("src/deep", "src", "would be moved out of the way"),
        ("src/deep/empty", "src", "would be moved out of the way"),
    ],
)
def test_into_itself(bench: Bench, tmp_path: Path, src: str, dest: str, reason: str) -> None:
    """A folder is moved neither into itself nor to where a folder around it is; nothing changes."""
    shot(tmp_path / "src")
    (tmp_path / "deep-link").symlink_to(tmp_path / "src" / "deep")
    before = tree(tmp_path)
    with pytest.raises(ParameterError, match=reason):
        bench.run("move-directory", src=str(tmp_path / src), dest=str(tmp_path / dest))
    assert tree(tmp_path) == before


def test_beside_itself(bench: Bench, tmp_path: Path) -> None:
    """A name that only begins like the source is another folder."""
    src = shot(tmp_path / "src")
    bench.run("move-directory", src=str(src), dest=str(tmp_path / "src-2"))
    assert [path.name for path in tmp_path.iterdir()] == ["src-2"]
