"""The folders of jobs: complete or not there, each its own, and nothing outside of them is ever touched."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flamenco.domain.errors import Conflict, Failed, Refused
from flamenco.domain.shaman import Content, NamedFile
from flamenco.files.below import Folder
from flamenco.files.shaman import links
from flamenco.files.shaman.checkout import NAMES_TRIED, Checkouts
from flamenco.files.shaman.folders import ShamanFolders
from flamenco.files.shaman.links import Blob, Kind
from flamenco.files.shaman.store import FileStore
from flamenco.testing import Clock
from tests.integration.shaman_files import content_of, files_in, named, put

FILES = {"shot.blend": b"blend", "textures/wood.png": b"wood", "textures/deep/er/x.png": b"x", "copy.blend": b"blend"}


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> FileStore:
    """A store that has all of `FILES`."""
    files = FileStore(ShamanFolders(tmp_path / "shared"), clock)
    for data in set(FILES.values()):
        put(files, data)
    return files


@pytest.fixture
def checkouts(store: FileStore) -> Checkouts:
    """Checkouts of symbolic links."""
    return Checkouts(store, "symlink")


@pytest.fixture
def jobs(store: FileStore) -> Path:
    """The folder of all checkouts."""
    return store.folders.jobs


def specification(files: dict[str, bytes] = FILES) -> list[NamedFile]:
    """The files of a job, as a client lists them."""
    return [named(data, path) for path, data in files.items()]


def contents(folder: Path) -> dict[str, bytes]:
    """What is in the folder of a job."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def below(folder: Path) -> list[str]:
    """What there is in the folder of all checkouts."""
    return list(files_in(folder)) if folder.exists() else []


@pytest.mark.parametrize("path", ["job", "studio/Ein Film/シーン 3"])
def test_checkout(checkouts: Checkouts, jobs: Path, path: str) -> None:
    """A checkout has every file in its place, as a relative link, and nothing else is left beside it."""
    assert checkouts.create(path, specification()) == path
    assert contents(jobs / path) == FILES
    for file in FILES:
        target = os.readlink(jobs / path / file)  # noqa: PTH115
        assert target.startswith("../"), target
    assert sorted(os.listdir(jobs)) == [path.split("/", maxsplit=1)[0]]  # noqa: PTH208


def test_checkout_holds_wherever_the_storage_is(checkouts: Checkouts, store: FileStore, tmp_path: Path) -> None:
    """The storage may be elsewhere on another machine."""
    checkouts.create("a/b", specification())
    store.folders.shared.rename(tmp_path / "mounted")
    assert contents(tmp_path / "mounted" / "jobs" / "a" / "b") == FILES


def test_storage_reached_through_a_link(store: FileStore, tmp_path: Path, clock: Clock) -> None:
    """Links stay within the storage, whatever it is called on this machine."""
    (tmp_path / "link").symlink_to(store.folders.shared)
    Checkouts(FileStore(ShamanFolders(tmp_path / "link"), clock), "symlink").create("a/b", specification())
    target = os.readlink(store.folders.jobs / "a" / "b" / "shot.blend")  # noqa: PTH115
    assert target.startswith("../../../file-store/stored/")


def test_storage_behind_a_link(store: FileStore, tmp_path: Path, clock: Clock) -> None:
    """The storage, its store and its jobs may be symbolic links to somewhere else."""
    shared = store.folders.shared
    (tmp_path / "disk" / "deep").mkdir(parents=True)
    shutil.move(store.folders.store, tmp_path / "disk" / "deep" / "store")
    store.folders.store.symlink_to(tmp_path / "disk" / "deep" / "store")
    (tmp_path / "disk" / "jobs").mkdir()
    store.folders.jobs.symlink_to(tmp_path / "disk" / "jobs")
    (tmp_path / "link").symlink_to(shared)
    files = FileStore(ShamanFolders(tmp_path / "link"), clock)
    assert Checkouts(files, "symlink").create("a/b", specification()) == "a/b"
    assert contents(tmp_path / "link" / "jobs" / "a" / "b") == FILES


