"""Taking in files: what is stored is whole and right, and what fails leaves nothing behind."""

from __future__ import annotations

import itertools
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from flamenco.domain.errors import Conflict, Failed, StoreError
from flamenco.domain.shaman import Content, FileStatus
from flamenco.files.below import Folder
from flamenco.files.shaman.folders import ShamanFolders
from flamenco.files.shaman.store import UPLOAD_STALE_AFTER, FileStore, Upload, UploadStream
from flamenco.testing import Clock
from tests.integration.shaman_files import Blocks, blobs, content_of, files_in, named, put, set_age

DATA = b"hahaha"
HAHAHA = Content("be178c0543eb17f5f3043021c9e5fcf30285e557a4fc309cce97ff9ca6182912", 6)


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> FileStore:
    """A store with nothing in it."""
    return FileStore(ShamanFolders(tmp_path / "shared"), clock)


def begin(store: FileStore, content: Content, age: timedelta = timedelta(0)) -> Path:
    """An upload that somebody else is at, and got its last block so long ago."""
    folder = store.folders.upload_folder(content)
    folder.mkdir(parents=True)
    path = folder / f"{content.size}-abcdef.tmp"
    path.write_bytes(b"ha")
    set_age(path, age)
    return path


@pytest.mark.parametrize("data", [b"", DATA, "hähähä".encode(), os.urandom(1_000_000)])
@pytest.mark.parametrize("announced", [True, False])
def test_upload(store: FileStore, data: bytes, announced: bool) -> None:
    """A file is stored under its checksum and size, and nothing is left of the upload."""
    content = content_of(data)
    assert store.status(content) is FileStatus.UNKNOWN
    source = Blocks(*(data[start : start + 250_000] for start in range(0, len(data), 250_000)))
    length = len(data) if announced else None
    assert store.upload(content, source, length, can_defer=True) is Upload.STORED
    assert store.status(content) is FileStatus.STORED
    blob = store.folders.store / "stored" / content.sha[:2] / content.sha[2:] / f"{len(data)}.blob"
    assert blob.read_bytes() == data
    assert list(files_in(store.folders.uploading)) == []


def test_same_checksum_other_size(store: FileStore) -> None:
    """A file is its checksum and its size."""
    put(store, DATA)
    assert store.status(HAHAHA) is FileStatus.STORED
    assert store.status(Content(HAHAHA.sha, 7)) is FileStatus.UNKNOWN


def test_capitals(store: FileStore) -> None:
    """Checksums are compared as they are written: one with capitals is known of no file, and no file has it."""
    put(store, DATA)
    shouted = Content(HAHAHA.sha.upper(), 6)
    assert store.status(shouted) is FileStatus.UNKNOWN
    with pytest.raises(Conflict, match=f"file SHA256 mismatched, declared {shouted.sha} but received {HAHAHA.sha}"):
        store.upload(shouted, Blocks(DATA), 6, can_defer=True)
    assert blobs(store) == {HAHAHA.sha}
    assert list(files_in(store.folders.uploading)) == []


@pytest.mark.parametrize(
    ("blocks", "length", "error", "text"),
    [
        ([b"hahahi"], 6, Conflict, "file SHA256 mismatched, declared be178c0543eb"),
        ([b"haha"], 4, Conflict, "file size mismatched, declared 6 but received 4 bytes"),
        ([b"haha"], None, Conflict, "file size mismatched, declared 6 but received 4 bytes"),
        ([b"haha", b"haha"], 8, Conflict, "file size mismatched, declared 6 but received 8 bytes"),
        ([b"haha", b"haha", b"ha"], None, Conflict, "file size mismatched, declared 6 but received 8 bytes"),
        ([b"haha"], 6, Failed, "the connection ended after 4 of 6 bytes"),
        ([], 6, Failed, "the connection ended after 0 of 6 bytes"),
    ],
)
def test_wrong_uploads(
    store: FileStore, blocks: list[bytes], length: int | None, error: type[Exception], text: str
) -> None:
    """What is not what it is said to be, or ends early, is refused in so many words, and leaves nothing behind."""
    with pytest.raises(error, match=text):
        store.upload(HAHAHA, Blocks(*blocks), length, can_defer=False)
    assert store.status(HAHAHA) is FileStatus.UNKNOWN
    assert list(files_in(store.folders.shared)) in ([], ["file-store", "file-store/uploading"])


