"""Whose turn it is to lock a job: on a server, those who want the same one come in the order in which they asked.

A row's lock alone is not fair: each change makes a new version of the row, those who waited for the last one all begin
anew, and who has just come is as likely to have it. So whoever locks a job for a worker first has a lock by its number,
for which the server has a queue. It only says who is next; what is right is for the row's lock, which all others take
alone.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import CTE, BigInteger, ColumnElement, Text, cast, literal, select
from sqlalchemy import func as sql

_JOBS: Final = 26221 << 48
"""The upper 16 of 64 bits say what the lock is about; see `events` for another such number."""


def turn(job_key: ColumnElement[Any]) -> CTE:
    """What is to be joined to a statement for PostgreSQL that locks the job."""
    waiting = select(sql.pg_advisory_xact_lock(literal(_JOBS, BigInteger) + job_key).label("had"))
    return waiting.cte("turn")


_MACHINES: Final = 26222 << 48


def of_machine(address: ColumnElement[str]) -> ColumnElement[Any]:
    """Has whoever hands out tasks to the machine at an address wait for others who do, on a server."""
    return sql.pg_advisory_xact_lock(literal(_MACHINES, BigInteger) + sql.hashtext(cast(address, Text)))