def test_paths_of_windows(checkouts: Checkouts, jobs: Path) -> None:
    """Clients on Windows get folders, not files with odd names."""
    checkouts.create("job", [named(b"wood", "textures\\deep\\wood.png"), named(b"x", "textures/x.png")])
    assert contents(jobs / "job") == {"textures/deep/wood.png": b"wood", "textures/x.png": b"x"}


def test_same_file_twice(checkouts: Checkouts, jobs: Path) -> None:
    """A file that is listed twice is there once."""
    checkouts.create("job", [named(b"x", "a/x"), named(b"x", "a\\x")])
    assert contents(jobs / "job") == {"a/x": b"x"}


def test_no_files(checkouts: Checkouts, jobs: Path) -> None:
    """A job without files has an empty folder."""
    assert checkouts.create("job", []) == "job"
    assert below(jobs) == ["job"]


@pytest.mark.parametrize("kind", ["hardlink", "copy"])
def test_other_ways(store: FileStore, jobs: Path, kind: Kind) -> None:
    """Where links are not wanted, the files are there by other means."""
    Checkouts(store, kind).create("job", specification())
    assert contents(jobs / "job") == FILES
    found = (jobs / "job" / "shot.blend").lstat()
    blob = store.folders.blob(content_of(b"blend")).stat()
    assert not (jobs / "job" / "shot.blend").is_symlink()
    assert (found.st_ino == blob.st_ino) == (kind == "hardlink")


@pytest.mark.parametrize(("unable", "inode_kept"), [(["symlink"], True), (["symlink", "hardlink"], False)])
def test_file_system_without_links(
    checkouts: Checkouts,
    store: FileStore,
    jobs: Path,
    monkeypatch: pytest.MonkeyPatch,
    unable: list[Kind],
    inode_kept: bool,
) -> None:
    """What a file system cannot do is done in the next way that it can."""

    def cannot(_blob: Blob, _folder: Folder, name: str, _final: str) -> None:
        raise OSError(errno.EOPNOTSUPP, "not here", name)

    for kind in unable:
        monkeypatch.setitem(links._WAYS, kind, cannot)
    checkouts.create("job", specification())
    assert contents(jobs / "job") == FILES
    blob = store.folders.blob(content_of(b"blend")).stat()
    assert ((jobs / "job" / "shot.blend").lstat().st_ino == blob.st_ino) == inode_kept


def test_taken_names(checkouts: Checkouts, jobs: Path) -> None:
    """A name that is taken gets a suffix of four letters or digits, and what has the name stays as it is."""
    assert checkouts.create("a/job", specification()) == "a/job"
    second = checkouts.create("a/job", [named(b"x", "x")])
    third = checkouts.create("a/job", [named(b"wood", "w")])
    assert len({second, third}) == 2
    for used in (second, third):
        assert used.startswith("a/job-")
        assert len(used) == len("a/job-") + 4
        assert used[-4:].isalnum()
        assert used[-4:].islower() or used[-4:].isdigit()
    assert contents(jobs / "a" / "job") == FILES
    assert contents(jobs / second) == {"x": b"x"}
    assert contents(jobs / third) == {"w": b"wood"}


def test_taken_by_anything(checkouts: Checkouts, jobs: Path, tmp_path: Path) -> None:
    """A file, an empty folder and a dangling link have their names too."""
    (jobs / "empty").mkdir(parents=True)
    (jobs / "file").touch()
    (jobs / "link").symlink_to(tmp_path / "nothing")
    for name in ("empty", "file", "link"):
        assert checkouts.create(name, specification()).startswith(f"{name}-")
    assert below(jobs / "empty") == []
    assert (jobs / "link").is_symlink()


