"""Garbage collection: what is used or was asked for lately stays, whatever happens meanwhile; the rest goes."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from flamenco.domain.errors import Conflict, StoreError
from flamenco.domain.shaman import Content
from flamenco.files.below import Folder
from flamenco.files.shaman import collect as collecting
from flamenco.files.shaman.checkout import Checkouts
from flamenco.files.shaman.collect import LEFTOVER_AFTER, UPLOAD_LEFT_AFTER, Collection, collect
from flamenco.files.shaman.folders import ShamanFolders
from flamenco.files.shaman.links import Kind
from flamenco.files.shaman.store import FileStore
from flamenco.testing import START, Clock
from tests.integration.shaman_files import Blocks, blobs, content_of, files_in, named, put, set_age

OLD = timedelta(days=32)
YOUNG = timedelta(days=30)
MAX_AGE = timedelta(days=31).total_seconds()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> FileStore:
    """A store with the folder of checkouts, and nothing in either."""
    folders = ShamanFolders(tmp_path / "shared")
    folders.jobs.mkdir(parents=True)
    return FileStore(folders, clock)


def run(store: FileStore, *, dry_run: bool = False) -> Collection:
    """Collect as of the moment at which tests begin."""
    return collect(store.folders, START, MAX_AGE, dry_run=dry_run)


def age(store: FileStore, content: Content) -> None:
    """Make a stored file old again, as asking for it made it new."""
    set_age(store.folders.blob(content), OLD)


def name(content: Content) -> str:
    """What the file is called in the store."""
    return f"{content.sha[:2]}/{content.sha[2:]}/{content.size}.blob"


def test_unused_and_old(store: FileStore) -> None:
    """Only what is both old and unused goes, with the folders that are empty then."""
    young, old = put(store, b"young", YOUNG), put(store, b"old", OLD)
    used = put(store, b"used")
    Checkouts(store, "symlink").create("a/job", [named(b"used", "deep/used")])
    age(store, used)
    for dry_run in (True, False):
        found = run(store, dry_run=dry_run)
        assert [(file.name, file.size, file.last_used) for file in found.files] == [(name(old), 3, START - OLD)]
        assert (found.bytes, found.files_stored, found.leftovers, found.dry_run) == (3, 3, 0, dry_run)
        assert (old.sha in blobs(store)) == dry_run
    assert blobs(store) == {young.sha, used.sha}
    assert not (store.folders.stored / old.sha[:2]).exists()
    assert not store.folders.removing.exists()
    assert run(store).files == []


@pytest.mark.parametrize("kind", ["symlink", "hardlink"])
def test_used_until_the_job_is_gone(store: FileStore, kind: Kind) -> None:
    """A file stays as long as a checkout has it, by whatever kind of link, and no longer."""
    checkouts = Checkouts(store, kind)
    used = put(store, b"used")
    checkouts.create("job", [named(b"used", "a")])
    checkouts.create("other", [named(b"used", "a")])
    for path in ("job", "other"):
        age(store, used)
        assert run(store, dry_run=True).files == []
        assert run(store).files == []
        checkouts.erase(path)
    age(store, used)
    assert [file.name for file in run(store).files] == [name(used)]


def test_copies_are_nobodys(store: FileStore) -> None:
    """A checkout of copies does not need what is stored."""
    put(store, b"used")
    Checkouts(store, "copy").create("job", [named(b"used", "a")])
    age(store, content_of(b"used"))
    assert len(run(store).files) == 1
    assert (store.folders.jobs / "job" / "a").read_bytes() == b"used"


@pytest.mark.parametrize("linked", ["shared", "file-store", "jobs", "file-store/stored"])
def test_storage_behind_a_link(store: FileStore, tmp_path: Path, clock: Clock, linked: str) -> None:
    """A used file is known to be used, however the storage is reached, now and when the checkout was made."""
    put(store, b"used")
    if linked == "shared":
        (tmp_path / "elsewhere").symlink_to(store.folders.shared)
        store = FileStore(ShamanFolders(tmp_path / "elsewhere"), clock)
    else:
        place = store.folders.shared / linked
        shutil.move(place, tmp_path / "disk")
        place.symlink_to(tmp_path / "disk")
    Checkouts(store, "symlink").create("a/job", [named(b"used", "a/b")])
    age(store, content_of(b"used"))
    for folders in (store.folders, ShamanFolders(Path(os.path.realpath(store.folders.shared)))):
        assert collect(folders, START, MAX_AGE, dry_run=False).files == []
    assert (store.folders.jobs / "a" / "job" / "a" / "b").read_bytes() == b"used"


def test_links_of_others(store: FileStore, tmp_path: Path) -> None:
    """Links that people made count as well, absolute ones and those over other links; broken ones and loops do not."""
    absolute, indirect = put(store, b"absolute", OLD), put(store, b"indirect", OLD)
    jobs = store.folders.jobs
    (jobs / "job").mkdir()
    (jobs / "job" / "absolute").symlink_to(store.folders.blob(absolute))
    (tmp_path / "between").symlink_to(store.folders.blob(indirect))
    (jobs / "job" / "indirect").symlink_to(tmp_path / "between")
    (jobs / "job" / "broken").symlink_to("nowhere")
    (jobs / "job" / "loop").symlink_to("loop")
    (jobs / "job" / "folder").symlink_to(jobs)
    assert run(store).files == []


def test_other_files_in_the_store(store: FileStore) -> None:
    """What is no stored file is not removed: who put it there may need it."""
    put(store, b"young")
    strangers = [store.folders.stored / "README.txt", store.folders.stored / "backup" / "1.blob"]
    for stranger in strangers:
        stranger.parent.mkdir(exist_ok=True)
        stranger.touch()
        set_age(stranger, OLD)
    run(store)
    assert all(stranger.exists() for stranger in strangers)


def test_asked_for_while_links_are_read(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that somebody asks for after it was found to be unused stays."""
    wanted, old = put(store, b"wanted", OLD), put(store, b"old", OLD)
    linked = collecting._linked

    def meanwhile(*arguments: object) -> object:
        yield from linked(*arguments)  # type: ignore[arg-type]
        assert store.keep(wanted)

    monkeypatch.setattr(collecting, "_linked", meanwhile)
    assert [file.name for file in run(store).files] == [name(old)]
    assert blobs(store) == {wanted.sha}


