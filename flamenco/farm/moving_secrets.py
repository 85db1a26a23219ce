"""The first time that a worker says who it is after its farm came over from Flamenco 3: from then on it is one of ours.

That the hash is of another kind shows in how long a wrong secret takes, which tells nobody more than lists of workers.
"""

from __future__ import annotations

import structlog

from flamenco.domain.access import hash_of, machine_of
from flamenco.domain.errors import FarmError
from flamenco.domain.model import Worker
from flamenco.farm.context import Farm
from flamenco.store import workers

log = structlog.get_logger(__name__)


def moved(farm: Farm, worker: Worker, old: str, secret: str, address: str) -> tuple[Worker, str] | None:
    """The worker, and the hash of its secret as it is from now on, one of ours; None where the secret is wrong.

    Raises `Busy`.
    """
    if not farm.old_secrets.is_right(secret, old, machine_of(address) if address else ""):
        return None
    new = hash_of(secret)
    try:
        with farm.store.write() as tx:
            workers.replace_secret(tx, worker.key, old, new)
    except FarmError as error:  # the next time then
        log.warning("a worker's secret could not be kept anew", worker=worker.id, reason=str(error))
    return worker, new
