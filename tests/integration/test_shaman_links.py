"""Attacks on the shared storage by whoever may write there: a link in any place leads Shaman nowhere else.

Whatever the manager does then may fail, and say so; what lies elsewhere is neither changed, nor removed, nor copied to
where somebody could read it.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from flamenco.domain.errors import FarmError, StoreError
from flamenco.files.shaman.checkout import Checkouts
from flamenco.files.shaman.collect import collect
from flamenco.files.shaman.folders import ShamanFolders
from flamenco.files.shaman.links import Kind
from flamenco.files.shaman.store import FileStore
from flamenco.testing import START, Clock
from tests.integration.shaman_files import Blocks, blobs, content_of, named, put, set_age

OLD = timedelta(days=400)
MAX_AGE = timedelta(days=31).total_seconds()
SOMEBODY = 65534

OLD_FILE, USED_FILE, NEW_FILE = b"old", b"used", b"new"
SECRET = b"root:x:0:0"

Snapshot = dict[str, tuple[int, int, int, bytes]]
Attack = Callable[[], object]


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> FileStore:
    """A store with an old file that nobody uses and one that a checkout uses, and an upload that was given up."""
    files = FileStore(ShamanFolders(tmp_path / "shared"), clock)
    for data in (OLD_FILE, USED_FILE):
        put(files, data, OLD)
    Checkouts(files, "symlink").create("studio/shot", [named(USED_FILE, "a/b")])
    set_age(files.folders.blob(content_of(USED_FILE)), OLD)
    for data in (OLD_FILE, NEW_FILE):
        folder = files.folders.upload_folder(content_of(data))
        folder.mkdir(parents=True)
        (folder / f"{len(data)}-left.tmp").write_bytes(b"left")
        set_age(folder / f"{len(data)}-left.tmp", OLD)
    files.folders.removing.mkdir()
    (files.folders.removing / "stranger").write_bytes(b"left")
    (files.folders.unfinished / "given-up" / "deep").mkdir(parents=True)
    (files.folders.unfinished / "given-up" / "deep" / "file").write_bytes(b"left")
    set_age(files.folders.unfinished / "given-up", OLD)
    return files


def places(folders: ShamanFolders) -> dict[str, Path]:
    """Where somebody may put a link in place of a folder or a file."""
    old, new = content_of(OLD_FILE), content_of(NEW_FILE)
    blob, upload = folders.blob(old), folders.upload_folder(new)
    return {
        "store": folders.store,
        "stored": folders.stored,
        "first folder of a stored file": blob.parent.parent,
        "folder of a stored file": blob.parent,
        "stored file": blob,
        "uploads": folders.uploading,
        "first folder of an upload": upload.parent,
        "folder of an upload": upload,
        "upload": upload / f"{new.size}-left.tmp",
        "what is being removed": folders.removing,
        "checkouts": folders.jobs,
        "unfinished checkouts": folders.unfinished,
        "unfinished checkout": folders.unfinished / "given-up",
        "folder in an unfinished checkout": folders.unfinished / "given-up" / "deep",
        "folder of checkouts": folders.jobs / "studio",
        "checkout": folders.jobs / "studio" / "shot",
        "folder in a checkout": folders.jobs / "studio" / "shot" / "a",
    }


def snapshot(folder: Path) -> Snapshot:
    """Everything below a folder: modes, owners, when it was changed, and what is in it."""
    found = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found[str(path)] = (status.st_mode, status.st_nlink, status.st_mtime_ns, content)
    return found


def lead_outside(place: Path, outside: Path) -> None:
    """Move what is there outside, and put somebody else's link to it in its place. What was a file is secret now."""
    outside.mkdir()
    shutil.move(place, outside / "moved")
    if (outside / "moved").is_file():
        (outside / "moved").write_bytes(SECRET)
        set_age(outside / "moved", OLD)
    place.symlink_to(outside / "moved")
    os.lchown(place, SOMEBODY, SOMEBODY)


def everything(store: FileStore) -> Iterator[Attack]:
    """All that clients and the manager's chores can have Shaman do, each several times."""
    for data in (OLD_FILE, USED_FILE, NEW_FILE):
        content = content_of(data)
        yield partial(store.status, content)
        yield partial(store.missing, [named(data, "x")])
        yield partial(store.upload, content, Blocks(data), len(data), can_defer=False)
        yield partial(store.upload, content, Blocks(b"bad"), content.size, can_defer=False)
    kinds: tuple[Kind, ...] = ("symlink", "hardlink", "copy")
    for kind in kinds:
        for path in ("studio/shot", "studio/shot/a/inner", "studio/other", "top"):
            for data in (OLD_FILE, NEW_FILE):
                yield partial(Checkouts(store, kind).create, path, [named(data, "a/b")])
    for is_dry in (True, False, False):
        yield partial(collect, store.folders, START, MAX_AGE, dry_run=is_dry)
    for path in ("studio/shot/a", "studio/shot", "studio", "top", "studio/shot/a/inner"):
        yield partial(Checkouts(store, "symlink").erase, path)
    yield partial(collect, store.folders, START + 2 * OLD, MAX_AGE, dry_run=False)


