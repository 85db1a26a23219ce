"""Who made which checkout of Shaman, where that is known: nobody else has one removed by naming it in a job."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, and_, bindparam, delete, insert, or_, select

from flamenco.domain.model import JobState
from flamenco.store.engine import Tx
from flamenco.store.schema import checkouts, jobs


def overlapping(column: Column[str]) -> ColumnElement[bool]:
    """Whether a path is that of a checkout, one inside of it, or one around it; with the values of `overlap`.

    Paths that begin with it and a slash come before those with the next character.
    """
    return or_(
        column == bindparam("checkout"),
        and_(column >= bindparam("inside"), column < bindparam("beyond")),
        column.in_(bindparam("around", expanding=True)),
    )


def overlap(path: str) -> dict[str, Any]:
    """What `overlapping` compares with, for the checkout at `path`."""
    path = path.rstrip("/")
    parts = path.split("/")
    around = ["/".join(parts[:count]) for count in range(1, len(parts))]
    return {"checkout": path, "inside": f"{path}/", "beyond": f"{path}0", "around": around}


_FORGET = delete(checkouts).where(
    or_(
        checkouts.c.path == bindparam("checkout"),
        and_(checkouts.c.path >= bindparam("inside"), checkouts.c.path < bindparam("beyond")),
    )
)
_OF_OTHERS = (
    select(checkouts.c.path).where(overlapping(checkouts.c.path), checkouts.c.maker != bindparam("name")).limit(1)
)
_MADE_SINCE = (
    select(checkouts.c.key)
    .join(jobs, jobs.c.key == bindparam("of_job"))
    .where(
        overlapping(checkouts.c.path),
        checkouts.c.created >= jobs.c.created,
        or_(checkouts.c.maker != jobs.c.owner, jobs.c.owner_address != ""),
    )
    .limit(1)
)


def record(tx: Tx, path: str, maker: str, now: datetime) -> None:
    """A checkout was made there just now, whatever was there before; `maker` is empty for nobody who is known."""
    forget(tx, path)
    if maker:
        tx.execute(insert(checkouts), {"path": path, "maker": maker, "created": now})


def of_others(tx: Tx, path: str, name: str) -> str | None:
    """The path of a checkout that goes with the one at `path`, and that somebody else than `name` made; if any."""
    found: str | None = tx.execute(_OF_OTHERS, {**overlap(path), "name": name}).scalar()
    return found


def made_since(tx: Tx, job: JobState) -> bool:
    """Whether somebody else than its owner made what a job calls its checkout, after the job was submitted.

    When it was, nobody could see that it was to be somebody else's.
    """
    return tx.execute(_MADE_SINCE, {**overlap(job.shaman_checkout_id), "of_job": job.key}).first() is not None


def forget(tx: Tx, path: str) -> None:
    """What is at that path, and inside, is not there any more."""
    values = overlap(path)
    tx.execute(_FORGET, {name: values[name] for name in ("checkout", "inside", "beyond")})
