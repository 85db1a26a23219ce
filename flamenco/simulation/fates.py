"""What is to befall the workers: drawn beforehand, so that the same seed has the same happen. Pure."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from msgspec import Struct

from flamenco.simulation.distributions import Distribution


class Behaviour(Struct, frozen=True, kw_only=True):
    """How workers and tasks are. Rates are chances per task, seconds are those of the farm that is simulated.

    `crash_rate`: the worker vanishes in the middle, without a word; `return_rate` of those come back after
    `restart_seconds`. `offline_rate`: its network is away for `offline_seconds`, and the task goes on. `hang_rate`: the
    task never ends, and says nothing; its worker goes on asking whether to go on. `failure_line`: what those say last
    that fail.
    """

    task_seconds: Distribution = Distribution("fixed", (2.0,))
    failure_rate: float = 0.0
    crash_rate: float = 0.0
    return_rate: float = 1.0
    restart_seconds: Distribution = Distribution("fixed", (10.0,))
    offline_rate: float = 0.0
    offline_seconds: Distribution = Distribution("fixed", (20.0,))
    hang_rate: float = 0.0
    failure_line: str = ""
    log_lines: int = 10
    speed: float = 1.0


class Fate(Struct, frozen=True, kw_only=True):
    """What befalls a task and its worker; moments are seconds from the task's start, None for never."""

    seconds: float
    fails: bool = False
    last_words: str = ""
    crash_at: float | None = None
    restart_after: float | None = None
    offline_from: float | None = None
    offline_until: float = 0.0

    @property
    def hangs(self) -> bool:
        """Whether it never ends."""
        return math.isinf(self.seconds)

    def is_offline(self, elapsed: float) -> bool:
        """Whether the worker cannot reach anybody so long after the start."""
        return self.offline_from is not None and self.offline_from <= elapsed < self.offline_until


def fates(behaviour: Behaviour, seed: int, worker: int) -> Iterator[Fate]:
    """What befalls the worker of that number with each of its tasks, in real seconds: `speed` is accounted for."""
    dice = random.Random(f"{seed} {worker}")  # noqa: S311 - no secret
    while True:
        yield _fate(behaviour, dice)


def _fate(behaviour: Behaviour, dice: random.Random) -> Fate:
    # All is drawn always, so that one rate changes nothing about what another one does.
    speed = behaviour.speed
    seconds = behaviour.task_seconds.draw(dice) / speed
    fails, crashes, is_cut_off, returns = (
        dice.random() < rate
        for rate in (behaviour.failure_rate, behaviour.crash_rate, behaviour.offline_rate, behaviour.return_rate)
    )
    crash_at, offline_from = dice.random() * seconds, dice.random() * seconds
    hangs = dice.random() < behaviour.hang_rate
    restart, offline = behaviour.restart_seconds.draw(dice) / speed, behaviour.offline_seconds.draw(dice) / speed
    if hangs:
        return Fate(seconds=math.inf)
    return Fate(
        seconds=seconds,
        fails=fails,
        last_words=behaviour.failure_line if fails else "",
        crash_at=crash_at if crashes else None,
        restart_after=restart if returns else None,
        offline_from=offline_from if is_cut_off else None,
        offline_until=offline_from + offline,
    )
