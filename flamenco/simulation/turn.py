"""One task in the hands of a simulated worker: it takes its time, says its lines, and ends as its fate has it."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from msgspec import Struct

from flamenco.client import TaskUpdate
from flamenco.domain.statuses import TaskStatus
from flamenco.simulation.audit import line_of
from flamenco.simulation.calls import Calls, Later, Refusal
from flamenco.simulation.fates import Fate
from flamenco.simulation.ledger import Ledger
from flamenco.simulation.pace import Pace
from flamenco.simulation.statistics import Statistics
from flamenco.simulation.wire import Away

_GONE = 403, 410
"""The manager does not know this worker any more, or another program has signed on as it."""


_FAR_S = 3600.0


class Crashed(Exception):
    """The worker vanishes here; `restart_after` seconds later it is back, None for never."""

    def __init__(self, restart_after: float | None) -> None:
        super().__init__()
        self.restart_after = restart_after


class Taken(Exception):
    """The manager wants the task stopped, or has given it to another."""


class Report(Struct, frozen=True):
    """What is to be told; `is_end` for that of success or failure."""

    update: TaskUpdate
    is_end: bool = False


class Turn:
    """A worker's turn with a task. What it has to tell waits in order until the manager has taken it."""

    def __init__(
        self,
        task_id: str,
        worker: int,
        number: int,
        fate: Fate,
        *,
        calls: Calls,
        pace: Pace,
        log_lines: int,
        ledger: Ledger,
        statistics: Statistics,
    ) -> None:
        self._task_id, self._worker, self._number, self._fate = task_id, worker, number, fate
        self._calls, self._pace, self._ledger, self._statistics = calls, pace, ledger, statistics
        self._lines = log_lines
        self._said = 0
        self._reports: deque[Report] = deque()
        self._begun = time.monotonic()
        self._not_before = 0.0
        self._next_chunk, self._next_question = pace.log_chunk, pace.may_i_run

    async def run(self) -> None:
        """Run it to its end. Raises `Crashed`, and `Refusal` when the manager does not know this worker any more."""
        self._statistics.cut_off += self._fate.offline_from is not None
        self._statistics.hung += self._fate.hangs
        if self._fate.hangs:  # the manager takes it away at some time, and the worker knows when it asks the next time
            self._ledger.ending(self._task_id, self._worker)
        self._reports.append(Report(TaskUpdate(activity="Started", status=TaskStatus.ACTIVE)))
        try:
            await self._run()
        except Taken:
            return

    async def _run(self) -> None:
        await self._deliver()
        while (now := self._elapsed()) < self._fate.seconds:
            await asyncio.sleep(max(0.0, self._next_event(now) - now))
            await self._catch_up(self._elapsed())
        self._say(self._lines)
        self._statistics.failures += self._fate.fails
        if self._fate.last_words:
            self._reports.append(Report(TaskUpdate(log=f"{self._fate.last_words}\n")))
        self._reports.append(Report(TaskUpdate(activity="Done", status=self._end()), is_end=True))
        self._ledger.ending(self._task_id, self._worker)
        while self._reports:
            await asyncio.sleep(max(0.0, self._wait_for(self._elapsed())))
            await self._deliver()

    def _elapsed(self) -> float:
        return time.monotonic() - self._begun

    def _end(self) -> TaskStatus:
        return TaskStatus.FAILED if self._fate.fails else TaskStatus.COMPLETED

    def _next_event(self, now: float) -> float:
        moments = [
            self._fate.seconds,
            self._next_question,
            self._next_chunk if self._said < self._lines else now + _FAR_S,
        ]
        if self._fate.crash_at is not None:
            moments.append(self._fate.crash_at)
        return min(moments)

    async def _catch_up(self, now: float) -> None:
        """Do what is due."""
        if self._fate.crash_at is not None and now >= self._fate.crash_at:
            raise Crashed(self._fate.restart_after)
        if now >= self._next_chunk:
            self._next_chunk = now + self._pace.log_chunk
            self._say(int(self._lines * now / self._fate.seconds))
            await self._deliver()
        if now >= self._next_question:
            self._next_question = now + self._pace.may_i_run
            await self._ask()

    def _say(self, until: int) -> None:
        """Say the lines up to that number, unless they are said."""
        until = min(until, self._lines)
        if until > self._said:
            numbers = range(self._said + 1, until + 1)
            text = "".join(f"{line_of(self._worker, self._number, number)}\n" for number in numbers)
            self._reports.append(Report(TaskUpdate(log=text)))
            self._said = until

    async def _ask(self) -> None:
        if self._fate.is_offline(self._elapsed()):
            return self._calls.vanish()
        try:
            may_run = await self._calls.may_i_run(self._task_id)
        except Away:
            return None  # a real worker goes on as well
        except Refusal as error:
            if error.status in _GONE:
                raise
            return None
        if not may_run:
            raise Taken
        return None

    def _wait_for(self, now: float) -> float:
        """How long nothing can be delivered."""
        back = self._fate.offline_until if self._fate.is_offline(now) else 0.0
        return max(back, self._not_before) - now

    async def _deliver(self) -> None:
        """Tell what waits, as far as the manager can be reached. Raises `Taken`."""
        while self._reports and self._wait_for(self._elapsed()) <= 0:
            report = self._reports[0]
            try:
                await self._calls.update(self._task_id, report.update)
            except Away as error:
                pause = error.pause_s if isinstance(error, Later) else None
                self._not_before = self._elapsed() + (self._pace.update_retry if pause is None else pause)
            except Refusal as error:
                if error.status in _GONE:
                    raise
                raise Taken from None
            else:
                self._reports.popleft()
                if report.is_end and not self._fate.fails:
                    self._ledger.accepted(self._task_id, self._worker, self._number)
