"""The shipped policies over days of a farm's life: a real farm and database; the clock and the renders are made up.

Events are played in the order of their time. As in a manager, jobs are ranked once a second at the most, where time
does not matter, and else once a minute.
"""

from __future__ import annotations

import heapq
import logging
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flamenco import builtin
from flamenco.bootstrap import create_farm
from flamenco.config import load
from flamenco.domain.model import Assignment, Worker
from flamenco.domain.statuses import TaskStatus
from flamenco.farm import tasks
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import claim
from flamenco.farm.tasks import TaskChange
from flamenco.services import ranking
from flamenco.store.upgrade import upgrade
from flamenco.testing import Clock
from tests import length
from tests.conftest import authored_job, authored_task
from tests.integration.farming import new_worker, store_job

log = logging.getLogger(__name__)

MakeFarm = Callable[[str], Farm]
WORKERS = 50

RANKED_EVERY_S = length.of(60, 1)
"""What is decided is the same, as shares are about hours, and the simulation is over in half the time."""


@pytest.fixture
def farm_with(tmp_path: Path, clock: Clock) -> Iterator[MakeFarm]:
    """Makes a farm with that text in its configuration file."""
    made: list[Farm] = []

    def make(text: str) -> Farm:
        file = tmp_path / "flamenco-manager.yaml"
        file.write_text(text)
        loaded = load(file, tmp_path / "data", environ={}, hooks=builtin.core_hooks({}))
        farm = create_farm(loaded.config, loaded.hooks, clock)
        upgrade(farm.store, clock())
        made.append(farm)
        return farm

    yield make
    for farm in made:
        farm.close()


class Simulation:
    """Workers that ask as soon as they are free, and tasks that take as long as `length_s` says."""

    def __init__(self, farm: Farm, clock: Clock, length_s: Callable[[Assignment], float], workers: int) -> None:
        self.farm = farm
        self.clock = clock
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.order: list[str] = []
        self._length_s = length_s
        self._free = [new_worker(farm, f"w{number}") for number in range(workers)]
        self._running: list[tuple[float, int, Worker, Assignment, float]] = []
        self._start = clock()
        self._ranked_at = -1.0
        self._count = 0

    @property
    def now_s(self) -> float:
        """Seconds since the beginning."""
        return (self.clock() - self._start).total_seconds()

    def hand_out(self) -> None:
        """Every worker that is free asks for a task."""
        if self.now_s >= self._ranked_at + RANKED_EVERY_S:
            ranking.tick(self.farm)
            self._ranked_at = self.now_s
        waiting = []
        for worker in self._free:
            given = claim.assign_next(self.farm, worker)
            if isinstance(given, Assignment):
                length = self._length_s(given)
                self._count += 1
                self.order.append(given.task.name)
                heapq.heappush(self._running, (self.now_s + length, self._count, worker, given, length))
            else:
                waiting.append(worker)
        self._free = waiting

    def next_ends(self) -> bool:
        """Go to when the next task ends, and end it. False when nothing is running."""
        if not self._running:
            return False
        ends_s, _, worker, given, length = heapq.heappop(self._running)
        self.clock.forward(max(0.0, ends_s - self.now_s))
        self.seconds[given.task.name] += length
        tasks.update(self.farm, worker, given.task.id, TaskChange(status=TaskStatus.COMPLETED))
        self._free.append(worker)
        return True


FAIR = """
plugins:
  fair_share:
    shares: {ada: 50, bob: 30, eve: 20}
    half_life: 24h
"""