def test_asked_for_at_the_last_moment(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is told that a file is stored can rely on it, even in the moment before it would be removed."""
    wanted = put(store, b"wanted", OLD)
    move = collecting._move

    def ask_first(source: Folder, name: str, target: Folder, new_name: str) -> None:
        if target.path == store.folders.removing:
            assert store.keep(wanted)
        move(source, name, target, new_name)

    monkeypatch.setattr(collecting, "_move", ask_first)
    assert run(store).files == []
    assert blobs(store) == {wanted.sha}
    assert not store.folders.removing.exists()


def test_asked_for_too_late(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a file is to be removed, it is not stored any more, for anybody who asks."""
    old = put(store, b"old", OLD)
    move = collecting._move

    def ask_after(source: Folder, name: str, target: Folder, new_name: str) -> None:
        move(source, name, target, new_name)
        assert not store.keep(old)

    monkeypatch.setattr(collecting, "_move", ask_after)
    assert len(run(store).files) == 1


def test_killed_in_the_middle(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a collection was about to remove when it was killed is stored again by the next one, if it is needed."""
    used, old = put(store, b"used", OLD), put(store, b"old", OLD)
    Checkouts(store, "symlink").create("job", [named(b"used", "a")])
    for content in (used, old):
        age(store, content)
        aside = store.folders.removing / name(content).replace("/", "_")
        aside.parent.mkdir(parents=True, exist_ok=True)
        store.folders.blob(content).rename(aside)
    assert [file.name for file in run(store).files] == [name(old)]
    assert blobs(store) == {used.sha}
    assert not store.folders.removing.exists()


def test_jobs_that_cannot_be_seen(store: FileStore) -> None:
    """While nobody can say what is used, nothing is removed."""
    put(store, b"old", OLD)
    store.folders.jobs.rmdir()
    with pytest.raises(StoreError, match="is it to be mounted"):
        run(store)
    assert len(blobs(store)) == 1


def test_folder_that_cannot_be_read(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """One folder that cannot be looked into is enough for that."""
    put(store, b"old", OLD)
    (store.folders.jobs / "closed").mkdir()
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(StoreError, match="closed cannot be used: Permission denied"):
        run(store)
    monkeypatch.undo()
    assert len(blobs(store)) == 1


def test_nothing_yet(tmp_path: Path) -> None:
    """Where nothing was ever stored, there is nothing to do, and nothing is made."""
    found = collect(ShamanFolders(tmp_path / "shared"), START, MAX_AGE, dry_run=False)
    assert (found.files_stored, found.files, found.leftovers) == (0, [], 0)
    assert list(files_in(tmp_path)) == []


def test_leftovers(store: FileStore) -> None:
    """Unfinished uploads and checkouts go when nobody can be at them any more; of an upload that is known soon."""
    second = timedelta(seconds=1)
    for number, more in enumerate((-second, second)):
        upload = store.folders.upload_folder(content_of(b"%d" % number)) / "1-abc.tmp"
        upload.parent.mkdir(parents=True)
        upload.touch()
        set_age(upload, UPLOAD_LEFT_AFTER + more)
        checkout = store.folders.unfinished / str(number)
        (checkout / "deep").mkdir(parents=True)
        (checkout / "deep" / "link").symlink_to("nowhere")
        set_age(checkout, LEFTOVER_AFTER + more)
    before = list(files_in(store.folders.shared))
    assert run(store, dry_run=True).leftovers == 2
    assert list(files_in(store.folders.shared)) == before
    assert run(store).leftovers == 2
    assert [path.name for path in store.folders.unfinished.iterdir()] == ["0"]
    assert len(list(store.folders.uploading.rglob("*.tmp"))) == 1
    assert len(list(store.folders.uploading.iterdir())) == 1
    assert run(store).leftovers == 0


def test_two_at_once_beside_checkouts(store: FileStore) -> None:
    """However many collections run beside it, a checkout of old files is either refused or complete, and stays so."""
    checkouts = Checkouts(store, "symlink")
    stop = threading.Event()
    failed: list[BaseException] = []

    def collect_all() -> None:
        try:
            while not stop.is_set():
                run(store)
        except BaseException as error:
            failed.append(error)
            raise

    collectors = [threading.Thread(target=collect_all) for _ in range(2)]
    for collector in collectors:
        collector.start()
    made: dict[str, bytes] = {}
    try:
        for number in range(60):
            data = b"%d" % number
            content = content_of(data)
            store.upload(content, Blocks(data), len(data), can_defer=False)
            with suppress(FileNotFoundError):  # collected already
                age(store, content)
            with suppress(Conflict):
                made[checkouts.create("job", [named(data, "a")])] = data
    finally:
        stop.set()
        for collector in collectors:
            collector.join()
    assert not failed
    assert {used: (store.folders.jobs / used / "a").read_bytes() for used in made} == made
    assert run(store).files == []
    assert len(blobs(store)) == len(made)
