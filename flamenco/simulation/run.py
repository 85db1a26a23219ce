"""A simulation from start to end: prepare the farm, let workers work, send them home, judge, tidy up."""

from __future__ import annotations

import asyncio
import os
import secrets
import ssl
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from flamenco.client import AssignedTask, ManagerClient, ManagerError, ManagerUnreachable
from flamenco.domain.errors import Refused
from flamenco.simulation.audit import Verdict
from flamenco.simulation.calls import Calls
from flamenco.simulation.crowding import crowded, largest
from flamenco.simulation.display import Display, Moment
from flamenco.simulation.fake_worker import Doing, FakeWorker
from flamenco.simulation.farm import Farm
from flamenco.simulation.fates import fates
from flamenco.simulation.ledger import Ledger
from flamenco.simulation.options import Options
from flamenco.simulation.pace import Pace
from flamenco.simulation.report import Report
from flamenco.simulation.settlement import Settlement, insistently
from flamenco.simulation.statistics import Statistics, latency_of
from flamenco.simulation.wire import Wire
from flamenco.simulation.work import JOB_TYPE, Work

CLIENT_TIMEOUT_S: Final = 60.0
LOOK_S: Final = 0.5
NEWEST: Final = 1000

T = TypeVar("T")


class Simulation:
    """One run against the managers at `urls`, which share a farm. `interrupted` is asked often."""

    def __init__(
        self, urls: Sequence[str], options: Options, display: Display, interrupted: Callable[[], bool] = lambda: False
    ) -> None:
        self._options, self._display, self._interrupted = options, display, interrupted
        self._client = ManagerClient(urls[0], CLIENT_TIMEOUT_S)
        self._urls = [self._client.url, *urls[1:]]
        label = f"simulated {secrets.token_hex(3)}"
        self._farm = Farm(self._client, label)
        self.ledger, self.statistics = Ledger(options.silence_s), Statistics()
        self.workers: list[FakeWorker] = []
        self._foreign = ""
        seconds = round(options.behaviour.task_seconds.typical)
        self.work = Work(
            *(self._client, label, options.tasks, seconds),
            time_limits=options.time_limits,
            is_chained=options.chained,
            start_after_s=options.start_after_s,
        )
        self._settlement = Settlement(self.work, self.ledger, options.behaviour.log_lines)
        self._begun = self._ended = self._cpu = 0.0

    def run(self) -> Report:
        """Do it all. Raises a `FarmError` with a sentence where it cannot be done."""
        try:
            self._display.say(f"{self._options.workers} workers register at {self._client.url}")
            self._check_job_type()
            self.work.tag_id = self._farm.prepare(self._options.workers)
            if self._options.limit is not None:
                self._farm.limit(self._options.limit)
            self._begun, self._cpu = time.monotonic(), time.process_time()
            ended = asyncio.run(self._simulate())
            report = self._report(ended, self._settlement.verdict(is_stalled=ended == "stalled"))
        finally:
            self._tidy_up()
        if self._foreign:
            raise Refused(self._foreign)
        return report

    def _check_job_type(self) -> None:
        if JOB_TYPE not in {known.name for known in self._client.job_types()}:
            raise Refused(f"the manager has no job type {JOB_TYPE}, which simulated jobs are of.")

    # -- the workers ------------------------------------------------------------------------------------------------

    async def _simulate(self) -> str:
        self.workers = [self._worker(number) for number in range(1, self._options.workers + 1)]
        lives = [asyncio.create_task(worker.live()) for worker in self.workers]
        try:
            return await self._watch(lives)
        finally:
            for life in lives:
                life.cancel()
            self._ended, self._cpu = time.monotonic(), time.process_time() - self._cpu
            await asyncio.gather(*lives, return_exceptions=True)
            await asyncio.gather(*(worker.go_home() for worker in self.workers))

    def _worker(self, number: int) -> FakeWorker:
        behaviour = self._options.behaviour
        pace = Pace.of(behaviour.speed)
        url = self._urls[(number - 1) % len(self._urls)]
        tls = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or None)
        wire = Wire(url, tls if url.startswith("https") else None, pace.timeout_s)
        return FakeWorker(
            number,
            calls=Calls(number, wire, self._farm.workers[number - 1], self.ledger, self.statistics),
            fates=fates(behaviour, self._options.seed, number),
            pace=pace,
            log_lines=behaviour.log_lines,
            ledger=self.ledger,
            statistics=self.statistics,
            is_ours=self._is_ours,
            on_foreign=self._on_foreign,
        )

    async def _is_ours(self, job_id: str) -> bool:
        while job_id not in self.work.promised:
            is_ours = await _asked(lambda: self.work.is_ours(job_id))
            if is_ours is False:
                return False
            await asyncio.sleep(0 if is_ours else LOOK_S)
        return True

    def _on_foreign(self, task: AssignedTask) -> None:
        self._foreign = (
            f"a simulated worker was given a task of another job ({task.job}), and has given it back: workers that run "
            "nothing cannot share a farm with such jobs. Try it while there are none, or with --own."
        )

    # -- watching ---------------------------------------------------------------------------------------------------

    async def _watch(self, lives: Sequence[asyncio.Task[None]]) -> str:
        """Keep jobs coming, and show how it goes, until it is over; gives why."""
        moved, turns = time.monotonic(), -1
        while True:
            is_open = await self._keep_jobs_open()
            now = time.monotonic()
            if self.ledger.turns != turns or self._doing()[Doing.BUSY]:
                moved, turns = now, self.ledger.turns
            if self._options.vanish_rate and now - self._begun >= self._options.vanish_after_s:
                self._vanish(lives)
            self._display.show(self._moment(now))
            if ended := self._why_over(lives, is_open=is_open, idle_s=now - moved):
                return ended
            await asyncio.sleep(LOOK_S)

    def _vanish(self, lives: Sequence[asyncio.Task[None]]) -> None:
        """A part of the farm is gone, without a word."""
        count = round(self._options.vanish_rate * len(lives))
        for worker, life in zip(self.workers[:count], lives, strict=False):
            if life.cancel():
                life.add_done_callback(worker.vanish)

    def _why_over(self, lives: Sequence[asyncio.Task[None]], *, is_open: bool, idle_s: float) -> str:
        for life in lives:
            if life.done() and not life.cancelled():
                life.result()  # raises what should not have happened
        duration = self._options.duration_s
        reasons = {
            "interrupted": self._interrupted(),
            "foreign task": bool(self._foreign),
            "duration": duration is not None and time.monotonic() - self._begun >= duration,
            "done": not is_open,
            "no workers": all(life.done() for life in lives),
            "stalled": idle_s >= self._options.patience_s + self._options.start_after_s,
        }
        return next((reason for reason, holds in reasons.items() if holds), "")

    async def _keep_jobs_open(self) -> bool:
        """Submit what is to be submitted; whether there is any work, or may be."""
        is_endless = self._options.duration_s is not None
        still_open = await _asked(self.work.open_jobs)
        if still_open is None:
            return True
        for job_id in self.work.promised.keys() - still_open - self._settlement.settled.keys():
            if self._options.deletes_done:
                await _asked(partial(self._settlement.settle, job_id))
        wanted = self._options.jobs - len(still_open if is_endless else self.work.promised)
        for _ in range(wanted):
            await _asked(self.work.submit)
        return is_endless or wanted > 0 or bool(still_open)

    def _doing(self) -> Counter[Doing]:
        return Counter(worker.doing for worker in self.workers)

    def _moment(self, now: float) -> Moment:
        seconds = max(now - self._begun, 0.001)
        return Moment(
            seconds=seconds,
            workers=self._doing(),
            jobs=len(self.work.promised),
            completed=len(self.ledger.completed),
            tasks=sum(self.work.promised.values()),
            cycles_per_s=self.statistics.cycles / seconds,
            errors=self.statistics.errors.total(),
            doubled=len(self.ledger.doubled),
            latencies=self.statistics.latencies(NEWEST),
        )

    # -- afterwards -------------------------------------------------------------------------------------------------

    def _report(self, ended: str, verdict: Verdict) -> Report:
        seconds = self._ended - self._begun
        statistics, work = self.statistics, self.work
        first = [
            given - work.submitted[job_id]
            for job_id, given in self.ledger.given_first.items()
            if job_id in work.submitted
        ]
        return Report(
            manager=self._client.url,
            ended=ended,
            seed=self._options.seed,
            workers=self._options.workers,
            jobs=len(work.promised),
            seconds=round(seconds, 2),
            tasks=verdict.tasks,
            cycles_per_s=round(statistics.cycles / seconds, 2),
            tasks_per_s=round(len(self.ledger.completed) / seconds, 2),
            requests_per_s=round(statistics.requests / seconds, 1),
            utilisation=round(statistics.busy_s / statistics.available_s, 4) if statistics.available_s else 0.0,
            latencies=statistics.latencies(),
            submission=latency_of(work.durations),
            first_task=latency_of([max(0.0, each) for each in first]),
            errors=dict(statistics.errors),
            crashes=statistics.crashes,
            cut_off=statistics.cut_off,
            hung=statistics.hung,
            failures=statistics.failures,
            lost=verdict.lost,
            doubled=verdict.doubled,
            lost_lines=verdict.lost_lines,
            early=self._settlement.early(),
            crowded=crowded(self._settlement.attempts, self._options.limit),
            most_at_once=largest(self._settlement.attempts).size,
            generator_cpu=round(self._cpu / seconds, 3),
        )

    def _tidy_up(self) -> None:
        try:
            if not self._options.keep:
                self._display.say("what was made for the simulation is removed; --keep would leave it")
                insistently(self.work.delete_all)
                insistently(self._farm.remove)
        finally:
            self._client.close()


async def _asked(ask: Callable[[], T]) -> T | None:
    """What the manager says; None while it cannot say. In a thread, since workers do not wait for that."""
    try:
        return await asyncio.to_thread(ask)
    except ManagerUnreachable:
        return None
    except ManagerError as error:
        if error.is_temporary:
            return None
        raise