def test_connection_fails(store: FileStore) -> None:
    """A connection that breaks is said to have, and leaves nothing behind."""

    def fail(number: int) -> None:
        if number == 1:
            raise ConnectionResetError("reset by peer")

    with pytest.raises(Failed, match="in the middle of a file: reset by peer"):
        store.upload(HAHAHA, Blocks(b"ha", before=fail), 6, can_defer=False)
    assert list(files_in(store.folders.uploading)) == []


def test_more_than_announced_is_not_written(store: FileStore) -> None:
    """Of a file that is too long, no more is read than shows that it is."""
    source = Blocks(*[b"haha"] * 100)
    with pytest.raises(Conflict):
        store.upload(HAHAHA, source, None, can_defer=False)
    assert source.given == 2


def test_already_stored(store: FileStore) -> None:
    """What is stored is not read again; but it is as good as new."""
    blob = store.folders.blob(put(store, DATA, age=timedelta(days=30)))
    before = blob.stat().st_mtime
    source = Blocks(b"something else")
    assert store.upload(HAHAHA, source, 14, can_defer=True) is Upload.ALREADY_STORED
    assert source.given == 0
    assert blob.stat().st_mtime > before + 1000


@pytest.mark.parametrize("at", [1, 2])
def test_another_upload_is_first(store: FileStore, at: int) -> None:
    """When somebody else is done with the same file, the rest is not read, if there is any; the file stays as it is."""
    kept: list[int] = []

    def somebody_else(number: int) -> None:
        if number == at:
            kept.append(store.folders.blob(put(store, DATA)).stat().st_ino)

    source = Blocks(b"hah", b"aha", before=somebody_else)
    assert store.upload(HAHAHA, source, 6, can_defer=False) is Upload.ALREADY_STORED
    assert source.given == at + 1
    assert store.folders.blob(HAHAHA).stat().st_ino == kept[0]
    assert list(files_in(store.folders.uploading)) == []


def test_another_upload_fails_first(store: FileStore) -> None:
    """An upload that fails tells nobody that the file is stored: the other one goes on, and stores it."""

    def somebody_else(number: int) -> None:
        if number == 1:
            with pytest.raises(Conflict):
                store.upload(HAHAHA, Blocks(b"hihihi"), 6, can_defer=False)
            assert store.status(HAHAHA) is FileStatus.UPLOADING

    assert store.upload(HAHAHA, Blocks(b"hah", b"aha", before=somebody_else), 6, can_defer=False) is Upload.STORED
    assert blobs(store) == {HAHAHA.sha}


def test_defer(store: FileStore) -> None:
    """While somebody sends a file, others may do something else; who insists may send it too."""
    theirs = begin(store, HAHAHA)
    assert store.status(HAHAHA) is FileStatus.UPLOADING
    source = Blocks(DATA)
    assert store.upload(HAHAHA, source, 6, can_defer=True) is Upload.DEFERRED
    assert source.given == 0
    assert store.upload(HAHAHA, source, 6, can_defer=False) is Upload.STORED
    assert theirs.exists(), "what others are at is not ours to remove"


def test_defer_only_for_the_same_file(store: FileStore) -> None:
    """Files of the same checksum and another size are others, and so is what is no upload."""
    begin(store, Content(HAHAHA.sha, 66)).with_name("6-abc.txt").touch()
    assert store.status(HAHAHA) is FileStatus.UNKNOWN
    assert store.upload(HAHAHA, Blocks(DATA), 6, can_defer=True) is Upload.STORED


def test_upload_of_a_dead_process(store: FileStore, clock: Clock) -> None:
    """What a crash left behind keeps nobody waiting for long."""
    begin(store, HAHAHA)
    clock.forward(UPLOAD_STALE_AFTER.total_seconds())
    assert store.status(HAHAHA) is FileStatus.UPLOADING
    clock.forward(1)
    assert store.status(HAHAHA) is FileStatus.UNKNOWN
    assert store.upload(HAHAHA, Blocks(DATA), 6, can_defer=True) is Upload.STORED


def test_requirements(store: FileStore) -> None:
    """What is missing is listed as it was asked for, in that order, each content once, with what is known of it."""
    put(store, b"known", age=timedelta(days=30))
    begin(store, content_of(b"coming"))
    files = [
        named(b"new", "z\\new"),
        named(b"known", "known"),
        named(b"coming", "coming"),
        named(b"new", "a/again"),
        named(b"", "empty"),
    ]
    found = store.missing(files)
    assert [(each.file, each.status) for each in found] == [
        (files[0], FileStatus.UNKNOWN),
        (files[2], FileStatus.UPLOADING),
        (files[4], FileStatus.UNKNOWN),
    ]
    assert store.missing(files[1:2]) == []
    set_age(store.folders.blob(content_of(b"known")), timedelta(days=30))
    before = store.folders.blob(content_of(b"known")).stat().st_mtime
    store.missing(files)
    assert store.folders.blob(content_of(b"known")).stat().st_mtime > before + 1000


