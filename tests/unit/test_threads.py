"""Threads that answer requests: as many as are needed, never more than there may be, and in order."""

from __future__ import annotations

import threading
from queue import SimpleQueue

import pytest

from flamenco.server.threads import Threads

WAIT_S = 20.0


def test_one_is_enough_where_one_thing_is_done_after_the_other() -> None:
    """A thread that rests is used before another one is begun."""
    done: SimpleQueue[str] = SimpleQueue()
    threads: Threads[int] = Threads(4, lambda _: done.put(threading.current_thread().name))
    names = set()
    for piece in range(50):
        threads.give(piece)
        names.add(done.get(timeout=WAIT_S))
    assert len(names) <= 2  # the last piece is done a moment before its thread rests


def test_what_waits_keeps_nobody_waiting_but_there_is_an_end() -> None:
    """Each of the first ones has a thread; what comes when all are at work is done in its order."""
    begun: SimpleQueue[int] = SimpleQueue()
    go_on = threading.Event()

    def work(piece: int) -> None:
        begun.put(piece)
        go_on.wait(WAIT_S)

    threads: Threads[int] = Threads(3, work)
    for piece in range(6):
        threads.give(piece)
    assert {begun.get(timeout=WAIT_S) for _ in range(3)} == {0, 1, 2}
    assert begun.empty()
    go_on.set()
    assert {begun.get(timeout=WAIT_S) for _ in range(3)} == {3, 4, 5}


def test_a_thread_that_cannot_begin_is_none_that_was_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no more of them for a while, there are as many as before afterwards."""
    done: SimpleQueue[int] = SimpleQueue()
    threads: Threads[int] = Threads(1, done.put)

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            threads.give(1)
    threads.give(2)
    assert [done.get(timeout=WAIT_S) for _ in range(2)] == [1, 2]
