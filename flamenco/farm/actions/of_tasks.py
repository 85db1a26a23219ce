"""What actions do with tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from flamenco.domain.access import Caller, Owner
from flamenco.domain.actions import TASK_ACTIONS, Action, TaskAction, check_fits
from flamenco.domain.listing import TaskFilter
from flamenco.domain.model import TaskState
from flamenco.domain.statuses import TaskStatus
from flamenco.farm import requeueing, skipping, tasks
from flamenco.farm.actions.values import Asked, Undo
from flamenco.farm.context import Farm
from flamenco.store import selection
from flamenco.store.engine import Tx
from flamenco.store.selection import Conditions

_STATUSES = {TaskAction.CANCEL: TaskStatus.CANCELED, TaskAction.REQUEUE: TaskStatus.QUEUED}
"""The status that an action sends a task to."""


class Tasks(Struct, frozen=True):
    """Tasks of a job that a filter leaves in, where they are not named."""

    job_id: str = ""
    chosen: TaskFilter = TaskFilter()
    noun = "task"

    def rules(self, action: Any) -> Action:
        """The row of the table for an action."""
        return TASK_ACTIONS[action]

    def check_arguments(self, _farm: Farm, _asked: Asked) -> None:
        """There are none that could mean nothing."""

    def conditions(self, _action: Any, ids: Sequence[str] | None) -> Conditions:
        """Which are meant."""
        return selection.of_tasks(self.job_id, self.chosen if ids is None else ids)

    def count(self, tx: Tx, conditions: Conditions, after: int) -> int:
        """How many are meant."""
        return selection.count_tasks(tx, conditions, after)

    def page(self, tx: Tx, conditions: Conditions, after: int, most: int) -> list[tuple[TaskState, Owner]]:
        """The next of them."""
        return selection.page_of_tasks(tx, conditions, after, most)

    def check(self, _farm: Farm, _by: Caller, asked: Asked, subject: TaskState) -> None:
        """Raise where the task is in another status than that makes sense for, or has had no worker yet."""
        check_fits(self.rules(asked.action), subject.status)
        if asked.action is TaskAction.REQUEUE_ELSEWHERE:
            requeueing.check_had_worker(subject)

    def carry_out(self, farm: Farm, by: Caller, asked: Asked, subject: TaskState) -> Undo | None:
        """Do it; nothing takes it back."""
        action, reason = asked.action, asked.arguments.reason
        match action:
            case TaskAction.SKIP:
                rules = self.rules(action)
                skipping.skip(farm, subject.id, by.name, reason, lambda status: check_fits(rules, status))
            case TaskAction.REQUEUE_ELSEWHERE:
                requeueing.requeue_elsewhere(farm, subject.id, reason)
            case TaskAction():
                rules = self.rules(action)
                tasks.set_status(farm, subject.id, _STATUSES[action], reason, lambda status: check_fits(rules, status))
        return None