def test_disk_that_cannot_be_written(store: FileStore) -> None:
    """Storage in which nothing can be put is one sentence, not a crash."""
    store.folders.shared.write_text("not a folder")
    with pytest.raises(StoreError, match="shared storage cannot be used"):
        store.upload(HAHAHA, Blocks(DATA), 6, can_defer=True)
    with pytest.raises(StoreError, match="shared storage cannot be used"):
        store.status(HAHAHA)


def test_folder_that_cannot_be_made(store: FileStore) -> None:
    """So is a folder that cannot be made."""
    store.folders.store.mkdir(parents=True)
    store.folders.uploading.write_text("not a folder")
    with pytest.raises(StoreError, match="cannot be stored"):
        store.upload(HAHAHA, Blocks(DATA), 6, can_defer=False)


def test_many_at_once(store: FileStore) -> None:
    """Many that send the same few files at once, some of them wrongly, leave every file stored, whole and right."""
    contents = [os.urandom(3_000) for _ in range(10)]
    start = threading.Barrier(8)

    def send(client: int) -> set[Upload]:
        start.wait()
        outcomes = set()
        for number, data in enumerate(contents * 5):
            halves = data[:1500], data[1500:]
            try:
                if (client + number) % 3 == 0:
                    store.upload(content_of(data), Blocks(halves[0], halves[0]), 3_000, can_defer=False)
                outcomes.add(store.upload(content_of(data), Blocks(*halves), 3_000, can_defer=bool(client % 2)))
            except Conflict:
                pass
        return outcomes

    with ThreadPoolExecutor(8) as pool:
        outcomes = set().union(*pool.map(send, range(8)))
    assert {Upload.STORED, Upload.ALREADY_STORED} <= outcomes
    assert blobs(store) == {content_of(data).sha for data in contents}
    assert list(files_in(store.folders.uploading)) == []


@pytest.mark.parametrize("times", [1, 2, 50])
def test_folders_that_come_and_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """A folder that others remove whenever it is empty can be used all the same: they may come at any moment."""
    folders = ShamanFolders(tmp_path)
    folder = tmp_path / "a" / "b" / "c"
    others = iter(range(2 * times))
    make = os.mkdir

    def others_come() -> None:
        for _ in itertools.islice(others, 1):
            folders.prune(folder, tmp_path)

    def make_late(name: str, mode: int, *, dir_fd: int | None = None) -> None:
        others_come()
        make(name, mode, dir_fd=dir_fd)

    def use(opened: Folder) -> None:
        others_come()
        opened.create("file").close()

    monkeypatch.setattr(os, "mkdir", make_late)
    folders.in_folder(folder, use)
    assert (folder / "file").exists()
    assert next(others, None) is None
    folders.prune(folder, tmp_path)
    assert (folder / "file").exists()


def test_prune_stays_below(tmp_path: Path) -> None:
    """Folders are removed as far as they are empty, and never beyond the one that is to stay."""
    prune = ShamanFolders(tmp_path).prune
    folder = tmp_path / "root" / "a" / "b"
    folder.mkdir(parents=True)
    (tmp_path / "root" / "a" / "file").touch()
    prune(folder, tmp_path / "root")
    assert not folder.exists()
    assert folder.parent.exists()
    (tmp_path / "root" / "a" / "file").unlink()
    prune(folder, tmp_path / "root")
    assert list(files_in(tmp_path)) == ["root"]
    prune(tmp_path / "root", tmp_path / "root" / "elsewhere")
    assert list(files_in(tmp_path)) == ["root"]


def test_sources_are_read_in_blocks(store: FileStore) -> None:
    """No more is asked for at once than fits into memory many times over."""
    asked: list[int] = []

    class Zeros:
        left = 5_000_000

        def read(self, size: int, /) -> bytes:
            asked.append(size)
            given = min(size, self.left)
            self.left -= given
            return bytes(given)

    source: UploadStream = Zeros()
    store.upload(content_of(bytes(5_000_000)), source, 5_000_000, can_defer=False)
    assert max(asked) <= 1_000_000
