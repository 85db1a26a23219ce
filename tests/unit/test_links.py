"""Logs and images of a storage in which somebody else makes links: nothing outside of it is read, or written."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from flamenco.domain.errors import NotFound, StoreError
from flamenco.domain.job_files import LAST_RENDERED, folder_of, task_log_name
from flamenco.files.below import open_below
from flamenco.files.images import LastRendered
from flamenco.files.job_folders import job_folder
from flamenco.files.logs import TAIL_BYTES, TaskLogs
from flamenco.files.public import open_public

JOB = "11111111-2222-4333-8444-555555555555"
TASK = "66666666-7777-4888-9999-000000000000"
SECRET = "root:x:0:0"

Lead = Callable[[Path, Path, str], None]


def by_the_file(root: Path, outside: Path, name: str) -> None:
    """The file itself is a link."""
    folder = job_folder(root, JOB)
    folder.mkdir(parents=True)
    (folder / name).symlink_to(outside / name)


def by_the_job(root: Path, outside: Path, name: str) -> None:
    """The folder of the job is a link."""
    folder = job_folder(root, JOB)
    folder.parent.mkdir(parents=True)
    folder.symlink_to(outside, target_is_directory=True)


def by_the_folder_above(root: Path, outside: Path, name: str) -> None:
    """So is the folder above."""
    folder = job_folder(root, JOB)
    (outside / JOB).mkdir()
    (outside / name).rename(outside / JOB / name)
    root.mkdir()
    folder.parent.symlink_to(outside, target_is_directory=True)


WAYS = pytest.mark.parametrize("lead", [by_the_file, by_the_job, by_the_folder_above])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where logs and images lie; it is not there yet."""
    return tmp_path / "storage"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder with what is none of anybody's business."""
    folder = tmp_path / "outside"
    folder.mkdir()
    return folder


def all_of(folder: Path) -> dict[str, str]:
    """What is in all files of a folder."""
    return {path.name: path.read_text() for path in folder.rglob("*") if path.is_file()}


@WAYS
def test_a_log_that_leads_elsewhere(root: Path, outside: Path, lead: Lead) -> None:
    """It is not written to, not shown, and cannot be downloaded; whoever wants that is told."""
    name = task_log_name(TASK)
    (outside / name).write_text(SECRET)
    lead(root, outside, name)
    logs = TaskLogs(root, most_bytes=10)
    with pytest.raises(StoreError, match="cannot be written"):
        logs.append(JOB, TASK, "a line that is longer than ten bytes")
    with pytest.raises(StoreError, match="cannot be read"):
        logs.tail(JOB, TASK)
    with pytest.raises(NotFound):
        open_public(root, *folder_of(JOB), name)
    assert all_of(outside) == {name: SECRET}


@WAYS
def test_an_image_that_leads_elsewhere(root: Path, outside: Path, lead: Lead) -> None:
    """It cannot be downloaded, and a new one takes the place of a link, or is refused, and nothing outside changes."""
    name = LAST_RENDERED[0]
    (outside / name).write_text(SECRET)
    lead(root, outside, name)
    with pytest.raises(NotFound):
        open_public(root, *folder_of(JOB), name)
    images = LastRendered(root)
    if lead is by_the_file:
        images.store(JOB, [b"1", b"2", b"3"])
        assert not (job_folder(root, JOB) / name).is_symlink()
    else:
        with pytest.raises(StoreError, match="cannot be written"):
            images.store(JOB, [b"1", b"2", b"3"])
    assert all_of(outside) == {name: SECRET}


@WAYS
def test_images_are_discarded_nowhere_else(root: Path, outside: Path, lead: Lead) -> None:
    """Where the folder of a job leads elsewhere, no image is removed there; that of a link goes itself."""
    name = LAST_RENDERED[0]
    (outside / name).write_text(SECRET)
    lead(root, outside, name)
    images = LastRendered(root)
    if lead is by_the_file:
        images.discard(JOB)
        assert not (job_folder(root, JOB) / name).is_symlink()
    else:
        with pytest.raises(StoreError, match="cannot be removed"):
            images.discard(JOB)
    assert all_of(outside) == {name: SECRET}


def test_folders_are_made_nowhere_else(root: Path, outside: Path) -> None:
    """Where a link is in place of a folder, not even an empty one is made where it leads."""
    root.mkdir()
    job_folder(root, JOB).parent.symlink_to(outside)
    with pytest.raises(StoreError, match="cannot be written"):
        TaskLogs(root).append(JOB, TASK, "a line")
    with pytest.raises(StoreError, match="cannot be written"):
        LastRendered(root).store(JOB, [b"1", b"2", b"3"])
    assert list(outside.iterdir()) == []


def test_links_where_files_are_written_aside(root: Path, outside: Path) -> None:
    """Their names can be guessed: a link of that name is not followed, for images and for logs that are cut."""
    folder = job_folder(root, JOB)
    folder.mkdir(parents=True)
    (outside / "file").write_text(SECRET)
    mark = f"{os.getpid()}-{threading.get_ident()}"
    for name in LAST_RENDERED:
        (folder / f".{name}-{mark}~").symlink_to(outside / "file")
    (folder / f"{task_log_name(TASK)}~").symlink_to(outside / "file")
    LastRendered(root).store(JOB, [b"1", b"2", b"3"])
    logs = TaskLogs(root, most_bytes=4 * TAIL_BYTES)
    for number in range(1000):
        logs.append(JOB, TASK, f"line {number} of many")
    assert logs.size(JOB, TASK) <= 4 * TAIL_BYTES
    assert all_of(outside) == {"file": SECRET}


def test_a_pipe_is_not_waited_for(root: Path) -> None:
    """What is no file is not served."""
    folder = job_folder(root, JOB)
    folder.mkdir(parents=True)
    os.mkfifo(folder / LAST_RENDERED[0])
    with pytest.raises(NotFound):
        open_public(root, *folder_of(JOB), LAST_RENDERED[0])


def test_the_root_may_be_a_link(root: Path, outside: Path) -> None:
    """That is for whoever configures it."""
    root.symlink_to(outside, target_is_directory=True)
    logs = TaskLogs(root)
    logs.append(JOB, TASK, "a line")
    assert logs.tail(JOB, TASK) == "a line\n"


def test_no_descriptor_is_left_open(root: Path, outside: Path) -> None:
    """However it ends."""
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    root.mkdir()
    (root / "a").symlink_to(outside)
    for path in (root / "a" / "b", root / "c" / "d", root / "a"):
        with pytest.raises(OSError, match=r"Errno"):
            open_below(root, path, os.O_RDONLY)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
