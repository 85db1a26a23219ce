"""Whose turn it is to lock a job: on a server, those who want the same one come in the order in which they asked.

A row's lock alone is not fair: each change makes a new version of the row, those who waited for the last one all begin
anew, and who has just come is as likely to have it. So whoever locks a job for a worker first has a lock by its number,
for which the server has a queue. It only says who is next; what is right is for the row's lock, which all others take
alone.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import CTE, BigInteger, ColumnElement, bindparam, literal, select
from sqlalchemy import func as sql

from flamenco.store.engine import Tx

_JOBS: Final = 26221 << 48
"""The upper 16 of 64 bits say what the lock is about; see `events` for another such number."""


def turn(job_key: ColumnElement[Any]) -> CTE:
    """What is to be joined to a statement for PostgreSQL that locks the job."""
    waiting = select(sql.pg_advisory_xact_lock(literal(_JOBS, BigInteger) + job_key).label("had"))
    return waiting.cte("turn")


_MACHINES: Final = 26222 << 48
_OF_MACHINE = select(sql.pg_advisory_xact_lock(literal(_MACHINES, BigInteger) + sql.hashtext(bindparam("address"))))


def of_machine(tx: Tx, address: str) -> None:
    """Wait, on a server, for others who hand out tasks to the machine at that address."""
    tx.execute(_OF_MACHINE, {"address": address})
