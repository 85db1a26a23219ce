"""Worker tags, and who has which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from flamenco.domain.errors import Conflict, NotFound
from flamenco.domain.model import Tag
from flamenco.store.engine import Tx
from flamenco.store.schema import jobs, tags, worker_tags

_BY_ID = select(tags).where(tags.c.uuid == bindparam("id"))
_BY_NAME = select(tags).where(tags.c.name == bindparam("tag_name"))
_OF_WORKER = (
    select(tags)
    .join(worker_tags, worker_tags.c.tag_key == tags.c.key)
    .where(worker_tags.c.worker_key == bindparam("worker_key"))
    .order_by(tags.c.key)
)


def _tag(row: Row[Any]) -> Tag:
    return Tag(key=row.key, id=row.uuid, name=row.name, description=row.description)


def all_tags(tx: Tx) -> list[Tag]:
    """Every tag, in the order they were made."""
    return [_tag(row) for row in tx.execute(select(tags).order_by(tags.c.key))]


def of_worker(tx: Tx, worker_key: int) -> list[Tag]:
    """The tags that a worker has."""
    return [_tag(row) for row in tx.execute(_OF_WORKER, {"worker_key": worker_key})]


def fetch(tx: Tx, tag_id: str) -> Tag:
    """The tag with UUID `tag_id`. Raises `NotFound`."""
    row = tx.execute(_BY_ID, {"id": tag_id}).one_or_none()
    if row is None:
        raise NotFound(f'worker tag "{tag_id}" not found')
    return _tag(row)


def find_by_name(tx: Tx, name: str) -> Tag | None:
    """The tag of that name, if there is one."""
    row = tx.execute(_BY_NAME, {"tag_name": name}).one_or_none()
    return _tag(row) if row else None


def insert_tag(tx: Tx, tag_id: str, name: str, description: str) -> Tag:
    """Store a new tag. Raises `Conflict` when its name or id is taken."""
    try:
        with tx.begin_nested():
            key: int = tx.execute(
                insert(tags).returning(tags.c.key), {"uuid": tag_id, "name": name, "description": description}
            ).scalar_one()
    except IntegrityError as error:
        raise Conflict("error creating worker tag: its name or its id is taken") from error
    return Tag(key=key, id=tag_id, name=name, description=description)


def save(tx: Tx, tag: Tag) -> None:
    """Write back name and description. Raises `Conflict` when the name is taken."""
    try:
        with tx.begin_nested():
            tx.execute(update(tags).where(tags.c.key == tag.key).values(name=tag.name, description=tag.description))
    except IntegrityError as error:
        raise Conflict(f"error updating worker tag: there is another one named {tag.name}") from error


def remove(tx: Tx, tag: Tag) -> None:
    """Forget a tag: no worker has it any more, and its jobs are for everybody."""
    tx.execute(delete(tags).where(tags.c.key == tag.key))


def set_of_worker(tx: Tx, worker_key: int, tag_ids: Sequence[str]) -> None:
    """Give a worker these tags and no others; ids of tags that do not exist are ignored."""
    tx.execute(delete(worker_tags).where(worker_tags.c.worker_key == worker_key))
    known = tx.execute(select(tags.c.key).where(tags.c.uuid.in_(sorted(set(tag_ids))))).scalars().all()
    if known:
        tx.execute(insert(worker_tags), [{"worker_key": worker_key, "tag_key": key} for key in known])


def set_of_job(tx: Tx, job_key: int, tag: Tag | None) -> None:
    """Let a locked job run on workers with this tag only, or on all."""
    tx.execute(update(jobs).where(jobs.c.key == job_key).values(tag_key=tag.key if tag else None))
