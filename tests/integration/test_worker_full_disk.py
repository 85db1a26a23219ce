"""A worker whose disk is full: it says so, takes no more tasks, and what it has to report arrives all the same."""

from __future__ import annotations

import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from flamenco.client import TaskUpdate
from flamenco.domain.durations import Duration
from flamenco.domain.statuses import TaskStatus
from flamenco.worker.update_queue import FILE_NAME, MOST_IN_MEMORY_BYTES, UpdateQueue
from tests.integration.scripted_manager import ScriptedManager
from tests.integration.test_worker_updates import TASK, taken_out
from tests.integration.working import Running

DISK_BYTES = 3 * 1024 * 1024


SMALL_FILE_BYTES = 100_000


class Disk:
    """A disk of few megabytes that can be filled to its last byte."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Leave no space at all."""
        with self._filler.open("ab", buffering=0) as file:
            for block in (bytes(64 * 1024), bytes(4096), b"\0"):
                try:
                    while file.write(block):
                        pass
                except OSError:
                    pass

    def clear(self) -> None:
        """Give the space back."""
        self._filler.unlink()


class Limit(Disk):
    """In place of a disk, where none may be mounted: the system takes only small files of this process."""

    def fill(self) -> None:
        """Let no file grow any more."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_FILE_BYTES, resource.RLIM_INFINITY))

    def clear(self) -> None:
        """Let files grow again."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A real disk of its own, or what comes closest to it here."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        limit = Limit(folder)
        yield limit
        limit.clear()
        return
    yield Disk(folder)
    subprocess.run(["umount", str(folder)], check=True, capture_output=True)


@pytest.fixture
def manager() -> Iterator[ScriptedManager]:
    """A manager that is there."""
    with ScriptedManager() as running:
        yield running


def log_of(queue: UpdateQueue) -> list[str]:
    """Everything in the queue, which is empty then."""
    return [payload for _, payload in taken_out(queue)]


def test_what_does_not_fit_is_held(disk: Disk) -> None:
    """Updates that the disk does not take come out in order, once each, and are on the disk when it takes them."""
    queue = UpdateQueue(disk.folder / FILE_NAME, 64 * 1024 * 1024)
    queue.append(TASK, TaskUpdate(log="0"))
    disk.fill()
    with capture_logs() as logged:
        for number in range(1, 40):
            queue.append(TASK, TaskUpdate(log=f"{number}{'x' * 200_000}"))
    assert [each["log_level"] for each in logged] == ["error"]
    first = queue.first()
    assert first is not None
    assert first.payload == b'{"log":"0"}'
    queue.remove(first)
    disk.clear()
    if not isinstance(disk, Limit):
        assert not queue.has_space()  # 8 MB are held, and the disk has 3
    payloads = log_of(queue)
    (said,) = [payload for payload in payloads if "could not write to" in payload]
    payloads.remove(said)
    assert [payload[8:].partition("x")[0] for payload in payloads] == [str(number) for number in range(1, 40)]
    assert queue.has_space()
    queue.append(TASK, TaskUpdate(log="kept"))
    queue.close()
    again = UpdateQueue(disk.folder / FILE_NAME, 64 * 1024 * 1024)
    assert log_of(again) == ['{"log":"kept"}']
    again.close()


def test_what_was_held_survives_once_there_is_space(disk: Disk) -> None:
    """What was held in memory is in the file after the next look for space, and what was answered is not."""
    queue = UpdateQueue(disk.folder / FILE_NAME, 64 * 1024 * 1024)
    for number in range(3):
        queue.append(TASK, TaskUpdate(log=f"{number}"))
    disk.fill()
    queue.append(TASK, TaskUpdate(log="x" * 100_000))
    queue.append(TASK, TaskUpdate(status=TaskStatus.COMPLETED))
    for _ in range(2):
        update = queue.first()
        assert update is not None
        queue.remove(update)
    assert not queue.has_space()
    disk.clear()
    assert queue.has_space()
    queue.close()
    again = UpdateQueue(disk.folder / FILE_NAME, 64 * 1024 * 1024)
    first, said, text, status = log_of(again)
    assert first == '{"log":"2"}'
    assert "could not write to" in said
    assert text.count("x") == 100_000
    assert status == '{"taskStatus":"completed"}'
    again.close()


