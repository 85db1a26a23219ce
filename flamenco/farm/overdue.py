"""Tasks that are run for too long, or of which nothing comes any more: found by looking, and taken from their workers.

A worker asks every few seconds whether it may go on with its task, and ends it when it may not: so it is enough that
the task has failed by then. That goes for existing workers as for ours.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from datetime import timedelta
from typing import Final

import structlog

from flamenco.domain import time_limits as rules
from flamenco.domain.errors import NotFound
from flamenco.domain.statuses import SCHEDULABLE_JOB, TaskStatus
from flamenco.domain.time_limits import HeldLimits
from flamenco.domain.time_spent import Life, TimeSpent
from flamenco.farm import failing, sickness
from flamenco.farm.attempts import Attempts
from flamenco.farm.cascade import Cascade
from flamenco.farm.context import Farm
from flamenco.store import time_limits as store
from flamenco.store import times, workers
from flamenco.store.time_limits import Running

log = structlog.get_logger(__name__)

SAMPLES_KEPT_S: Final = 60.0
"""For so long it is remembered what done tasks of a job took."""

MOST_JOBS: Final = 50
"""Of so many jobs it is read at one look; the others come at the next."""

_FAILED: Final = "a task that broke a limit could not be ended; trying again at the next look"


class Overdue:
    """What one process has seen of running tasks that have limits. For one thread."""

    def __init__(self, farm: Farm) -> None:
        self._spent = TimeSpent(farm.moment())
        self._warned: set[tuple[int, int]] = set()
        self._done: dict[int, tuple[float, dict[str, list[float]]]] = {}

    def look(self, farm: Farm) -> None:
        """End the tasks that have broken a limit since the last look."""
        with farm.store.read() as tx:
            running = store.running(tx) if farm.command_limits else store.limited(tx)
        limited = [(each, held) for each in running if (held := _held(farm, each))]
        self._spent = self._spent.look({each.key: _life(farm, each, held) for each, held in limited}, farm.moment())
        attempts = Attempts()
        for each, held in limited:
            spent = self._spent.attempts[each.key]
            if sentence := rules.excess(held, spent.run_s, spent.silent_s):
                with attempts.one(_FAILED, task=each.id):
                    break_off(farm, each, sentence)
        attempts.end()

    def look_automatically(self, farm: Farm) -> None:
        """Find the tasks that take far longer than others of their job did, and say so, or end them.

        That is said again by another process that goes on with this.
        """
        least = timedelta(seconds=rules.AUTOMATIC_LEAST_S)
        with farm.store.read() as tx:
            long = store.long_running(tx, farm.clock() - least, rules.AUTOMATIC_SAMPLES)
        long = [each for each in long if not _held(farm, each).max_run]
        self._read_done(farm, long)
        self._warned &= {(each.key, each.attempt) for each in long}
        attempts = Attempts()
        for each in long:
            if (each.key, each.attempt) not in self._warned and (sentence := self._judged(farm, each)):
                with attempts.one(_FAILED, task=each.id):
                    if farm.config.automatic_time_limit == "fail":
                        break_off(farm, each, sentence)
                    else:
                        warn(farm, each, sentence)
                    self._warned.add((each.key, each.attempt))
        attempts.end()

    def _judged(self, farm: Farm, task: Running) -> str:
        _, done = self._done.get(task.job_key, (0.0, {}))
        samples = done.get(task.task_type, [])
        limit_s = rules.automatic(samples)
        run_s = (farm.clock() - task.activated).total_seconds() if task.activated else 0.0
        return rules.takes_long(run_s, limit_s, samples) if limit_s is not None and run_s >= limit_s else ""

    def _read_done(self, farm: Farm, long: Sequence[Running]) -> None:
        """Know what done tasks of these jobs took, of some anew."""
        now, wanted = farm.timer(), dict.fromkeys(each.job_key for each in long)
        kept = {key: known for key, known in self._done.items() if key in wanted and now - known[0] < SAMPLES_KEPT_S}
        missing = [key for key in wanted if key not in kept][:MOST_JOBS]
        if missing:
            with farm.store.read() as tx:
                kept |= {key: (now, times.done(tx, key)) for key in missing}
        self._done = kept


def _held(farm: Farm, task: Running) -> HeldLimits:
    return rules.held(task.task_type, task.commands, task.limits, farm.command_limits)


def _life(farm: Farm, task: Running, limits: HeldLimits) -> Life:
    return Life(task.attempt, task.activated, _sign(farm, task) if limits.max_silence else None)


def _sign(farm: Farm, task: Running) -> Hashable:
    """What changes while something comes of a task. Its log may change without becoming longer."""
    try:
        found = os.lstat(farm.logs.path(task.job_id, task.id))
    except OSError:
        logged = None
    else:
        logged = found.st_size, found.st_mtime_ns, found.st_ino
    return task.steps, task.activity, logged


def break_off(farm: Farm, running: Running, sentence: str) -> None:
    """Fail an attempt at a task that is being run, unless it has ended meanwhile; others try as after any failure."""
    with farm.store.write() as tx:
        try:
            percent = farm.config.failures.job_fail_percent
            cascade, task = Cascade.of_task(tx, running.id, farm.clock(), percent)
        except NotFound:
            return
        if not task.is_active or task.attempts != running.attempt:
            return
        worker = None
        if task.worker_key is None:  # a person called it active
            cascade.log(task, sentence)
            cascade.set_task(task, TaskStatus.FAILED, sentence)
        else:
            worker = workers.fetch_by_key(tx, task.worker_key)
            failing.fail(tx, farm.config, cascade, task, worker, sentence)
        cascade.save()
    log.warning("a task broke a limit on its time", task=running.id, job=running.job_id, reason=sentence)
    cascade.write_logs(farm)
    if worker is not None:
        sickness.after_failure(farm, worker, running.job_key, failing.COUNTED)


def warn(farm: Farm, running: Running, sentence: str) -> None:
    """Say in a task's log, and with its job, that it takes long, unless it has ended meanwhile."""
    with farm.store.write() as tx:
        try:
            cascade, task = Cascade.of_task(tx, running.id, farm.clock())
        except NotFound:
            return
        if not task.is_active or task.attempts != running.attempt:
            return
        cascade.log(task, sentence)
        if cascade.job.status in SCHEDULABLE_JOB:
            cascade.note(f"{task.name}: {sentence}")
        cascade.save()
    log.warning("a task takes long", task=running.id, job=running.job_id, reason=sentence)
    cascade.write_logs(farm)
