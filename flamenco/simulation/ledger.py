"""Who had which task when, as the workers saw it: it tells what was done twice. Pure: moments are arguments.

A task may go to another worker when the first one has given it back, has vanished, was told to stop, or was not heard
of for a while; then there was a reason. All else is a task that two had at once.
"""

from __future__ import annotations

from msgspec import Struct

SILENCE_S = 30.0
"""Who had no answer for so long may have been given up by the manager, which by default takes twice as long for it."""


class Done(Struct, frozen=True):
    """A report of success that the manager has accepted."""

    worker: int
    turn: int


class Ledger:
    """The tasks that all workers were given. `silence_s`: after how long a worker may be given up."""

    def __init__(self, silence_s: float = SILENCE_S) -> None:
        self.completed: dict[str, Done] = {}
        self.doubled: list[str] = []
        self.given_first: dict[str, float] = {}
        """When the first task of each job was handed out."""
        self.turns = 0
        self._silence_s = silence_s
        self._holders: dict[str, dict[int, bool]] = {}
        self._heard: dict[int, float] = {}

    def heard(self, worker: int, now: float) -> None:
        """The manager has answered the worker."""
        self._heard[worker] = now

    def given(self, job_id: str, task_id: str, worker: int, now: float) -> int:
        """The manager hands out a task; gives the number of this turn."""
        self.turns += 1
        self.given_first.setdefault(job_id, now)
        holders = self._holders.setdefault(task_id, {})
        for other, is_ending in holders.items():
            is_silent = now - self._heard.get(other, now) >= self._silence_s
            if other != worker and not is_ending and not is_silent:
                self.doubled.append(f"{task_id} was given to worker {worker} while worker {other} had it")
        holders[worker] = False
        return self.turns

    def ending(self, task_id: str, worker: int) -> None:
        """The worker is about to report the end: the manager may know before the worker knows that it does."""
        if worker in self._holders.get(task_id, {}):
            self._holders[task_id][worker] = True

    def let_go(self, task_id: str, worker: int) -> None:
        """The worker has it no more: it has ended, vanished, gone home, or was told to stop."""
        self._holders.get(task_id, {}).pop(worker, None)

    def accepted(self, task_id: str, worker: int, turn: int) -> None:
        """The manager has taken a report of success."""
        before = self.completed.setdefault(task_id, Done(worker, turn))
        if before.turn != turn:
            self.doubled.append(f"{task_id} was completed by worker {before.worker} and by worker {worker}")

    def held(self) -> set[str]:
        """The tasks that somebody has."""
        return {task_id for task_id, holders in self._holders.items() if holders}
