"""Workers that wait for work ask again and again: those that were given nothing are first looked at without a lock."""

from __future__ import annotations

from datetime import datetime

from flamenco.domain.model import Speaker
from flamenco.domain.statuses import WorkerStatus
from flamenco.farm import speaking
from flamenco.farm.context import Farm
from flamenco.store.engine import Tx
from flamenco.store.scheduling import claim


def is_idle_still(farm: Farm, speaker: Speaker, now: datetime) -> bool:
    """Whether a worker that was given nothing the last time is to be given nothing now, and told nothing.

    One transaction that only reads tells, which waits for nobody and keeps nobody waiting. Whenever it cannot be told
    this way, the answer is no.
    """
    if speaker.key not in farm.idle_workers:
        return False
    with farm.store.read() as tx:
        return _is_idle(tx, farm, speaker, now)


def _is_idle(tx: Tx, farm: Farm, speaker: Speaker, now: datetime) -> bool:
    """Whether there is nothing to note of the worker, nothing to tell it, and nothing that it could do."""
    worker = speaking.who_speaks(tx, speaker)
    if worker is None or not speaking.is_noted(farm, worker, now):
        return False
    if worker.status is not WorkerStatus.AWAKE or worker.status_requested is not None or not worker.approved:
        return False
    seen = claim.look(tx, worker)
    try:
        return seen.own is None and not claim.met_requirements(tx, worker, seen, now)
    except claim.JobsAreDue:
        return False