def test_no_name_left(checkouts: Checkouts, jobs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After ten names that are taken, it is given up, and nothing but what was there is left."""
    suffixes = iter(["aaaa"] * (NAMES_TRIED - 1))
    monkeypatch.setattr("flamenco.files.shaman.checkout._random_suffix", lambda: next(suffixes))
    assert [checkouts.create("job", [named(b"x", "x")]) for _ in range(1)] == ["job"]
    (jobs / "job-aaaa").mkdir()
    before = below(jobs)
    with pytest.raises(Failed, match="too many checkouts"):
        checkouts.create("job", specification())
    assert next(suffixes, None) is None
    assert below(jobs) == before


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([named(b"not stored", "a")], "unknown files requested in checkout"),
        ([named(b"x", "x"), NamedFile(Content("F" * 64, 1), "y")], "unknown files requested in checkout"),
        ([named(b"x", "x"), NamedFile(Content("../x", 1), "y")], "not a SHA-256 checksum"),
        ([named(b"x", "x"), named(b"wood", "x/y")], "a file and a folder"),
        ([named(b"x", "x"), named(b"wood", "x")], "two different files"),
        *(
            ([named(b"wood", "w"), named(b"x", path)], "invalid file path")
            for path in ("../x", "a/../../x", "/etc/x", "..\\x", "C:\\x", "\\\\server\\x", "", "a/", "a/..")
        ),
    ],
)
def test_refused(checkouts: Checkouts, store: FileStore, jobs: Path, files: list[NamedFile], reason: str) -> None:
    """A checkout that cannot be complete, or would reach outside, is not there at all, and others stay."""
    checkouts.create("job", specification())
    before = list(files_in(store.folders.shared))
    for name in ("job", "other", "deep/er/job"):
        with pytest.raises((Refused, Conflict), match=reason):
            checkouts.create(name, files)
        assert list(files_in(store.folders.shared)) == before


@pytest.mark.parametrize(
    "names",
    [
        ["Shot: 1", "Shot; 1", "Shot? 1"],
        ["a" * 300, "a" * 301],
        ["日" * 200, "日" * 201],
        ["..", "...", ""],
        ["CON", "_CON"],
        ["../../x", "/x"],
        ["a\\b", "a:b"],
    ],
)
def test_names_of_jobs(checkouts: Checkouts, jobs: Path, names: list[str]) -> None:
    """Jobs whose names become the same folder get one each, with their files, and it can be removed by what it is."""
    used = [checkouts.create(name, specification()) for name in names]
    assert len({*used}) == len(names)
    assert all(contents(jobs / each) == FILES for each in used)
    assert {each.name for each in jobs.iterdir()} == {*used}
    for each in used:
        checkouts.erase(each)
    assert below(jobs) == []


@pytest.mark.parametrize("path", ["link/job", "link/deep/job", "file/job", "job/shot.blend/x"])
def test_nothing_through_links(checkouts: Checkouts, jobs: Path, tmp_path: Path, path: str) -> None:
    """A symbolic link or a file is no folder for checkouts: nothing is made where it leads."""
    outside = tmp_path / "outside"
    outside.mkdir()
    checkouts.create("job", specification())
    (jobs / "link").symlink_to(outside)
    (jobs / "file").touch()
    before = below(jobs)
    with pytest.raises(Failed, match="is no folder"):
        checkouts.create(path, specification())
    assert below(jobs) == before
    assert below(outside) == []


def test_disk_full(checkouts: Checkouts, jobs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails in the middle leaves nothing behind but the checkouts that were there."""
    checkouts.create("job", specification())
    before = below(jobs)

    def full(_blob: Blob, _folder: Folder, name: str, _final: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", name)

    monkeypatch.setitem(links._WAYS, "symlink", full)
    with pytest.raises(OSError, match="No space left"):
        checkouts.create("job", specification())
    assert below(jobs) == before


def test_renaming_to_an_empty_folder_is_not_everywhere(
    checkouts: Checkouts, jobs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a folder cannot be renamed to an empty one, that is removed first."""
    rename = Folder.rename

    def careful(self: Folder, name: str, target: Folder, new_name: str) -> None:
        if target.has(new_name):
            raise FileExistsError(errno.EEXIST, "there is one", new_name)
        rename(self, name, target, new_name)

    monkeypatch.setattr(Folder, "rename", careful)
    assert checkouts.create("job", specification()) == "job"
    assert contents(jobs / "job") == FILES
    assert checkouts.create("job", specification()).startswith("job-")


def test_many_of_one_name(checkouts: Checkouts, jobs: Path) -> None:
    """Many that want one name at the same time, some of which fail, get a folder each with their own files."""
    start = threading.Barrier(8)

    def create(number: int) -> dict[str, str]:
        start.wait()
        made = {}
        for turn in range(10):
            own = ["blend", "wood", "x"][(number + turn) % 3]
            if (number + turn) % 4 == 0:
                with pytest.raises(Conflict):
                    checkouts.create("a/job", [named(b"x", "x"), named(b"not stored", "y")])
            made[checkouts.create("a/job", [named(own.encode(), "own")])] = own
        return made

    with ThreadPoolExecutor(8) as pool:
        made = [each for of_one in pool.map(create, range(8)) for each in of_one.items()]
    assert len(dict(made)) == 80
    for used, own in made:
        assert contents(jobs / used) == {"own": own.encode()}
    assert len(below(jobs)) == 1 + 2 * 80


def test_erase(checkouts: Checkouts, store: FileStore, jobs: Path) -> None:
    """Erasing removes the folder, and those above it that are empty then; what is linked to stays."""
    checkouts.create("a/b/one", specification())
    checkouts.create("a/two", specification())
    checkouts.erase("a/b/one")
    assert sorted(os.listdir(jobs / "a")) == ["two"]  # noqa: PTH208
    checkouts.erase("a/two")
    assert below(jobs) == []
    assert jobs.exists()
    assert store.keep(content_of(b"blend"))


@pytest.mark.parametrize("path", ["job", "a/b/c"])
def test_erase_what_is_not_there(checkouts: Checkouts, jobs: Path, path: str) -> None:
    """What is gone is fine, and so is that there was never anything."""
    checkouts.erase(path)
    jobs.mkdir(parents=True)
    checkouts.erase(path)
    assert below(jobs) == []


@pytest.mark.parametrize("path", ["", ".", "..", "../outside", "/", "a/../..", ".unfinished", "a\\..\\b"])
def test_erase_nothing_else(checkouts: Checkouts, store: FileStore, path: str) -> None:
    """What is no path of a checkout is never removed, above all not the folder of them all."""
    checkouts.create("job", specification())
    before = list(files_in(store.folders.shared))
    with pytest.raises(Refused, match="invalid checkout path"):
        checkouts.erase(path)
    assert list(files_in(store.folders.shared)) == before


@pytest.mark.parametrize("path", ["link", "link/deep", "link/deep/gone", "file", "job/to-outside/deep"])
def test_erase_follows_no_links(checkouts: Checkouts, jobs: Path, tmp_path: Path, path: str) -> None:
    """Nothing is removed where a symbolic link leads, and no file that somebody put there."""
    (tmp_path / "outside" / "deep").mkdir(parents=True)
    (tmp_path / "outside" / "deep" / "file").touch()
    checkouts.create("job", specification())
    for link in (jobs / "link", jobs / "job" / "to-outside"):
        link.symlink_to(tmp_path / "outside")
    (jobs / "file").touch()
    before = below(tmp_path)
    with pytest.raises(Refused, match="is no folder"):
        checkouts.erase(path)
    assert below(tmp_path) == before
    checkouts.erase("job")
    assert below(tmp_path / "outside") == ["deep", "deep/file"]


def test_erase_while_others_come(checkouts: Checkouts, jobs: Path) -> None:
    """Checkouts that are made beside some that are erased, so that their folder comes and goes, are all there."""
    rounds = 40

    def churn() -> None:
        for _ in range(rounds):
            checkouts.erase(checkouts.create("a/b/old", [named(b"x", "x")]))

    churner = threading.Thread(target=churn)
    churner.start()
    for _ in range(rounds):
        used = checkouts.create("a/b/new", specification())
        assert contents(jobs / used) == FILES
        checkouts.erase(used)
    churner.join()
    assert below(jobs) == []
