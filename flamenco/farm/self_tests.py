"""Self-tests of workers: asked for, begun, and what follows from what a worker saw.

The worker tries out what it is told to; the manager alone says what that means, and which tasks it is kept from. It is
kept from them by its commands, so nobody who asks for a task pays for that.
"""

from __future__ import annotations

import secrets
import uuid
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import structlog
from msgspec import Struct
from msgspec.structs import replace

from flamenco.domain.errors import AccessDenied, Conflict, FarmError
from flamenco.domain.events import worker_event
from flamenco.domain.findings import Finding, Grade
from flamenco.domain.model import Speaker, Worker
from flamenco.domain.self_tests.events import self_test_event
from flamenco.domain.self_tests.expected import Expected, Known
from flamenco.domain.self_tests.facts import Facts, Order, Place, Why
from flamenco.domain.self_tests.judging import EVERYTHING, Report, judge, left_of
from flamenco.domain.self_tests.names import token_file
from flamenco.domain.statuses import WorkerStatus
from flamenco.farm import self_test_orders as orders
from flamenco.farm import sickness, speaking, workers
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import stranding
from flamenco.files import storage_tokens
from flamenco.store import events
from flamenco.store import self_tests as store
from flamenco.store import workers as worker_store
from flamenco.store.engine import Tx
from flamenco.store.self_tests import Pending, SelfTests

WARNING: Final = "self-test: "
"""What people are warned of with a worker begins like that, where its self-test says so."""

MOST_FINDINGS: Final = 300
LONGEST: Final = 1_000
"""A report has so many findings at most, each of so many characters."""

_LATE: Final = timedelta(minutes=10)
"""One that was asked for, or begun, before that is not waited for any more."""

log = structlog.get_logger(__name__)


class State(Struct, frozen=True, kw_only=True):
    """What is known of a worker: whether it can test itself, whether it is asked to, and the last time that it did."""

    worker: Worker
    can_test_itself: bool
    is_asked: bool
    last: Report | None


def state(farm: Farm, worker_id: str) -> State:
    """What is known of a worker. Raises `NotFound`."""
    now = farm.clock()
    with farm.store.read() as tx:
        worker = worker_store.fetch(tx, worker_id)
        known = store.find(tx, worker.key)
    return _state(worker, known, now)


def _state(worker: Worker, known: SelfTests | None, now: datetime) -> State:
    statuses = (worker.status, worker.status_requested)
    is_at_it = known is not None and known.pending is not None and known.pending.begun > now - _LATE
    return State(
        worker=worker,
        can_test_itself=_can(worker, known),
        is_asked=WorkerStatus.TESTING in statuses or is_at_it,
        last=known.report if known else None,
    )


def _can(worker: Worker, known: SelfTests | None) -> bool:
    return known is not None and known.is_of(worker)


def check(farm: Farm, worker: Worker) -> None:
    """Raise `Conflict` for a worker that cannot test itself."""
    with farm.store.read() as tx:
        _check(worker, store.find(tx, worker.key))


def _check(worker: Worker, known: SelfTests | None) -> None:
    if not _can(worker, known):
        raise Conflict(
            "It cannot test itself: it is no worker of ours, an old one, or has not signed on yet. A job of the type "
            "worker-check, with a tag that it alone has, tells what it can do."
        )


def ask(farm: Farm, worker_id: str, *, lazy: bool) -> Worker:
    """Ask a worker for a self-test, after its present task or at once; gives it as it was before.

    Raises `NotFound`, and `Conflict` for one that cannot do that.
    """
    now = farm.clock()
    with farm.store.write() as tx:
        worker = worker_store.lock(tx, worker_id)
        known = store.find(tx, worker.key)
        _check(worker, known)
        store.put(tx, replace(known or SelfTests(worker_key=worker.key), asked=now))
    return workers.request_status(farm, worker_id, WorkerStatus.TESTING, lazy=lazy)


def begin(farm: Farm, speaker: Speaker, why: Why) -> Order | None:
    """A worker is about to test itself: what it is to try out, or None where it need not.

    Into each storage that the manager can write to goes a file, by which the worker is to show that it has the same
    one. Raises `AccessDenied` as everything that workers ask.
    """
    with farm.store.read() as tx:
        worker = worker_store.find_by_key(tx, speaker.key)
    if worker is None:
        raise AccessDenied("The worker was deleted; register again.")
    if not worker.approved or (why is Why.SIGN_ON and not farm.config.self_test.at_sign_on):
        _clean_up(_note(farm, speaker, why, None))
        return None
    order_id, token = str(uuid.uuid4()), secrets.token_hex(16)
    places = orders.storages(farm, worker.platform)
    written = storage_tokens.put({each.folder for each in places if each.folder}, token_file(order_id), token)
    pending = Pending(id=order_id, why=why, begun=farm.clock(), token=token, folders=sorted(written))
    try:
        left = _note(farm, speaker, why, pending)
    except FarmError:  # the worker is refused
        _clean_up(pending)
        raise
    _clean_up(left)
    return _order(farm, pending, places, worker)


