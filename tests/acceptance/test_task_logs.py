"""Task logs over real sockets: their tail, where the whole is, and downloading it while it grows."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.conftest import Manager, running_manager
from tests.acceptance.rendering import NOBODY, Painter


@pytest.fixture
def painter(shared_manager: Manager) -> Iterator[Painter]:
    """A worker with a task. What the manager noted when it was assigned is in the log already."""
    made = Painter(shared_manager.url)
    yield made
    made.leave()


@pytest.fixture
def address(painter: Painter) -> str:
    """Where the log of the worker's task is."""
    url: str = painter.client.get(f"/api/v3/tasks/{painter.task_id}/log").json()["url"]
    return url


def tail(painter: Painter, task_id: str = "") -> httpx.Response:
    """The end of a task's log."""
    return painter.client.get(f"/api/v3/tasks/{task_id or painter.task_id}/logtail")


def info(painter: Painter, task_id: str = "") -> httpx.Response:
    """Where a task's log is."""
    return painter.client.get(f"/api/v3/tasks/{task_id or painter.task_id}/log")


def other_task(painter: Painter) -> str:
    """A task that nobody has run yet, of another job."""
    job = {"name": "n", "type": "echo", "settings": {"message": "m"}, "priority": 1}
    job_id = painter.client.post("/api/jobs", json=job).json()["id"]
    tasks = painter.client.get(f"/api/v3/jobs/{job_id}/tasks").json()["tasks"]
    return str(tasks[0]["id"])


