"""The life of one simulated worker: as that of a real one, but that its tasks only take time."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from enum import Enum
from typing import Final

from flamenco.client import AssignedTask
from flamenco.domain.statuses import WorkerStatus
from flamenco.simulation.calls import Calls, Later, Refusal
from flamenco.simulation.fates import Fate
from flamenco.simulation.ledger import Ledger
from flamenco.simulation.pace import Pace
from flamenco.simulation.statistics import Statistics
from flamenco.simulation.turn import Crashed, Turn
from flamenco.simulation.wire import Away

JITTER: Final = 0.1
"""Pauses vary by this much either way, as those of real workers."""
GOODBYES: Final = 5
GOODBYE_PAUSE_S: Final = 2.0
"""A manager that is away when everybody goes home is told a little later, for as long as that may take."""


class Doing(Enum):
    """What a worker does just now."""

    AWAY = "away"
    IDLE = "idle"
    BUSY = "busy"
    CRASHED = "crashed"


class FakeWorker:
    """A worker of that number. `live` is its life until it is cancelled, and `go_home` comes after that.

    `is_ours` says whether a job is one of the simulation's; with a task of others it goes home, and `on_foreign` hears.
    """

    def __init__(
        self,
        number: int,
        *,
        calls: Calls,
        fates: Iterator[Fate],
        pace: Pace,
        log_lines: int,
        ledger: Ledger,
        statistics: Statistics,
        is_ours: Callable[[str], Awaitable[bool]],
        on_foreign: Callable[[AssignedTask], None],
    ) -> None:
        self.number, self.name = number, f"simulated-{number:04}"
        self.doing = Doing.AWAY
        self._calls, self._fates, self._pace, self._log_lines = calls, fates, pace, log_lines
        self._ledger, self._statistics = ledger, statistics
        self._is_ours, self._on_foreign = is_ours, on_foreign
        self._dice = random.Random(f"pauses {number}")  # noqa: S311 - no secret
        self._task = ""
        self._since: float | None = None
        self._is_known = False

    async def live(self) -> None:
        """Come to work, and work, until cancelled, or crashed for good."""
        # Nobody starts a whole farm in the same moment.
        await asyncio.sleep(self._dice.random() * self._pace.poll_start)
        while True:
            await self._sign_on()
            try:
                await self._work()
            except Crashed as crash:
                if not await self._lie_down(crash):
                    return
            except Refusal:
                # Forgotten, or replaced: a real one signs on anew as well.
                await self._pause(self._pace.sign_on_retry)

    def vanish(self, _life: object = None) -> None:
        """Be gone without a word, in the middle of whatever it is, once `live` is over."""
        self._calls.vanish()
        self._let_go()
        self._account()
        self._statistics.crashes += 1
        self.doing = Doing.CRASHED

    async def go_home(self) -> None:
        """Sign off, as far as the manager can be told: what is not done it gives to others."""
        self._account()
        for _ in range(GOODBYES if self._is_known else 0):
            try:
                await self._calls.sign_off()
            except Away:
                await asyncio.sleep(GOODBYE_PAUSE_S)
            except Refusal:
                break
            else:
                self._let_go()
                break
        self.doing = Doing.AWAY
        self._calls.vanish()

    async def _sign_on(self) -> None:
        while True:
            try:
                await self._calls.sign_on(self.name)
            except (Away, Refusal):
                await self._pause(self._pace.sign_on_retry)
            else:
                self.doing, self._since, self._is_known = Doing.IDLE, time.monotonic(), True
                return

    async def _work(self) -> None:
        await self._pause(self._pace.poll_start)
        while True:
            try:
                answer = await self._calls.next_task()
            except Away as error:
                pause = error.pause_s if isinstance(error, Later) else None
                await self._pause(self._pace.poll_error if pause is None else pause)
                await self._be_awake()
            except Refusal as error:
                if error.status != 409:
                    raise
                await self._pause(self._pace.poll_no_task)
                await self._be_awake()
            else:
                await self._follow(answer)

    async def _follow(self, answer: AssignedTask | WorkerStatus | None) -> None:
        if isinstance(answer, AssignedTask):
            await self._run(answer)
            await self._pause(self._pace.poll_after_task + self._pace.poll_start)
        elif answer is None:
            await self._pause(self._pace.poll_no_task)
        else:
            await self._sleep_in(answer)

    async def _run(self, task: AssignedTask) -> None:
        if not await self._is_ours(task.job):
            await self.go_home()
            self._on_foreign(task)
            await asyncio.Event().wait()  # until cancelled
        self.doing, self._task = Doing.BUSY, task.uuid
        begun = time.monotonic()
        number = self._ledger.given(task.job, task.uuid, self.number, begun)
        turn = Turn(
            task.uuid,
            *(self.number, number, next(self._fates)),
            calls=self._calls,
            pace=self._pace,
            log_lines=self._log_lines,
            ledger=self._ledger,
            statistics=self._statistics,
        )
        try:
            await turn.run()
        finally:
            self._statistics.busy_s += time.monotonic() - begun
        self._let_go()
        self.doing = Doing.IDLE
        self._statistics.cycles += 1

    def _let_go(self) -> None:
        if self._task:
            self._ledger.let_go(self._task, self.number)
            self._task = ""

    async def _lie_down(self, crash: Crashed) -> bool:
        """Be gone without a word; whether this worker comes back."""
        self.vanish()
        if crash.restart_after is None:
            return False
        await asyncio.sleep(crash.restart_after)
        return True

    async def _be_awake(self) -> None:
        """It may have been taken for dead, and then gets no tasks until it reports."""
        try:
            await self._calls.state_changed(WorkerStatus.AWAKE)
        except Away:
            await self._pause(self._pace.poll_error)

    async def _sleep_in(self, status: WorkerStatus) -> None:
        """Somebody wants this worker to be something else: it is, until they want it to be awake."""
        while status is not WorkerStatus.AWAKE:
            try:
                await self._calls.state_changed(status)
                await self._pause(self._pace.poll_asleep)
                status = await self._calls.requested_status() or status
            except Away:
                await self._pause(self._pace.poll_error)
        await self._be_awake()

    def _account(self) -> None:
        if self._since is not None:
            self._statistics.available_s += time.monotonic() - self._since
            self._since = None

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds * self._dice.uniform(1 - JITTER, 1 + JITTER))