def test_memory_is_bounded(disk: Disk) -> None:
    """With the disk full and the manager away, text is left out beyond a limit, and one line says so; statuses stay."""
    queue = UpdateQueue(disk.folder / FILE_NAME, 64 * 1024 * 1024)
    disk.fill()
    for _ in range(100):
        queue.append(TASK, TaskUpdate(log="x" * 250_000))
        queue.append(TASK, TaskUpdate(steps_completed=1))
    queue.append(TASK, TaskUpdate(status=TaskStatus.COMPLETED))
    assert queue.size < MOST_IN_MEMORY_BYTES + 100_000
    payloads = log_of(queue)
    (gap,) = [payload for payload in payloads if "missing here" in payload]
    assert f"could not write to {disk.folder}" in gap
    assert payloads[-1] == '{"taskStatus":"completed"}'
    queue.close()


def test_a_worker_whose_disk_is_full(manager: ScriptedManager, disk: Disk, tmp_path: Path) -> None:
    """It finishes what it has, whose log says what is wrong, is in error meanwhile, and goes on when there is space."""
    begun, go_on = tmp_path / "begun", tmp_path / "go-on"
    script = (
        f"import os, time\nopen({str(begun)!r}, 'w')\n"
        f"while not os.path.exists({str(go_on)!r}): time.sleep(0.02)\n"
        "for number in range(2000): print(number, 'x' * 1000)"
    )
    task = manager.add_task(("exec", {"exe": sys.executable, "args": ["-c", script]}))
    following = manager.add_task(("echo", {"message": "next"}))
    large = partial(Running, log_chunk=Duration(60), log_chunk_bytes=1_000_000)
    with capture_logs() as logged, large(manager, disk.folder) as running:
        manager.wait_for(begun.exists)
        disk.fill()
        go_on.touch()
        manager.wait_until_finished(task)
        manager.wait_for(lambda: manager.statuses[-1] == "error")
        asked = manager.asked("POST", "/worker/task")
        before = len(manager.requests)
        manager.wait_for(lambda: manager.asked("GET", "/worker/state") > 5)
        assert manager.asked("POST", "/worker/task") == asked
        assert len(manager.requests) - before < 30
        assert following not in manager.handed_out
        disk.clear()
        manager.wait_until_finished(following)
        running.stop()
    assert manager.statuses == ["starting", "awake", "error", "awake", "offline"]
    log = manager.log_of(task)
    printed = [line.partition(" > ")[2] for line in log.splitlines() if line.startswith("pid=")]
    assert printed == [f"{number} {'x' * 1000}" for number in range(2000)]
    assert f"this worker could not write to {disk.folder}" in log
    assert manager.statuses_of(task) == ["active", "completed"]
    said = [each for each in logged if each["log_level"] == "error"]
    assert 0 < len(said) < 5
    assert all(each["folder"] == str(disk.folder) for each in said)


def test_a_worker_whose_disk_is_full_listens(manager: ScriptedManager, disk: Disk) -> None:
    """While it waits for space it does what the manager wants, and ends when it is told to."""
    with Running(manager, disk.folder, poll_no_task=Duration(0.05)) as running:
        manager.wait_for(lambda: manager.asked("POST", "/worker/task") > 1)
        disk.fill()
        manager.wait_for(lambda: manager.statuses[-1] == "error")
        manager.requested = "asleep"
        manager.wait_for(lambda: manager.statuses[-1] == "asleep")
        manager.requested = "awake"
        manager.wait_for(lambda: manager.statuses[-1] == "error")
        stopping = threading.Thread(target=running.stop)
        stopping.start()
        stopping.join(10)
        assert not stopping.is_alive()
