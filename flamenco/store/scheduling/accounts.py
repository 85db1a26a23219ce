"""Accounts of scheduling policies: what was booked on them, and the time of jobs that is on none yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import asdict
from sqlalchemy import bindparam, select, text, update

from flamenco.domain.scheduling.accounts import Account
from flamenco.store.engine import Tx
from flamenco.store.schema import UNBOOKED_SQL, accounts, jobs

_ACCOUNTS = select(accounts.c.policy, accounts.c.name, accounts.c.seconds, accounts.c.as_of).where(
    accounts.c.policy == bindparam("of_policy")
)
_PUT = text(
    "INSERT INTO accounts (policy, name, seconds, as_of) VALUES (:policy, :name, :seconds, :as_of)"
    " ON CONFLICT (policy, name) DO UPDATE SET seconds = excluded.seconds, as_of = excluded.as_of"
).bindparams(bindparam("as_of", type_=accounts.c.as_of.type))
_UNBOOKED = (
    select(jobs.c.key, jobs.c.used_seconds, jobs.c.booked_seconds).where(text(UNBOOKED_SQL)).order_by(jobs.c.key)
)
_BOOKED = update(jobs).where(jobs.c.key == bindparam("of_job")).values(booked_seconds=bindparam("used"))


class Unbooked(NamedTuple):
    """A job with time that is on no account yet, in seconds."""

    job_key: int
    used: float
    booked: float


def of_policy(tx: Tx, policy: str) -> list[Account]:
    """The accounts of a policy."""
    return [Account(*row) for row in tx.execute(_ACCOUNTS, {"of_policy": policy})]


def put(tx: Tx, account: Account) -> None:
    """Write an account, new or not."""
    tx.execute(_PUT, asdict(account))


def has_unbooked(tx: Tx) -> bool:
    """Whether there is any time that is on no account yet."""
    return tx.execute(_UNBOOKED.limit(1)).first() is not None


def lock_unbooked(tx: Tx) -> list[Unbooked]:
    """The jobs with such time, kept from changing until the transaction ends; not those that somebody has locked."""
    return [Unbooked(*row) for row in tx.execute(_UNBOOKED.with_for_update(skip_locked=True))]


def set_booked(tx: Tx, booked: Sequence[Unbooked]) -> None:
    """Note that all of it is on accounts now."""
    if booked:
        tx.execute(_BOOKED, [{"of_job": each.job_key, "used": each.used} for each in booked])


def forget_unbooked(tx: Tx) -> None:
    """Let what was used so far be nobody's: accounts begin now."""
    tx.execute(update(jobs).where(text(UNBOOKED_SQL)).values(booked_seconds=jobs.c.used_seconds))
