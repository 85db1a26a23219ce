"""Which worker speaks, and that it was heard: the first of all that it asks, in the transaction that answers it.

Who knows which secret is remembered for a few seconds, so that a request need not ask the database for that alone. A
worker that was deleted, or replaced by another program, is refused nevertheless at once: by the transaction itself.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import structlog

from flamenco.domain.access import hash_of
from flamenco.domain.errors import AccessDenied, FarmError, Replaced
from flamenco.domain.model import JobState, NumberedSpeaker, Speaker, TaskState, Worker
from flamenco.domain.old_secrets import is_old
from flamenco.domain.time_limits import JobTimeLimits
from flamenco.farm import moving_secrets
from flamenco.farm.context import Farm
from flamenco.store import heard, tasks, workers
from flamenco.store.engine import Tx

log = structlog.get_logger(__name__)

NOTED_EVERY: Final = timedelta(seconds=10)
"""How often it is noted of a worker that it was heard of; a part of its time-out, when that is shorter."""

_OF_TIMEOUT: Final = 4

_NOBODY = hash_of("nobody's secret")


def authenticate(farm: Farm, worker_id: str, secret: str, *, sign_on: int | None = None, address: str = "") -> Speaker:
    """The worker with that id and secret. Raises `AccessDenied`, without saying which of the two was wrong.

    `sign_on` is the number of the sign-on since which it speaks, where it says so: whether there was a later one is
    looked at by `hearing`. Those that do not say are told apart by `address`, and only people are told.
    """
    speaker = farm.known_workers.find(
        "worker", f"{worker_id} {secret}", lambda: _look(farm, worker_id, secret, address)
    )
    if speaker is None:
        raise AccessDenied("No worker is known by that id and secret; register again.")
    if sign_on is not None:
        return NumberedSpeaker(key=speaker.key, id=speaker.id, name=speaker.name, sign_on=sign_on)
    if (other := farm.callers.in_turn(speaker.key, address)) is not None:
        _warn_of_two(farm, speaker, f"two programs speak as this worker, from {other} and {address}")
    return speaker


def _look(farm: Farm, worker_id: str, secret: str, address: str) -> Speaker | None:
    with farm.store.read() as tx:
        found = workers.find_with_secret(tx, worker_id)
    if found is not None and is_old(found[1]):
        found = moving_secrets.moved(farm, *found, secret, address)
    # The same work for a worker that does not exist, so that the time taken does not tell.
    expected = found[1] if found else _NOBODY
    if not hmac.compare_digest(hash_of(secret), expected) or found is None:
        return None
    return Speaker(key=found[0].key, id=found[0].id, name=found[0].name)


class Telling(NamedTuple):
    """The transaction of what a worker says, the worker as it is, its task, and the task's job.

    `limits` are those on the time of the job's tasks, None where that was not looked at. `is_waited_for` is False only
    where no other task waits for this one.
    """

    tx: Tx
    worker: Worker
    job: JobState
    task: TaskState
    limits: JobTimeLimits | None = None
    is_waited_for: bool = True


@contextmanager
def hearing(farm: Farm, speaker: Speaker, now: datetime, *, holds: bool = True) -> Iterator[tuple[Tx, Worker]]:
    """The one transaction of what a worker asks, and the worker as it is now; that it was heard of is noted.

    `holds`: nobody changes the worker until the transaction ends, and it is noted each time rather than now and then.
    Raises `AccessDenied` for one that was deleted, and `Replaced` when another program has signed on as it since.
    """
    try:
        with farm.store.write() as tx:
            yield tx, _heard(tx, farm, speaker, now, holds=holds)
    except _Another as another:
        raise _replaced(farm, speaker, another) from None


@contextmanager
def hearing_of(farm: Farm, speaker: Speaker, task_id: str, now: datetime) -> Iterator[Telling]:
    """The same of what a worker says of a task, which is kept from changing, with its job. Raises `NotFound`."""
    try:
        with farm.store.write() as tx:
            known = heard.lock(tx, speaker, task_id, noted_lately(farm, now))
            if known is not None:
                yield Telling(tx, *known)
            else:
                worker = _heard(tx, farm, speaker, now, holds=False)
                yield Telling(tx, worker, *tasks.lock(tx, task_id))
    except _Another as another:
        raise _replaced(farm, speaker, another) from None


def _replaced(farm: Farm, speaker: Speaker, another: _Another) -> Replaced:
    _warn_of_two(farm, speaker, f"a program that spoke as this worker was replaced by another one at {another.address}")
    return Replaced(str(another))


def _heard(tx: Tx, farm: Farm, speaker: Speaker, now: datetime, *, holds: bool) -> Worker:
    worker = workers.seen(tx, speaker.key, now) if holds else workers.find_by_key(tx, speaker.key)
    if worker is None:
        raise AccessDenied("The worker was deleted; register again.")
    if is_replaced(speaker, worker.sign_ons):
        raise _Another(worker.address)
    if not holds and not is_noted(farm, worker, now):
        workers.seen(tx, speaker.key, now)
    return worker


class _Another(Exception):
    """Another program speaks as the worker, from `address`."""

    def __init__(self, address: str) -> None:
        super().__init__("Another program has signed on as this worker; each needs a data folder of its own.")
        self.address = address


def is_replaced(speaker: Speaker, sign_ons: int) -> bool:
    """Whether another program has signed on since as the worker that speaks, which has signed on so many times."""
    return isinstance(speaker, NumberedSpeaker) and speaker.sign_on < sign_ons


def is_noted(farm: Farm, worker: Worker, now: datetime) -> bool:
    """Whether it was noted a moment ago that the worker was heard of."""
    return is_recent(worker.last_seen, farm.config.worker_timeout, now)


def who_speaks(tx: Tx, speaker: Speaker) -> Worker | None:
    """The worker as it is now; None when `hearing` would refuse it, which says why."""
    worker = workers.find_by_key(tx, speaker.key)
    return None if worker is None or is_replaced(speaker, worker.sign_ons) else worker


def is_recent(noted: datetime | None, timeout_s: float, now: datetime) -> bool:
    """Whether what times out after `timeout_s` was heard of so lately that it need not be noted again."""
    return noted is not None and abs(now - noted) < _every(timeout_s)


def noted_lately(farm: Farm, now: datetime) -> tuple[datetime, datetime]:
    """Between which moments, both left out, `last_seen` of a worker is for `is_noted`."""
    every = _every(farm.config.worker_timeout)
    return now - every, now + every


def _every(timeout_s: float) -> timedelta:
    return min(NOTED_EVERY, timedelta(seconds=timeout_s) / _OF_TIMEOUT)


def _warn_of_two(farm: Farm, speaker: Speaker, what: str) -> None:
    """Let people know that a worker is there twice, unless they were told a moment ago."""
    if not farm.callers.may_warn(speaker.key):
        return
    warning = f"{what}; was its data folder copied?"
    log.warning("a worker is there twice", worker=speaker.id, name=speaker.name, reason=warning)
    try:
        with farm.store.write() as tx:
            worker = workers.find_by_key(tx, speaker.key)
            # What people see of one that is not approved is the code by which they know it.
            if worker is not None and worker.approved:
                workers.warn(tx, speaker.key, warning, farm.clock())
    except FarmError as error:  # what the worker wants is done all the same
        log.error("a warning is missing with a worker", worker=speaker.id, reason=str(error))
