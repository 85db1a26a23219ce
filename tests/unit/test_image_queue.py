"""The one thread that works on images, and how many may wait for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import pytest

from flamenco.domain.errors import QueueFull
from flamenco.farm.image_queue import MOST_WAITING, ImageQueue

WAIT_S = 30.0


@pytest.fixture
def queue() -> Iterator[ImageQueue]:
    """An empty queue."""
    made = ImageQueue()
    yield made
    made.close()


def alive() -> bool:
    """Whether there is a thread for images."""
    return any(thread.name == "images" for thread in threading.enumerate())


def test_nothing_runs_before_the_first(queue: ImageQueue) -> None:
    """A process that gets no image has no thread for them, and can be forked; the thread ends with the queue."""
    assert not alive()
    queue.put(lambda: None)
    assert alive()
    assert queue.wait_until_idle(WAIT_S)
    queue.close()
    assert not alive()


def test_one_after_the_other(queue: ImageQueue) -> None:
    """Everything is done in the order of its coming, also after something that failed."""
    done: list[int] = []
    for number in range(3):
        queue.put(partial(done.append, number))
    assert queue.wait_until_idle(WAIT_S)
    queue.put(lambda: done.append(1 // 0))
    queue.put(lambda: done.append(3))
    assert queue.wait_until_idle(WAIT_S)
    assert done == [0, 1, 2, 3]


def test_one_is_worked_on_and_three_wait(queue: ImageQueue) -> None:
    """The next is refused, however far the thread has got with the first, until there is room again."""
    go_on = threading.Event()
    for _ in range(1 + MOST_WAITING):
        queue.put(lambda: assert_set(go_on))
    with pytest.raises(QueueFull, match="image processing queue is full"):
        queue.put(lambda: None)
    assert not queue.wait_until_idle(0)
    go_on.set()
    assert queue.wait_until_idle(WAIT_S)
    queue.put(lambda: None)


def assert_set(event: threading.Event) -> None:
    """Wait until the test lets go."""
    assert event.wait(WAIT_S)


def test_closing_lets_go_of_what_waits(queue: ImageQueue) -> None:
    """What is being done is finished, what waits is dropped, and nothing is taken any more."""
    begun, go_on, done = threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        go_on.wait(WAIT_S)
        done.append("first")

    queue.put(work)
    queue.put(lambda: done.append("second"))
    assert begun.wait(WAIT_S)
    closing = threading.Thread(target=queue.close)
    closing.start()
    go_on.set()
    closing.join(WAIT_S)
    assert queue.wait_until_idle(WAIT_S)
    assert done == ["first"]
    with pytest.raises(QueueFull):
        queue.put(lambda: None)