def test_tail(painter: Painter) -> None:
    """Text, as workers sent it; of a long log its last whole lines, at most 2 KiB of them."""
    painter.update(log="grüße\nund mehr")
    answer = tail(painter)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    lines = answer.content.decode().splitlines()
    assert "Task assigned to worker painter" in lines[0]
    assert lines[-2:] == ["grüße", "und mehr"]
    painter.update(log="".join(f"line {number:04}\n" for number in range(1000)))
    answer = tail(painter)
    assert len(answer.content) <= 2048
    assert answer.text.splitlines() == [f"line {number:04}" for number in range(1000 - 2048 // 10, 1000)]


def test_info(painter: Painter) -> None:
    """The address leads to the whole log, of the size that is told."""
    painter.update(log="one\ntwo\n")
    told = info(painter).json()
    assert told.keys() == {"task_id", "job_id", "url", "size"}
    assert (told["task_id"], told["job_id"]) == (painter.task_id, painter.job_id)
    assert told["url"] == f"{painter.base}/task-{painter.task_id}.txt"
    log = painter.client.get(told["url"])
    assert log.status_code == 200
    assert log.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert (log.headers["X-Content-Type-Options"], log.headers["Cache-Control"]) == ("nosniff", "no-cache")
    assert len(log.content) == told["size"] == int(log.headers["Content-Length"])
    assert log.text.endswith("one\ntwo\n")


def test_without_a_log(painter: Painter) -> None:
    """204 where nothing was logged, 404 where there is no task, 400 where there cannot be one."""
    task_id = other_task(painter)
    for ask in (tail, info):
        answer = ask(painter, task_id)
        assert (answer.status_code, answer.content) == (204, b"")
        assert ask(painter, NOBODY).status_code == 404
        assert ask(painter, NOBODY).json()["code"] == 404
        assert ask(painter, "nonsense").status_code == 400
    assert painter.client.get(f"{painter.base}/task-{task_id}.txt").status_code == 404


def test_head(painter: Painter, address: str) -> None:
    """HEAD tells what GET would, without the log."""
    shown, described = painter.client.get(address), painter.client.head(address)
    assert (described.status_code, described.content) == (200, b"")
    for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified", "Accept-Ranges", "Cache-Control"):
        assert described.headers[name] == shown.headers[name]


def test_parts(painter: Painter, address: str) -> None:
    """Any one range of bytes can be had; those that make no sense, or are several, get the whole."""
    whole = painter.client.get(address).content
    size = len(whole)
    for wanted, (start, end) in {
        "bytes=0-0": (0, 1),
        "bytes=5-9": (5, 10),
        "bytes=5-": (5, size),
        "bytes=-5": (size - 5, size),
        f"bytes=-{size + 99}": (0, size),
        f"bytes=5-{size + 99}": (5, size),
    }.items():
        answer = painter.client.get(address, headers={"Range": wanted})
        assert answer.status_code == 206, wanted
        assert answer.content == whole[start:end]
        assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
        assert int(answer.headers["Content-Length"]) == end - start
    for wanted in (f"bytes={size}-", f"bytes={size + 5}-{size + 9}"):
        answer = painter.client.get(address, headers={"Range": wanted})
        assert answer.status_code == 416
        assert answer.headers["Content-Range"] == f"bytes */{size}"
        assert answer.json()["code"] == 416
    for wanted in ("bytes=9-5", "bytes=0-1,3-4", "bytes", "lines=1-2", "bytes=x-y", "bytes=-0"):
        answer = painter.client.get(address, headers={"Range": wanted})
        assert (answer.status_code, answer.content) == (200, whole), wanted


def test_following_a_log(painter: Painter, address: str) -> None:
    """Whoever has the beginning of a log can ask for what came since, and is told when that is nothing."""
    known = painter.client.get(address)
    so_far = len(known.content)
    assert painter.client.get(address, headers={"Range": f"bytes={so_far}-"}).status_code == 416
    assert painter.client.get(address, headers={"If-None-Match": known.headers["ETag"]}).status_code == 304
    painter.update(log="more\n")
    assert painter.client.get(address, headers={"Range": f"bytes={so_far}-"}).content == b"more\n"
    assert painter.client.get(address, headers={"If-None-Match": known.headers["ETag"]}).status_code == 200


def test_a_log_that_grows_while_it_is_read(painter: Painter, address: str) -> None:
    """A download is of as many bytes as it said, and of whole beginnings of the log, however fast that grows."""
    painter.update(log="x" * 500_000)
    ended = threading.Event()

    def grow() -> None:
        with httpx.Client(base_url=painter.client.base_url) as client:
            while not ended.is_set():
                client.post(f"/api/v3/worker/task/{painter.task_id}", json={"log": "y" * 10_000}, auth=painter.auth)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        downloads = [painter.client.get(address) for _ in range(30)]
    finally:
        ended.set()
        writer.join()
    whole = painter.client.get(address).content
    assert all(whole.startswith(each.content) for each in downloads)
    assert all(int(each.headers["Content-Length"]) == len(each.content) for each in downloads)


@pytest.mark.long
def test_a_log_that_is_cut_is_followed(tmp_path: Path) -> None:
    """Who follows a log that becomes too long is told that it was cut, and sees what comes after that."""
    with running_manager(tmp_path, "--set", "task_log_mb=1") as manager:
        painter = Painter(manager.url)
        painter.update(log="".join(f"{number:03} {'x' * 9995}\n" for number in range(99)))
        command = [sys.executable, "-m", "flamenco", "log", painter.task_id, "-f", "--manager", manager.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as following:
            assert following.stdout is not None
            assert following.stderr is not None
            assert any(line.startswith("098 ") for line in following.stdout)
            painter.update(log="".join(f"{number:03} {'x' * 9995}\n" for number in range(99, 120)))
            assert "became too long and was cut" in following.stderr.readline()
            painter.update(log="after that")
            painter.leave()
            shown, errors = following.communicate(timeout=30)
        assert (following.returncode, errors) == (0, "")
        assert "after that\n" in shown
        assert "active -> completed" in shown


def test_parts_and_what_is_found(painter: Painter) -> None:
    """By their place, and by a text or a pattern; one that would go on for ever is ended, and so is its process."""
    painter.update(log="".join(f"frame {number:04}\n" for number in range(1000)) + "x" * 5000)
    log = f"/api/x/tasks/{painter.task_id}/log"
    end = painter.client.get(log, params={"offset": -6000, "limit": 100})
    assert end.headers["Flamenco-Log-Next"] == str(int(end.headers["Flamenco-Log-Offset"]) + len(end.content))
    text = painter.client.get(f"{log}/search", params={"q": "FRAME 0999"}).json()
    (hit,) = text["hits"]
    assert (hit["text"], hit["before"][-1]) == ("frame 0999", "frame 0998")
    pattern = painter.client.get(f"{log}/search", params={"q": r"^frame \d99[89]$", "regex": "true"}).json()
    assert [each["line"] for each in pattern["hits"]] == [hit["line"] - 1, hit["line"]]
    endless = painter.client.get(f"{log}/search", params={"q": "(x+x+)+y", "regex": "true"}, timeout=20)
    assert endless.status_code == 400
    assert "takes too long" in endless.json()["message"]
