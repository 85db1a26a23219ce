"""What actions do with workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from flamenco.domain.access import Caller, Owner
from flamenco.domain.actions import REQUESTS, WORKER_ACTIONS, Action, WorkerAction
from flamenco.domain.errors import Conflict, Refused
from flamenco.domain.listing import WorkerFilter
from flamenco.domain.model import Worker
from flamenco.domain.sleep import SleepSchedule, write_time
from flamenco.domain.statuses import WorkerStatus
from flamenco.farm import notes, putting_away, self_tests, sickness, sleep, tags, workers
from flamenco.farm.actions.values import Asked, Undo
from flamenco.farm.context import Farm
from flamenco.store import selection
from flamenco.store.engine import Tx
from flamenco.store.selection import Conditions

_NOBODY = Owner()


class Workers(Struct, frozen=True):
    """Workers that a filter leaves in, where they are not named."""

    chosen: WorkerFilter = WorkerFilter()
    noun = "worker"

    def rules(self, action: Any) -> Action:
        """The row of the table for an action."""
        return WORKER_ACTIONS[action]

    def check_arguments(self, farm: Farm, asked: Asked) -> None:
        """Raise `Refused` for tags that there are not, or none at all."""
        if asked.action is not WorkerAction.TAGS:
            return
        if not asked.arguments.add and not asked.arguments.remove:
            raise Refused("arguments: which tags? The action tags takes their ids in add and remove.")
        known = {tag.id for tag in tags.list_all(farm)}
        for each in asked.arguments.add:
            if each not in known:
                raise Refused(f"arguments.add: there is no tag {each}")

    def conditions(self, _action: Any, ids: Sequence[str] | None) -> Conditions:
        """Which are meant."""
        return selection.of_workers(self.chosen if ids is None else ids)

    def count(self, tx: Tx, conditions: Conditions, after: int) -> int:
        """How many are meant."""
        return selection.count_workers(tx, conditions, after)

    def page(self, tx: Tx, conditions: Conditions, after: int, most: int) -> list[tuple[Worker, Owner]]:
        """The next of them; workers are nobody's."""
        return [(worker, _NOBODY) for worker in selection.page_of_workers(tx, conditions, after, most)]

    def check(self, farm: Farm, _by: Caller, asked: Asked, subject: Worker) -> None:
        """Raise where there is nothing to do, or the worker cannot do it."""
        match asked.action:
            case WorkerAction.CANCEL_REQUEST if subject.status_requested is None:
                raise Conflict("It is asked for nothing.")
            case WorkerAction.APPROVE if subject.approved:
                raise Conflict("It is approved already.")
            case WorkerAction.PUT_AWAY:
                putting_away.check_may_be_put_away(subject)
            case WorkerAction.BRING_BACK:
                putting_away.check_is_put_away(subject)
            case WorkerAction.HEAL if not subject.sick:
                raise Conflict("It is not sick.")
            case WorkerAction.RESTART if not subject.can_restart:
                raise Conflict("It does not know how to restart.")
            case WorkerAction.SELF_TEST:
                self_tests.check(farm, subject)
            case WorkerAction() as action if (wanted := REQUESTS.get(action)) is subject.status and wanted is not None:
                if subject.status_requested is None:
                    raise Conflict(f"It is {subject.status} already.")

    def carry_out(self, farm: Farm, _by: Caller, asked: Asked, subject: Worker) -> Undo | None:
        """Do it."""
        action, given, worker_id = asked.action, asked.arguments, subject.id
        undo: Undo | None = None
        match action:
            case WorkerAction.CANCEL_REQUEST:
                undo = _asked_before(workers.take_back_request(farm, worker_id))
            case WorkerAction.TAGS:
                added, removed = tags.change_of_worker(farm, worker_id, given.add, given.remove)
                undo = Undo((worker_id,), action, {"add": sorted(removed), "remove": sorted(added)})
            case WorkerAction.SCHEDULE:
                before = sleep.fetch(farm, worker_id)
                sleep.give(farm, worker_id, given.schedule)
                undo = Undo((worker_id,), action, _written(before or SleepSchedule(is_active=False)))
            case WorkerAction.NOTE:
                undo = Undo((worker_id,), action, {"note": notes.note_worker(farm, worker_id, given.note, given.who)})
            case WorkerAction.PUT_AWAY:
                putting_away.put_away(farm, worker_id)
                undo = Undo((worker_id,), WorkerAction.BRING_BACK, {})
            case WorkerAction.BRING_BACK:
                putting_away.bring_back(farm, worker_id)
                undo = Undo((worker_id,), WorkerAction.PUT_AWAY, {})
            case WorkerAction.APPROVE:
                workers.approve(farm, worker_id)
            case WorkerAction.HEAL:
                sickness.heal(farm, worker_id)
            case WorkerAction.REMOVE:
                workers.delete(farm, worker_id)
            case WorkerAction.SELF_TEST:
                return _asked_before(self_tests.ask(farm, worker_id, lazy=given.lazy))
            case WorkerAction():
                undo = _asked_before(workers.request_status(farm, worker_id, REQUESTS[action], lazy=given.lazy))
        return undo


def _asked_before(worker: Worker) -> Undo:
    """What has a worker asked again for what it was asked for, which may be nothing."""
    actions = {status: action for action, status in reversed([*REQUESTS.items()])}
    action = actions.get(worker.status_requested or WorkerStatus.REGISTERED)
    if action is None:
        return Undo((worker.id,), WorkerAction.CANCEL_REQUEST, {})
    return Undo((worker.id,), action, {"lazy": worker.lazy_request})


def _written(schedule: SleepSchedule) -> dict[str, Any]:
    """The schedule as it is given on the wire."""
    return {
        "is_active": schedule.is_active,
        "days_of_week": schedule.days_text,
        "start_time": write_time(schedule.start),
        "end_time": write_time(schedule.end),
    }