@pytest.mark.parametrize("place", list(places(ShamanFolders(Path("/")))))
def test_links_lead_nowhere(store: FileStore, tmp_path: Path, place: str) -> None:
    """Wherever somebody puts a link, nothing where it leads is changed or removed, and nothing made, nor copied."""
    outside = tmp_path / "outside"
    lead_outside(places(store.folders)[place], outside)
    before = snapshot(outside)
    for attack in everything(store):
        with suppress(FarmError, OSError):
            attack()
        assert snapshot(outside) == before
    copies = [path for path in store.folders.shared.rglob("*") if path.is_file() and not path.is_symlink()]
    assert not [path for path in copies if SECRET in path.read_bytes()]


@pytest.mark.parametrize("kind", ["symlink", "hardlink", "copy"])
def test_a_link_is_no_stored_file(store: FileStore, tmp_path: Path, kind: Kind) -> None:
    """What a link leads to is not taken for a stored file: it is asked for, and what is sent takes the link's place."""
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    blob = store.folders.blob(content_of(NEW_FILE))
    blob.parent.mkdir(parents=True)
    blob.symlink_to(secret)
    assert [each.file.path for each in store.missing([named(NEW_FILE, "x")])] == ["x"]
    with pytest.raises(FarmError, match="unknown files requested in checkout"):
        Checkouts(store, kind).create("job", [named(NEW_FILE, "x")])
    put(store, NEW_FILE)
    assert Checkouts(store, kind).create("job", [named(NEW_FILE, "x")]) == "job"
    assert (store.folders.jobs / "job" / "x").read_bytes() == NEW_FILE
    assert secret.read_bytes() == SECRET


@pytest.mark.parametrize("name", [".._.._jobs_studio_shot", ".._.._.._outside_file", "ab_cd", "_etc_passwd", "..", "x"])
def test_names_of_what_is_being_removed(store: FileStore, tmp_path: Path, name: str) -> None:
    """What somebody else has put where files are removed is left alone, and is moved nowhere, whatever its name."""
    (tmp_path / "outside").mkdir()
    stranger = store.folders.removing / f"{name}.blob"
    stranger.write_bytes(b"strange")
    before = snapshot(tmp_path / "outside"), snapshot(store.folders.jobs / "studio")
    collect(store.folders, START, MAX_AGE, dry_run=False)
    assert stranger.read_bytes() == b"strange"
    assert (snapshot(tmp_path / "outside"), snapshot(store.folders.jobs / "studio")) == before


@pytest.mark.parametrize("is_there", [True, False])
def test_checkouts_behind_a_link_of_somebody(store: FileStore, tmp_path: Path, is_there: bool) -> None:
    """Whoever has the manager look for checkouts elsewhere does not have files removed that it then finds unused."""
    shutil.move(store.folders.jobs, tmp_path / "jobs")
    if is_there:
        (tmp_path / "elsewhere").mkdir()
    store.folders.jobs.symlink_to(tmp_path / "elsewhere")
    os.lchown(store.folders.jobs, SOMEBODY, SOMEBODY)
    with pytest.raises(StoreError, match="jobs"):
        collect(store.folders, START, MAX_AGE, dry_run=False)
    assert blobs(store) == {content_of(OLD_FILE).sha, content_of(USED_FILE).sha}


def test_links_that_come_and_go(store: FileStore, tmp_path: Path) -> None:
    """However often somebody puts links in place of folders just while they are used, nothing is led astray."""
    outside, stop = tmp_path / "outside", threading.Event()
    for name in ("uploading", "stored", "jobs"):
        (outside / name).mkdir(parents=True)
        (outside / name / "file").write_bytes(SECRET)
    before = snapshot(outside)
    swapped = [(store.folders.uploading, "uploading"), (store.folders.removing, "stored")]
    swapped += [(store.folders.jobs / "studio", "jobs"), (store.folders.unfinished, "jobs")]

    def swap() -> None:
        while not stop.is_set():
            for place, name in swapped:
                link, aside = place.with_name(f"{place.name}-link"), place.with_name(f"{place.name}-aside")
                with suppress(OSError):
                    link.symlink_to(outside / name)
                with suppress(OSError):
                    place.rename(aside)
                    link.rename(place)
                with suppress(OSError):
                    place.unlink()
                    aside.rename(place)

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        for _ in range(10):
            for attack in everything(store):
                with suppress(FarmError, OSError):
                    attack()
    finally:
        stop.set()
        swapper.join()
    assert snapshot(outside) == before


def test_folders_are_left_open_nowhere(store: FileStore) -> None:
    """What is opened on the way is closed again, also where something fails."""
    for _ in range(2):
        for attack in everything(store):
            with suppress(FarmError, OSError):
                attack()
        opened = len(os.listdir("/dev/fd"))  # noqa: PTH208
    before = opened
    for attack in everything(store):
        with suppress(FarmError, OSError):
            attack()
    assert len(os.listdir("/dev/fd")) == before  # noqa: PTH208
