"""Workers, tags and sleep schedules of an old farm."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct

from flamenco.domain import old_secrets
from flamenco.domain.errors import Refused
from flamenco.domain.model import Tag, Worker
from flamenco.domain.sleep import SleepSchedule, schedule_from
from flamenco.domain.statuses import WorkerStatus
from flamenco.migration import values
from flamenco.migration.opening import OldDatabase
from flamenco.migration.report import Report
from flamenco.migration.values import Unusable

LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""When something was made of which the old database does not say when."""

_WORKER: Final = (
    *("id", "created_at", "uuid", "secret", "name", "address", "platform", "software", "status", "last_seen_at"),
    *("status_requested", "lazy_status_request", "supported_task_types", "deleted_at", "can_restart"),
)
_ASKED: Final = frozenset(WorkerStatus) - {WorkerStatus.REGISTERED}


class OldWorker(Struct, frozen=True, kw_only=True):
    """A worker with all that belongs to it."""

    worker: Worker
    secret_hash: str
    created: datetime
    deleted: datetime | None = None
    tags: tuple[str, ...] = ()
    schedule: SleepSchedule | None = None


def tags(db: OldDatabase, report: Report) -> dict[int, Tag]:
    """The tags, by the numbers of their rows."""
    found: dict[int, Tag] = {}
    names, ids = set[str](), set[str]()
    for row in db.rows("worker_tags", ("id", "uuid", "name", "description"), "ORDER BY id"):
        name = values.text(row["name"])
        try:
            tag = Tag(key=0, id=values.uuid(row["uuid"]), name=name, description=values.text(row["description"], 4000))
            if not name or name in names or tag.id in ids:
                raise Unusable("it has no name of its own")
            found[values.key(row["id"])] = tag
        except Unusable as why:
            report.leave("tags", why, name, values.text(row["uuid"]))
            continue
        names.add(name)
        ids.add(tag.id)
    return found


def ids(db: OldDatabase) -> dict[int, str]:
    """The UUIDs of the workers, by the numbers of their rows."""
    return {row["id"]: row["uuid"] for row in db.rows("workers", ("id", "uuid")) if isinstance(row["uuid"], str)}


def workers(db: OldDatabase, of_tags: dict[int, Tag], report: Report) -> Iterator[OldWorker]:
    """The workers in the order in which they registered; those that were deleted too, who have tasks of the past."""
    members = _members(db, of_tags, report)
    schedules = _schedules(db, report)
    known = set[str]()
    for row in db.rows("workers", _WORKER, "ORDER BY id"):
        try:
            made = _worker(row, members, schedules)
            if made.worker.id in known:
                raise Unusable("another one has its UUID")
        except Unusable as why:
            report.leave("workers", why, values.text(row["name"]), values.text(row["uuid"]))
            continue
        known.add(made.worker.id)
        if not made.deleted and not made.secret_hash:
            report.notes.append(
                f"The worker {made.worker.name} ({made.worker.id}) comes without its secret, which is hashed in a way "
                "that is not checked here: have it register anew, without its flamenco-worker-credentials.yaml."
            )
        yield made


def _worker(row: dict[str, Any], members: dict[int, list[str]], schedules: dict[int, SleepSchedule]) -> OldWorker:
    key, secret = values.key(row["id"]), values.text(row["secret"])
    deleted = values.moment(row["deleted_at"], "time of deletion")
    worker = Worker(
        key=0,
        id=values.uuid(row["uuid"]),
        name=values.text(row["name"]),
        address=values.text(row["address"]),
        platform=values.text(row["platform"]),
        software=values.text(row["software"]),
        status=_status(row["status"]) or WorkerStatus.REGISTERED,
        task_types=tuple(each for each in values.text(row["supported_task_types"], 4000).split(",") if each),
        last_seen=values.moment(row["last_seen_at"], "last sign"),
        status_requested=_status(row["status_requested"]),
        lazy_request=values.flag(row["lazy_status_request"]),
        can_restart=values.flag(row["can_restart"]),
    )
    return OldWorker(
        worker=worker,
        secret_hash=secret if old_secrets.is_checked(secret) else "",
        created=values.moment(row["created_at"], "time of registration") or LONG_AGO,
        deleted=deleted,
        tags=tuple(members.get(key, ())),
        schedule=None if deleted else schedules.get(key),
    )


def _status(value: object) -> WorkerStatus | None:
    found = values.text(value)
    return WorkerStatus(found) if found in _ASKED else None


def _members(db: OldDatabase, of_tags: dict[int, Tag], report: Report) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    known = ids(db)
    for row in db.rows("worker_tag_membership", ("worker_tag_id", "worker_id")):
        tag, worker = of_tags.get(row["worker_tag_id"]), known.get(row["worker_id"])
        if tag is None or worker is None:
            report.leave("memberships", "its tag or its worker is gone")
        elif tag.id not in found[row["worker_id"]]:
            found[row["worker_id"]].append(tag.id)
    return found


def _schedules(db: OldDatabase, report: Report) -> dict[int, SleepSchedule]:
    found: dict[int, SleepSchedule] = {}
    known = ids(db)
    columns = ("worker_id", "is_active", "days_of_week", "start_time", "end_time")
    for row in db.rows("sleep_schedules", columns):
        worker = known.get(row["worker_id"], "")
        try:
            if not worker:
                raise Unusable("its worker is gone")
            found[row["worker_id"]] = schedule_from(
                is_active=values.flag(row["is_active"]),
                days=values.text(row["days_of_week"]),
                start=values.text(row["start_time"]).strip(),
                end=values.text(row["end_time"]).strip(),
            )
        except (Unusable, Refused) as why:
            report.leave("sleep schedules", why, identity=worker)
    return found