@pytest.mark.long
def test_everybody_gets_their_share(farm_with: MakeFarm, clock: Clock) -> None:
    """Shares of 50, 30 and 20 with 100, 10 and 1 jobs: of the time of 2,000 tasks each gets its share, ± 5 %.

    When one runs out of work, the others share what is left as their shares are to each other.
    """
    farm = farm_with(FAIR)
    lengths = random.Random(4)  # noqa: S311 - no secret
    for user, jobs, each in (("ada", 100, 40), ("bob", 10, 200), ("eve", 1, 440)):
        for _ in range(jobs):
            job = authored_job(*(authored_task(user) for _ in range(each)), metadata={"user": user}, created=clock())
            store_job(farm, job)
            clock.forward(1)
    play = Simulation(farm, clock, lambda _given: lengths.uniform(20, 600), WORKERS)
    for _ in range(2_000):
        play.hand_out()
        assert play.next_ends()
    total = sum(play.seconds.values())
    parts = {user: seconds / total for user, seconds in play.seconds.items()}
    log.info("shares of the time: %s", parts)
    for user, share in (("ada", 0.5), ("bob", 0.3), ("eve", 0.2)):
        assert parts[user] == pytest.approx(share, rel=0.05), parts
    assert Counter(play.order)["eve"] < 440, "she has work to the end"
    while Counter(play.order)["eve"] < 440:
        play.hand_out()
        play.next_ends()
    before = Counter(play.seconds)
    for _ in range(800):
        play.hand_out()
        play.next_ends()
    more = {user: play.seconds[user] - before[user] for user in ("ada", "bob")}
    assert more["ada"] / sum(more.values()) == pytest.approx(50 / 80, rel=0.05), more


@pytest.mark.longer
def test_one_job_is_not_starved_by_five_hundred(farm_with: MakeFarm, clock: Clock) -> None:
    """Who comes with one job while another has 500 queued and all workers is served as soon as any worker is free."""
    farm = farm_with("plugins:\n  fair_share:\n")
    for _ in range(500):
        store_job(farm, authored_job(authored_task("many"), metadata={"user": "many"}, created=clock()))
    play = Simulation(farm, clock, lambda _given: 300.0, 10)
    play.hand_out()
    clock.forward(5)
    store_job(farm, authored_job(authored_task("one"), metadata={"user": "one"}, created=clock()))
    play.next_ends()
    play.hand_out()
    assert play.order[10:] == ["one"]


@pytest.mark.longer
def test_nothing_waits_for_ever(farm_with: MakeFarm, clock: Clock) -> None:
    """A farm that never runs out of more important jobs comes to an old one when it has waited its points together."""
    farm = farm_with("plugins:\n  ageing:\n    points_per_hour: 10\n")
    store_job(farm, authored_job(authored_task("old"), priority=0, created=clock()))
    play = Simulation(farm, clock, lambda _given: 900.0, 3)
    for _ in range(5):
        store_job(farm, authored_job(authored_task("fresh"), priority=50, created=clock()))
    while "old" not in play.order and play.now_s < 24 * 3600:
        play.hand_out()
        play.next_ends()
        store_job(farm, authored_job(authored_task("fresh"), priority=50, created=clock()))
    assert "old" in play.order
    waited_h = play.now_s / 3600
    assert 4.5 < waited_h < 6, waited_h


@pytest.mark.longer
def test_a_deadline_is_met(farm_with: MakeFarm, clock: Clock) -> None:
    """A job that is due gets the farm in time, though others were there before and are as important."""
    farm = farm_with("plugins:\n  deadline:\n    default_task_time: 10m\n")
    store_job(farm, authored_job(*(authored_task("idle") for _ in range(400)), created=clock()))
    play = Simulation(farm, clock, lambda _given: 600.0, 5)
    play.hand_out()
    due_s = 4 * 3600
    due = clock.now.fromtimestamp(clock.now.timestamp() + due_s, clock.now.tzinfo)
    job = authored_job(*(authored_task("due") for _ in range(60)), metadata={"deadline": due.isoformat()})
    store_job(farm, job)
    while play.seconds["due"] < 60 * 600.0 and play.now_s < 2 * due_s:
        play.next_ends()
        play.hand_out()
    assert play.now_s <= due_s
