"""Who sends jobs whose scripts run into their limits again and again waits, and nobody else."""

from __future__ import annotations

import threading

import pytest

from flamenco.domain.errors import Busy
from flamenco.farm.burnt_time import FORGOTTEN_AFTER_S, LONGEST_WAIT_S, MOST_REMEMBERED, WAITS_FROM, BurntTime
from flamenco.testing import Clock

SHORTEST_S = 20.0
HOSTILE = "10.0.0.66"
HONEST = "10.0.0.7"


@pytest.fixture
def burnt(clock: Clock) -> BurntTime:
    """Nobody has sent anything yet."""
    return BurntTime(clock.timer, SHORTEST_S)


def wait_of(burnt: BurntTime, address: str) -> int:
    """How many seconds the next job from there has to wait."""
    try:
        burnt.check(address)
    except Busy as error:
        return error.retry_after
    return 0


def test_a_few_are_nobodys_fault(burnt: BurntTime) -> None:
    """Until there are several, the next job is taken at once."""
    for _ in range(WAITS_FROM - 1):
        burnt.note(HOSTILE)
        assert wait_of(burnt, HOSTILE) == 0


def test_each_wait_is_twice_as_long(burnt: BurntTime, clock: Clock) -> None:
    """From then on waits double, up to a limit, and one that is over lets the next job in."""
    for _ in range(WAITS_FROM - 1):
        burnt.note(HOSTILE)
    waits = []
    for _ in range(8):
        burnt.note(HOSTILE)
        waits.append(wait_of(burnt, HOSTILE))
        clock.forward(waits[-1] - 1)
        assert wait_of(burnt, HOSTILE) == 1
        clock.forward(1)
        assert wait_of(burnt, HOSTILE) == 0
    burnt.note(HOSTILE)
    with pytest.raises(Busy, match=rf"^11 jobs from {HOSTILE} .* in 900 seconds$"):
        burnt.check(HOSTILE)
    assert waits == [20, 40, 80, 160, 320, 640, LONGEST_WAIT_S, LONGEST_WAIT_S]


def test_others_do_not_wait(burnt: BurntTime) -> None:
    """Whatever one address does, others are not concerned."""
    for _ in range(100):
        burnt.note(HOSTILE)
    assert wait_of(burnt, HONEST) == 0
    assert wait_of(burnt, HOSTILE) == LONGEST_WAIT_S


def test_it_is_forgotten(burnt: BurntTime, clock: Clock) -> None:
    """Who has sent none for a while starts afresh."""
    for _ in range(WAITS_FROM - 1):
        burnt.note(HONEST)
        clock.forward(FORGOTTEN_AFTER_S)
    for _ in range(WAITS_FROM - 1):
        burnt.note(HONEST)
    assert wait_of(burnt, HONEST) == 0


def test_all_addresses_of_a_machine_count_together(burnt: BurntTime) -> None:
    """For IPv6 a machine has as many as it likes in its network; neighbours for IPv4 are others."""
    for number in range(WAITS_FROM):
        burnt.note(f"2001:db8:1:2::{number}")
        burnt.note(f"10.0.0.{number}")
    assert wait_of(burnt, "2001:db8:1:2:aaaa::1") > 0
    assert wait_of(burnt, "2001:db8:1:3::1") == 0
    assert wait_of(burnt, "10.0.0.0") == 0


@pytest.mark.parametrize("address", ["unix:", "fe80::1%eth0", "nonsense"])
def test_whatever_a_server_calls_the_other_end(burnt: BurntTime, address: str) -> None:
    """It is told apart from others."""
    for _ in range(WAITS_FROM):
        burnt.note(address)
    assert wait_of(burnt, address) > 0
    assert wait_of(burnt, HONEST) == 0


def test_what_is_remembered_is_bounded(burnt: BurntTime) -> None:
    """Of more addresses than are remembered, those that were heard of longest ago are forgotten."""
    for address in [HOSTILE] * WAITS_FROM + [HONEST] * WAITS_FROM:
        burnt.note(address)
    for number in range(MOST_REMEMBERED - 2):
        burnt.note(f"192.168.{number // 256}.{number % 256}")
    burnt.note(HONEST)
    assert wait_of(burnt, HOSTILE) > 0
    burnt.note("172.16.0.1")
    assert wait_of(burnt, HOSTILE) == 0
    assert wait_of(burnt, HONEST) > 0


def test_threads(burnt: BurntTime) -> None:
    """None of what many threads note at once is lost."""

    def note_many() -> None:
        for _ in range(500):
            burnt.note(HOSTILE)

    threads = [threading.Thread(target=note_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with pytest.raises(Busy, match="2000 jobs from"):
        burnt.check(HOSTILE)
