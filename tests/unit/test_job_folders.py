"""The folders of jobs in the local storage: their images, what of them is public, and how they are removed."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from flamenco.domain import job_files
from flamenco.domain.errors import NotFound, StoreError
from flamenco.files.images import LastRendered
from flamenco.files.job_folders import job_folder, remove_job_folder
from flamenco.files.logs import TaskLogs
from flamenco.files.public import open_public

JOB = "6d0e2b4a-0000-4000-8000-000000000001"
NEIGHBOUR = "6d0e2b4a-0000-4000-8000-000000000009"
TASK = "6d0e2b4a-0000-4000-8000-000000000002"
JPEGS = [b"large", b"small", b"tiny"]


def test_addresses_mirror_the_folders() -> None:
    """The address of a job's files is the path of its folder."""
    assert job_files.url_of(JOB) == f"/job-files/job-6d0e/{JOB}"
    assert job_folder(Path("/root"), JOB) == Path(f"/root/job-6d0e/{JOB}")


def test_the_last_image_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    """There are three files per job, of the image that came last, and nothing half-written beside them."""
    images = LastRendered(tmp_path)
    assert not images.exist(JOB)
    images.store(JOB, [b"1", b"2", b"3"])
    images.store(JOB, JPEGS)
    assert images.exist(JOB)
    assert {file.name: file.read_bytes() for file in job_folder(tmp_path, JOB).iterdir()} == {
        "last-rendered.jpg": b"large",
        "last-rendered-small.jpg": b"small",
        "last-rendered-tiny.jpg": b"tiny",
    }


def test_images_that_cannot_be_written(tmp_path: Path) -> None:
    """The reason is said in a sentence, and nothing half-written is left."""
    (tmp_path / "job-6d0e").write_text("in the way")
    with pytest.raises(StoreError, match=r"images in .* cannot be written: (Not a directory|File exists)"):
        LastRendered(tmp_path).store(JOB, JPEGS)
    folder = job_folder(tmp_path, NEIGHBOUR.replace("6d0e", "1111", 1))
    (folder / "last-rendered.jpg").mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be written"):
        LastRendered(tmp_path).store(folder.name, JPEGS)
    assert [file.name for file in folder.iterdir()] == ["last-rendered.jpg"]


def test_discarded_images(tmp_path: Path) -> None:
    """Images of a job that is deleted go, with folders that nothing else is in."""
    images = LastRendered(tmp_path)
    images.discard(JOB)
    images.store(JOB, JPEGS)
    TaskLogs(tmp_path).append(JOB, TASK, "text")
    images.discard(JOB)
    assert [file.name for file in job_folder(tmp_path, JOB).iterdir()] == [f"task-{TASK}.txt"]
    job_folder(tmp_path, JOB).joinpath(f"task-{TASK}.txt").unlink()
    images.discard(JOB)
    assert list(tmp_path.iterdir()) == []


def test_a_job_is_removed_with_all_its_files(tmp_path: Path) -> None:
    """The job's folder goes, the one above when no other job is in it; what is not there is no mistake."""
    logs = TaskLogs(tmp_path)
    for job in (JOB, NEIGHBOUR):
        logs.append(job, TASK, "text")
        LastRendered(tmp_path).store(job, JPEGS)
    remove_job_folder(tmp_path, JOB)
    assert [folder.name for folder in (tmp_path / "job-6d0e").iterdir()] == [NEIGHBOUR]
    remove_job_folder(tmp_path, NEIGHBOUR)
    assert list(tmp_path.iterdir()) == []
    remove_job_folder(tmp_path, JOB)
    remove_job_folder(tmp_path / "missing", JOB)


@pytest.mark.parametrize("job_id", ["", ".", "..", "../..", "/", "/etc", JOB.upper(), f"{JOB}/..", "*", f"{JOB}\n"])
def test_only_folders_of_jobs_are_removed(tmp_path: Path, job_id: str) -> None:
    """Whatever is no job's UUID removes nothing."""
    (tmp_path / "job-" / "kept").mkdir(parents=True)
    with pytest.raises(StoreError, match="not the UUID of a job"):
        remove_job_folder(tmp_path, job_id)
    assert (tmp_path / "job-" / "kept").is_dir()


