"""Who does something wrong again and again waits, longer each time, and nobody else."""

from __future__ import annotations

import threading

import pytest

from flamenco.domain.errors import Busy
from flamenco.farm.throttle import MOST_REMEMBERED, SIGNING_IN, Throttle, stopped_scripts
from flamenco.testing import Clock

STOPPED = stopped_scripts(10.0)
HOSTILE = "10.0.0.66"
HONEST = "10.0.0.7"


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    """Nobody has sent anything yet."""
    return Throttle(clock.timer, STOPPED)


def wait_of(throttle: Throttle, *who: str) -> int:
    """How many seconds they have to wait."""
    try:
        throttle.check(*who)
    except Busy as error:
        return error.retry_after
    return 0


def test_a_few_are_nobodys_fault(throttle: Throttle) -> None:
    """Until there are several, nobody waits."""
    for _ in range(STOPPED.waits_from - 1):
        throttle.failed(HOSTILE)
        assert wait_of(throttle, HOSTILE) == 0


def test_each_wait_is_twice_as_long(throttle: Throttle, clock: Clock) -> None:
    """From then on waits double, up to a limit, and one that is over lets them try again."""
    for _ in range(STOPPED.waits_from - 1):
        throttle.failed(HOSTILE)
    waits = []
    for _ in range(8):
        throttle.failed(HOSTILE)
        waits.append(wait_of(throttle, HOSTILE))
        clock.forward(waits[-1] - 1)
        assert wait_of(throttle, HOSTILE) == 1
        clock.forward(1)
        assert wait_of(throttle, HOSTILE) == 0
    throttle.failed(HOSTILE)
    with pytest.raises(Busy, match=rf"^11 jobs from {HOSTILE} .* in 900 seconds$"):
        throttle.check(HOSTILE)
    assert waits == [20, 40, 80, 160, 320, 640, STOPPED.longest_s, STOPPED.longest_s]


def test_whoever_guesses_waits_and_starts_afresh_when_right(clock: Clock) -> None:
    """Not after a few times; by name as well as by address, whichever waits longer."""
    guessing = Throttle(clock.timer, SIGNING_IN)
    for _ in range(SIGNING_IN.waits_from):
        assert wait_of(guessing, "anna", HOSTILE) == 0
        guessing.failed("anna", HOSTILE)
    assert wait_of(guessing, "anna", HONEST) == 1
    assert wait_of(guessing, "bob", HOSTILE) == 1
    clock.forward(1)
    guessing.failed("anna")
    assert wait_of(guessing, HOSTILE, "anna") == 2
    for _ in range(100):
        guessing.failed("anna")
    with pytest.raises(Busy, match=r"^That was wrong too often; try again in 60 s\.$"):
        guessing.check(HOSTILE, "anna")
    guessing.succeeded("anna")
    assert wait_of(guessing, "anna", HOSTILE) == 0


def test_others_do_not_wait(throttle: Throttle) -> None:
    """Whatever one does, others are not concerned."""
    for _ in range(100):
        throttle.failed(HOSTILE)
    assert wait_of(throttle, HONEST) == 0
    assert wait_of(throttle, HOSTILE) == STOPPED.longest_s


def test_it_is_forgotten(throttle: Throttle, clock: Clock) -> None:
    """Who has done nothing wrong for a while starts afresh."""
    for _ in range(STOPPED.waits_from - 1):
        throttle.failed(HONEST)
        clock.forward(STOPPED.forgotten_after_s)
    for _ in range(STOPPED.waits_from - 1):
        throttle.failed(HONEST)
    assert wait_of(throttle, HONEST) == 0


def test_what_is_remembered_is_bounded(throttle: Throttle) -> None:
    """Of more than are remembered, those that were heard of longest ago are forgotten."""
    for address in [HOSTILE] * STOPPED.waits_from + [HONEST] * STOPPED.waits_from:
        throttle.failed(address)
    for number in range(MOST_REMEMBERED - 2):
        throttle.failed(f"192.168.{number // 256}.{number % 256}")
    throttle.failed(HONEST)
    assert wait_of(throttle, HOSTILE) > 0
    throttle.failed("172.16.0.1")
    assert wait_of(throttle, HOSTILE) == 0
    assert wait_of(throttle, HONEST) > 0


def test_threads(throttle: Throttle) -> None:
    """None of what many threads note at once is lost."""

    def note_many() -> None:
        for _ in range(500):
            throttle.failed(HOSTILE)

    threads = [threading.Thread(target=note_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with pytest.raises(Busy, match="2000 jobs from"):
        throttle.check(HOSTILE)
