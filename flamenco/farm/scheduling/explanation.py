"""Answers «why is my job not running?»: its position, what policies say of it, and what its tasks wait for."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from flamenco.domain.errors import NotFound
from flamenco.domain.model import Job, Worker
from flamenco.domain.scheduling import explanation
from flamenco.domain.scheduling.explanation import Reason, SeenWorker
from flamenco.domain.scheduling.values import Ranked
from flamenco.domain.start_times import told
from flamenco.domain.time_limits import HeldLimits
from flamenco.farm import time_limits
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import ranking, views
from flamenco.farm.starting import WALL
from flamenco.store import job_waits, jobs, self_tests, workers
from flamenco.store.engine import Tx
from flamenco.store.scheduling import explanation as explanation_store
from flamenco.store.scheduling import own_limits
from flamenco.store.scheduling.explanation import Around, Trouble

MOST_FAILED = 100
"""How many failed tasks are listed with their reason: more than anybody reads."""


class Explanation(Struct, frozen=True, kw_only=True):
    """Why a job is where it is.

    `position` counts from 1 among the `open_jobs` that no policy holds; None for a job that is not among them.
    `weights` are the policies' by name. `failed` are tasks that failed, at most `MOST_FAILED`. `worker` is the one that
    was asked about, if any. `time_limits` are those on the job's tasks, by their type.
    """

    job: Job
    position: int | None
    open_jobs: int
    ranked: Ranked
    weights: dict[str, float]
    waiting: list[Reason]
    failed: list[Trouble]
    time_limits: dict[str, HeldLimits]
    worker: Worker | None = None


def explain(farm: Farm, job_id: str, worker_id: str | None = None) -> Explanation:
    """Explain a job, to everybody or for one worker. Raises `NotFound`."""
    now = farm.clock()
    with farm.store.read() as tx:
        job = jobs.fetch_whole(tx, job_id)
        asked = workers.fetch(tx, worker_id) if worker_id else None
        there, ranked = ranking.ranked_jobs(tx, farm, now)
        in_order = sorted(
            (-each.rank, known.key) for known, each in zip(there, ranked, strict=True) if each.rank is not None
        )
        position = next((n for n, (_, key) in enumerate(in_order, start=1) if key == job.key), None)
        own = next((each for each in ranked if each.job_id == job.id), None)
        if own is None:
            own = farm.policies.rank([jobs.candidate(job)], views.of_farm(tx, farm, now))[0]
        around = explanation_store.around(tx, job)
        busy, kept = explanation_store.busy(tx), self_tests.kept(tx)
        full = own_limits.full_by_address(tx, (each.address for each in around.workers))
        seen = [
            replace(
                _seen(tx, farm, job, each, around, is_busy=each.key in busy),
                full=full[each.address],
                lacks=kept.get(each.key, {}),
            )
            for each in around.workers
            if asked in (None, each)
        ]
        if asked is not None and not seen:
            raise NotFound(f"There is no worker {worker_id}.")
        waiting = explanation.reasons(
            job,
            around.tag,
            own.holds,
            explanation_store.dependent(tx, job),
            explanation_store.waiting_groups(tx, job),
            seen,
            job_waits.of_job(tx, job.key),
            _starts(job, now),
            explanation_store.held(tx, job),
            lambda moment: told(moment, "", now, WALL.local, "is tried again"),
        )
        failed = explanation_store.troubles(tx, job, MOST_FAILED)
        limits = time_limits.held_by_type(tx, farm, job)
    return Explanation(
        job=job,
        position=None if job.waiting_for else position,
        open_jobs=len(in_order),
        ranked=own,
        weights=farm.policies.weights,
        waiting=waiting,
        failed=failed,
        time_limits=limits,
        worker=asked,
    )


def _starts(job: Job, now: datetime) -> str:
    if job.start_after is None or job.start_after <= now:
        return ""
    return told(job.start_after, job.start_after_reason, now, WALL.local)


def _seen(tx: Tx, farm: Farm, job: Job, worker: Worker, around: Around, *, is_busy: bool) -> SeenWorker:
    refused = ""
    if farm.policies.is_selective:
        refusal = farm.policies.refusal(jobs.candidate(job), views.of_worker(tx, worker))
        refused = f"{refusal.policy}: {refusal.reason}" if refusal else ""
    if worker.sick:
        refused = f"it is sick: {worker.sick} (`flamenco workers heal {worker.name}`)"
    if not worker.approved:
        refused = f"a person has to agree to it first (`flamenco workers approve {worker.name}`)"
    return replace(around.seen(worker), refused=refused, is_busy=is_busy)