@pytest.mark.parametrize("linked", ["job-6d0e", f"job-6d0e/{JOB}"])
def test_links_are_not_followed(tmp_path: Path, linked: str) -> None:
    """A link in place of a folder is left alone, with what it leads to."""
    elsewhere, root = tmp_path / "elsewhere", tmp_path / "root"
    (elsewhere / JOB).mkdir(parents=True)
    (root / linked).parent.mkdir(parents=True)
    (root / linked).symlink_to(elsewhere)
    with pytest.raises(StoreError, match="symbolic link"):
        remove_job_folder(root, JOB)
    assert (elsewhere / JOB).is_dir()


def test_removal_that_fails_is_said_in_a_sentence(tmp_path: Path) -> None:
    """A file in place of the folder is nothing that we made; the job's deletion is to stop there."""
    folder = job_folder(tmp_path, JOB)
    folder.parent.mkdir()
    folder.write_text("in the way")
    with pytest.raises(StoreError, match="cannot be removed: Not a directory"):
        remove_job_folder(tmp_path, JOB)


def test_removal_while_others_write(tmp_path: Path) -> None:
    """Jobs that share a folder come and go at once, and nobody fails because of the others."""
    logs, problems = TaskLogs(tmp_path), []

    def come_and_go(job: str) -> None:
        try:
            for _ in range(200):
                logs.append(job, TASK, "text")
                remove_job_folder(tmp_path, job)
        except StoreError as error:
            problems.append(error)

    threads = [threading.Thread(target=come_and_go, args=(f"{JOB[:-1]}{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert list(tmp_path.iterdir()) == []


def test_public_files(tmp_path: Path) -> None:
    """Logs and images are public, as they are now."""
    TaskLogs(tmp_path).append(JOB, TASK, "text")
    LastRendered(tmp_path).store(JOB, JPEGS)
    log = open_public(tmp_path, "job-6d0e", JOB, f"task-{TASK}.txt")
    with log.stream:
        assert (log.stream.read(), log.size) == (b"text\n", 5)
    first = open_public(tmp_path, "job-6d0e", JOB, "last-rendered-tiny.jpg")
    LastRendered(tmp_path).store(JOB, JPEGS)
    second = open_public(tmp_path, "job-6d0e", JOB, "last-rendered-tiny.jpg")
    assert first.etag != second.etag
    first.stream.close()
    second.stream.close()


@pytest.mark.parametrize(
    ("folder", "job", "name"),
    [
        ("job-6d0e", JOB, "other.txt"),
        ("job-6d0e", JOB, ".last-rendered.jpg-1-2~"),
        ("job-6d0e", JOB, "last-rendered-small.jpg"),
        ("job-6d0e", JOB, "task-1.txt"),
        ("job-6d0e", JOB, f"task-{TASK}.txt\n"),
        ("job-6d0e", NEIGHBOUR, "last-rendered.jpg"),
        ("job-1111", JOB, "last-rendered.jpg"),
        ("..", JOB, "last-rendered.jpg"),
        ("job-6d0e", "..", "last-rendered.jpg"),
        ("job-6d0e", JOB, ".."),
        ("job-6d0e", JOB, ""),
        ("", "", ""),
    ],
)
def test_everything_else_is_not_found(tmp_path: Path, folder: str, job: str, name: str) -> None:
    """What lies beside the public files, or anywhere else, is not there for people; nor is a folder."""
    home = job_folder(tmp_path, JOB)
    (home / "last-rendered-small.jpg").mkdir(parents=True)
    for other in ("last-rendered.jpg", "other.txt", ".last-rendered.jpg-1-2~", "task-1.txt"):
        (home / other).write_text("secret")
    with pytest.raises(NotFound):
        open_public(tmp_path, folder, job, name)
