"""What is read of a farm once jobs are done: their tasks and some of their logs, on which the verdict stands."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from flamenco.client import Attempt, ManagerError, ManagerUnreachable, TaskSummary
from flamenco.simulation.audit import Verdict, judge, misbooked, missing_lines
from flamenco.simulation.ledger import Ledger
from flamenco.simulation.order import Period, before_their_moment, early, period_of
from flamenco.simulation.work import Work

TASKS_LOOKED_AT: Final = 100
"""The logs of so many tasks are read in the end."""
LAST_WORDS_S: Final = 60.0
"""So long is a manager asked in the end that does not answer."""
PAUSE_S: Final = 0.5

T = TypeVar("T")


class Settlement:
    """Reads what came of the jobs in `work`, and judges it by the `ledger`; `lines` is what each task had to say."""

    def __init__(self, work: Work, ledger: Ledger, lines: int) -> None:
        self.settled: dict[str, Sequence[TaskSummary]] = {}
        """The tasks of jobs that were done, and have been deleted since."""
        self._work, self._ledger, self._lines = work, ledger, lines
        self._lost_lines: list[str] = []
        self._misbooked: list[str] = []
        self._periods: dict[str, Period] = {}
        self.attempts: list[Attempt] = []
        """All that were looked at."""

    def settle(self, job_id: str) -> None:
        """Note what came of a job that is done, and have it deleted."""
        tasks = self._work.tasks(job_id)
        self._look_at_attempts(job_id, tasks)
        self._read_logs([task.id for task in tasks if task.id in self._ledger.completed][:1])
        self._work.delete(job_id)
        self.settled[job_id] = tasks

    def verdict(self, *, is_stalled: bool) -> Verdict:
        """Judge all of it, after everybody has gone home."""
        insistently(self._work.adopt_all)
        left = self._work.promised.keys() - self.settled.keys()
        tasks = {job_id: insistently(partial(self._work.tasks, job_id)) for job_id in left}
        for job_id, found in tasks.items():
            self._look_at_attempts(job_id, found)
        completed = sorted(task.id for found in tasks.values() for task in found if task.id in self._ledger.completed)
        self._read_logs(completed[:: max(1, len(completed) // TASKS_LOOKED_AT)])
        return judge(
            self._ledger,
            self.settled | tasks,
            self._work.promised,
            self._lost_lines,
            misbooked=self._misbooked,
            is_stalled=is_stalled,
        )

    def _look_at_attempts(self, job_id: str, tasks: Sequence[TaskSummary]) -> None:
        attempts = insistently(partial(self._work.attempts, job_id))
        if attempts is not None:
            self._misbooked += misbooked(tasks, attempts)
            self.attempts += attempts
            if period := period_of(attempts):
                self._periods[job_id] = period

    def early(self) -> list[str]:
        """Which jobs began before what they waited for: others, or a moment; to be asked after `verdict`."""
        return early(self._work.chain, self._periods) + before_their_moment(self._work.starts, self._periods)

    def _read_logs(self, task_ids: Sequence[str]) -> None:
        for task_id in task_ids if self._lines else ():
            done = self._ledger.completed[task_id]
            log = insistently(partial(self._work.log, task_id))
            if missing := missing_lines(log, done.worker, done.turn, self._lines):
                what = f"{len(missing)} of {self._lines} lines of its log, the first is {missing[0]}"
                self._lost_lines.append(f"{task_id} has lost {what}")


def insistently(ask: Callable[[], T]) -> T:
    """What the manager says, when it is given some time to answer after all."""
    until = time.monotonic() + LAST_WORDS_S
    while True:
        try:
            return ask()
        except (ManagerUnreachable, ManagerError) as error:
            is_final = isinstance(error, ManagerError) and not error.is_temporary
            if is_final or time.monotonic() > until:
                raise
            time.sleep(PAUSE_S)
