"""Keeps a record of who could not sign in: the first times from a machine, then ever fewer, with how often it was."""

from __future__ import annotations

from typing import Final

import structlog

from flamenco.domain.access import Caller, Way, machine_of
from flamenco.domain.errors import FarmError
from flamenco.domain.visible import visible
from flamenco.farm import audit
from flamenco.farm.context import Farm

log = structlog.get_logger(__name__)

FIRST: Final = 10
"""So many from one machine are recorded each; of more the 100th, the 1,000th and so on."""

MOST_AN_HOUR: Final = 200
"""From however many machines: so many records at most does one process make in an hour."""

_MOST_NAME: Final = 100


def note(farm: Farm, name: str, address: str, *, way: Way, why: str) -> None:
    """Record that somebody at `address` said to be `name`, and was not let in. Never raises what the database does.

    In a transaction of its own: nothing else is changed.
    """
    times = farm.failed_sign_ins.failed(machine_of(address))
    if not _is_recorded(times) or farm.recorded_sign_ins.next() > MOST_AN_HOUR:
        return
    by, now = Caller(role=None, way=way, address=address), farm.clock()
    tried = visible(name[:_MOST_NAME])
    try:
        with audit.acting(by, "signIn"), farm.store.write() as tx:
            audit.note(tx, now, "sign-in", "", tried, after={"result": "refused", "why": why, "times": times})
    except FarmError as error:
        if farm.repeated.times("failed sign-in"):
            log.warning("it could not be recorded that somebody could not sign in", reason=str(error))


def _is_recorded(times: int) -> bool:
    return times <= FIRST or str(times).rstrip("0") == "1"
