"""Threads that want to write come in the order in which they asked, and wait no longer than they said."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flamenco.domain.errors import Busy
from flamenco.store import write_queue
from flamenco.store.process_turns import ProcessTurns
from flamenco.store.write_queue import WriteQueue

LONG_S = 30.0


@contextmanager
def turn(queue: WriteQueue, timeout_s: float) -> Iterator[None]:
    """A turn of somebody's, as long as the block lasts."""
    queue.wait(timeout_s)
    try:
        yield
    finally:
        queue.go_on()


class Asking(threading.Thread):
    """Somebody who wants a turn, notes it in `order`, and ends it at once."""

    def __init__(self, queue: WriteQueue, name: str, order: list[str], timeout_s: float = LONG_S) -> None:
        super().__init__(name=name)
        self._queue = queue
        self._order = order
        self._timeout_s = timeout_s

    def run(self) -> None:
        """Wait for it."""
        try:
            with turn(self._queue, self._timeout_s):
                self._order.append(self.name)
        except Busy:
            self._order.append(f"not {self.name}")


@contextmanager
def all_waiting(queue: WriteQueue, threads: list[Asking]) -> Iterator[None]:
    """Have them ask one after the other while somebody has a turn; afterwards all of them are through."""
    with turn(queue, LONG_S):
        for number, thread in enumerate(threads, start=1):
            thread.start()
            asked = threading.Event()
            while len(queue.waiting) < number:  # it has no other way to say so
                asked.wait(0.001)
        yield
    for thread in threads:
        thread.join(LONG_S)


def test_who_came_first_is_first() -> None:
    """However many wait."""
    queue, order = WriteQueue(), list[str]()
    names = [str(number) for number in range(20)]
    with all_waiting(queue, [Asking(queue, name, order) for name in names]):
        assert order == []
    assert order == names


def test_who_gives_up_holds_up_nobody() -> None:
    """A turn that did not come in time is refused, and goes to the next one."""
    queue, order = WriteQueue(), list[str]()
    hasty = Asking(queue, "hasty", order, timeout_s=0.2)
    with all_waiting(queue, [Asking(queue, "first", order), hasty, Asking(queue, "last", order)]):
        hasty.join(LONG_S)
    assert order == ["not hasty", "first", "last"]


def test_a_process_that_waits_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is woken up, and threads of the one that has written wait until it has written as well."""
    monkeypatch.setattr(write_queue, "GIVEN_S", LONG_S)
    turns, order = ProcessTurns(), list[str]()
    queue, other = WriteQueue(turns.of(1)), turns.of(2)
    ended = threading.Event()

    def waiting() -> None:
        other.wait(LONG_S)
        order.append("other")
        while not other.let_another_go_first():  # until that one waits in its turn
            ended.wait(0.001)

    thread = threading.Thread(target=waiting)
    with all_waiting(queue, [Asking(queue, "next", order)]):
        thread.start()
        while not turns.of(1).others_waiting():
            ended.wait(0.001)
    thread.join(LONG_S)
    assert order == ["other", "next"]
    assert not turns.of(0).others_waiting()


def test_a_process_that_was_killed_is_waited_for_once() -> None:
    """It had said that it waits, and takes no turn, nor says that it waits no more."""
    turns = ProcessTurns()
    queue = WriteQueue(turns.of(1))
    turns.of(2).wait(0.0)
    for _ in range(2):
        with turn(queue, LONG_S):
            pass
    assert not turns.of(1).others_waiting()
