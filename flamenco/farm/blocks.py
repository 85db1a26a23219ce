"""Workers that people keep from tasks of a job, beside those that failed too many."""

from __future__ import annotations

from collections.abc import Sequence

from flamenco.domain.errors import Conflict
from flamenco.domain.events import job_event
from flamenco.domain.time_limits import ALL_TYPES
from flamenco.farm import audit
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import stranding
from flamenco.store import events, failures, job_workers
from flamenco.store import jobs as job_store
from flamenco.store.engine import Tx
from flamenco.store.scheduling import queues


def block(farm: Farm, job_id: str, workers: Sequence[str], task_type: str, who: str) -> list[str]:
    """Have workers get no more tasks of a type of a job, or of any; what they have of it goes on.

    They are named by their names or IDs, and stay blocked when the job is queued again. Gives the IDs of those that are
    blocked now and were not. Raises `NotFound`, `Refused` for a worker that there is not, and `Conflict` where all are
    blocked already, or the job has no such tasks.
    """
    now = farm.clock()
    with farm.store.write() as tx:
        job = job_store.lock_by_id(tx, job_id)
        kinds = _types(tx, job.key, task_type)
        those = _called(tx, workers)
        new = [
            worker_id
            for key, worker_id in those.items()
            if sum(failures.block_from(tx, job.key, key, kind, now, who) for kind in kinds)
        ]
        if not new:
            raise Conflict("All of them are blocked from that already.")
        audit.note(tx, now, "job", job.id, job.name, after={"blocked": new, "task_type": task_type})
        events.append(tx, [job_event(job)], now)
    stranding.look_soon(farm)
    return new


def unblock(farm: Farm, job_id: str, workers: Sequence[str], task_type: str) -> list[str]:
    """Have workers get tasks of a type of a job again, or of any, whoever or whatever blocked them.

    Gives the IDs of those that were blocked. Raises `NotFound`, `Refused` and `Conflict` as `block`.
    """
    now = farm.clock()
    with farm.store.write() as tx:
        job = job_store.lock_by_id(tx, job_id)
        kinds = _types(tx, job.key, task_type)
        those = _called(tx, workers)
        freed = [
            worker_id
            for key, worker_id in those.items()
            if any(failures.is_blocked(tx, job.key, key, kind) for kind in kinds)
        ]
        if not freed:
            raise Conflict("None of them is blocked from that.")
        for worker_id in freed:
            for kind in kinds:
                failures.unblock(tx, job.key, worker_id, kind)
        audit.note(tx, now, "job", job.id, job.name, before={"blocked": freed, "task_type": task_type})
        events.append(tx, [job_event(job)], now)
    stranding.look_soon(farm)
    return freed


def _called(tx: Tx, workers: Sequence[str]) -> dict[int, str]:
    return {key: worker_id for each in workers for key, worker_id in job_workers.workers_called(tx, each.strip())}


def _types(tx: Tx, job_key: int, task_type: str) -> list[str]:
    there = sorted({queue.task_type for queue in queues.of_job(tx, job_key)})
    if task_type == ALL_TYPES:
        return there
    if task_type not in there:
        raise Conflict(f"It has no tasks of type {task_type!r}, but of {', '.join(there)}.")
    return [task_type]