def _clean_up(left: Pending | None) -> None:
    """Take away the files of one that is over, or that was begun and never ended."""
    if left is not None:
        storage_tokens.remove(left.folders, token_file(left.id))


def _note(farm: Farm, speaker: Speaker, why: Why, pending: Pending | None) -> Pending | None:
    """Note that a worker can test itself, and what it is at; gives what it was at before."""
    with speaking.hearing(farm, speaker, farm.clock()) as (tx, worker):
        known = store.find(tx, worker.key) or SelfTests(worker_key=worker.key)
        sign_on = known.sign_on if why is Why.BY_HAND else worker.sign_ons
        store.put(tx, replace(known, sign_on=sign_on, pending=pending))
        return known.pending


def _order(farm: Farm, pending: Pending, places: list[Known], worker: Worker) -> Order:
    name = token_file(pending.id)
    return Order(
        id=pending.id,
        places=[
            Place(name=each.name, path=each.path, token_file=name if each.folder in pending.folders else "")
            for each in places
        ],
        programs=[wanted for _, each in orders.programs(farm, worker) for wanted in each],
        is_quick=Why(pending.why).is_quick,
        limit_s=orders.limit_s(farm),
        now=farm.clock(),
    )


def report(farm: Farm, speaker: Speaker, order_id: str, facts: Facts) -> Report:
    """A worker tells what it saw: what follows from that, which counts at once.

    Raises `Conflict` where that self-test is over, or was begun anew.
    """
    now = farm.clock()
    with speaking.hearing(farm, speaker, now) as (tx, worker):
        known = store.find(tx, worker.key)
        if known is None or known.pending is None or known.pending.id != order_id:
            raise Conflict("That self-test is over, or was begun anew; begin another.")
        pending = known.pending
        found = _report(farm, worker, pending, facts, now)
        _take_over(tx, farm, worker, known, found)
    _clean_up(pending)
    if worker.sick and found.is_passed and not found.why.is_quick:
        with suppress(Conflict):  # a person was quicker
            sickness.heal(farm, worker.id, "its self-test has passed")
    if found.kept != known.kept:
        log.info("a worker has tested itself", name=worker.name, passed=found.is_passed, kept_from=sorted(found.kept))
        stranding.look_soon(farm)
    return found


def _report(farm: Farm, worker: Worker, pending: Pending, facts: Facts, now: datetime) -> Report:
    places = [
        replace(each, token=pending.token if each.folder in pending.folders else "")
        for each in orders.storages(farm, worker.platform)
    ]
    needed = [needed for needed, _ in orders.programs(farm, worker)]
    expected = Expected(platform=worker.platform, places=places, programs=needed, limit_s=orders.limit_s(farm))
    verdict = judge(expected, facts, orders.rules(farm))
    return Report(
        why=Why(pending.why),
        tested=now,
        findings=tuple(map(_short, verdict.findings[:MOST_FINDINGS])),
        kept={command: reason[:LONGEST] for command, reason in verdict.kept.items()},
    )


def _short(finding: Finding) -> Finding:
    return Finding(finding.subject, finding.grade, finding.text[:LONGEST], finding.help[:LONGEST])


def _take_over(tx: Tx, farm: Farm, worker: Worker, known: SelfTests, found: Report) -> None:
    """Let the report count for the worker, which this transaction has locked."""
    now = farm.clock()
    told = worker.commands if known.told is None else known.told
    present = worker
    if worker.commands is not None and told is not None:
        present = replace(worker, commands=left_of(told, found.kept))
    present = bring_back(present, known, found)
    store.put(tx, replace(known, told=told, kept=found.kept, pending=None, report=found))
    worker_store.save(tx, present, now)
    _warn(tx, worker, found, now)
    if found.kept != known.kept or not found.why.is_quick:  # else nothing is new: workers start all the time
        events.append(tx, [worker_event(present, now), self_test_event(present, found)], now)


def bring_back(worker: Worker, before: SelfTests, found: Report) -> Worker:
    """A worker can run tasks, says its self-test: the one place where it is brought back, as it is to be stored.

    One that is in error because of the self-test `before` is asked to be awake. `found.is_passed` says whether nothing
    at all is wrong with it.
    """
    if EVERYTHING in found.kept:
        return worker
    if worker.status is WorkerStatus.ERROR and EVERYTHING in before.kept and worker.status_requested is None:
        return replace(worker, status_requested=WorkerStatus.AWAKE, lazy_request=False)
    return worker


def _warn(tx: Tx, worker: Worker, found: Report, now: datetime) -> None:
    """Let people know what is wrong, and no longer what was."""
    problem = next((each for each in found.findings if each.grade is Grade.PROBLEM), None)
    if problem:
        worker_store.warn(tx, worker.key, f"{WARNING}{problem.sentence}", now)
    elif worker.warning.startswith(WARNING):
        worker_store.warn(tx, worker.key, "", now)
