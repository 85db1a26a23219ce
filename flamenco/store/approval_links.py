"""Links by which somebody approves a preview once: of each only what its secret is known by again."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, delete, insert, select

from flamenco.store.engine import Tx
from flamenco.store.schema import approval_links, jobs

_INSERT = insert(approval_links)


class Link(NamedTuple):
    """A link that is there, and what it is for."""

    job_key: int
    job_id: str
    made_by: str
    expires: datetime


def add(
    tx: Tx, secret_hash: str, job_key: int, user_key: int | None, made_by: str, created: datetime, expires: datetime
) -> None:
    """Keep a new one. It goes with its job, and with the user who made it."""
    about = {"job_key": job_key, "user_key": user_key, "made_by": made_by}
    tx.execute(_INSERT, {"secret_hash": secret_hash, **about, "created": created, "expires": expires})


_FIND = (
    select(approval_links.c.job_key, jobs.c.uuid, approval_links.c.made_by, approval_links.c.expires)
    .join(jobs, jobs.c.key == approval_links.c.job_key)
    .where(approval_links.c.secret_hash == bindparam("hashed"), jobs.c.delete_requested.is_(None))
)


def find(tx: Tx, secret_hash: str, now: datetime) -> Link | None:
    """The one with that secret, unless its time is over."""
    row = tx.execute(_FIND, {"hashed": secret_hash}).first()
    return Link(*row) if row and row.expires > now else None


_REMOVE_OF = delete(approval_links).where(approval_links.c.job_key == bindparam("of_job"))
_FORGET = delete(approval_links).where(approval_links.c.expires <= bindparam("now"))


def remove_of_job(tx: Tx, job_key: int) -> None:
    """Have none for a job any more: there is nothing left to approve."""
    tx.execute(_REMOVE_OF, {"of_job": job_key})


def forget_expired(tx: Tx, now: datetime) -> None:
    """Drop those whose time is over."""
    tx.execute(_FORGET, {"now": now})
