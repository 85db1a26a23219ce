"""The jobs of an old farm, as they are to be stored here: as those that come back from an archive."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from flamenco.domain.archives import ArchivedBlock, ArchivedJob
from flamenco.domain.errors import Refused
from flamenco.domain.model import Tag
from flamenco.domain.searching import LONGEST_NAME
from flamenco.domain.shaman import checkout_parts
from flamenco.domain.statuses import JobStatus
from flamenco.migration import resting, values
from flamenco.migration.opening import OldDatabase
from flamenco.migration.report import Report
from flamenco.migration.tasks import OldTasks, Workers, summed_up
from flamenco.migration.values import Unusable
from flamenco.migration.workers import LONG_AGO

_JOB: Final = (
    *("id", "created_at", "updated_at", "uuid", "name", "job_type", "priority", "status", "activity", "settings"),
    *("metadata", "delete_requested_at", "storage_shaman_checkout_id", "worker_tag_id"),
)
_CLAIM: Final = "user.name"
_settings = msgspec.json.Decoder(dict[str, Any])
_metadata = msgspec.json.Decoder(dict[str, str])


class OldJob(Struct, frozen=True):
    """A job that comes: as it is to be, with its tasks, which of those are completed, and its Shaman checkout."""

    job: ArchivedJob
    tasks: OldTasks
    completed: Sequence[int]
    checkout: str = ""


class OldJobs:
    """The jobs of an old farm, whose tags and workers come by the numbers of their rows."""

    def __init__(self, db: OldDatabase, tags: Mapping[int, Tag], workers: Workers) -> None:
        self._db = db
        self._tags = tags
        self._workers = workers

    def found(self, report: Report) -> Iterator[OldJob]:
        """Those that come, in the order in which they were submitted; the others are noted."""
        blocks = self._blocks(report)
        known = set[str]()
        for row in self._db.rows("jobs", _JOB, "ORDER BY id"):
            try:
                job = self._job(row, blocks)
                if job.job.id in known:
                    raise Unusable("another one has its UUID")
            except Unusable as why:
                report.leave("jobs", why, values.text(row["name"]), values.text(row["uuid"]))
                continue
            known.add(job.job.id)
            yield job

    def last_rendered(self) -> str:
        """The UUID of the job of which an image came last; empty for none."""
        of_job = "WHERE id IN (SELECT job_id FROM last_rendereds) LIMIT 1"
        if "last_rendereds" not in self._db.tables:
            return ""
        return next((values.text(row["uuid"]) for row in self._db.rows("jobs", ("uuid",), of_job)), "")

    def _job(self, row: dict[str, Any], blocks: Mapping[int, Sequence[ArchivedBlock]]) -> OldJob:
        if values.moment(row["delete_requested_at"], "time of deletion"):
            raise Unusable("somebody deleted it")
        key, status = values.key(row["id"]), resting.job_status(values.text(row["status"]))
        identity = values.uuid(row["uuid"])
        tasks = OldTasks(self._db, key, status, self._workers)
        counts, completed = summed_up(tasks)
        created = values.moment(row["created_at"], "time of submission") or LONG_AGO
        metadata = values.decoded(row["metadata"], _metadata, "metadata")
        tag = self._tags.get(row["worker_tag_id"])
        if tag is None and row["worker_tag_id"] is not None:
            raise Unusable("the tag that its workers have to have is gone")
        job = ArchivedJob(
            id=identity,
            name=values.text(row["name"]),
            type=values.text(row["job_type"]),
            priority=values.whole(row["priority"], "priority"),
            status=resting.rests_as(status, counts),
            activity=values.text(row["activity"], 4000),
            created=created,
            updated=values.moment(row["updated_at"], "last change") or created,
            settings=values.decoded(row["settings"], _settings, "settings"),
            metadata=metadata,
            tag=tag.id if tag else "",
            owner=metadata.get(_CLAIM, "").replace("\0", "\ufffd")[:LONGEST_NAME],
            counts=counts,
            blocks=() if status is JobStatus.REQUEUEING else tuple(blocks.get(key, ())),
        )
        return OldJob(job, tasks, completed, _checkout(row["storage_shaman_checkout_id"]))

    def _blocks(self, report: Report) -> dict[int, list[ArchivedBlock]]:
        found: dict[int, dict[tuple[str, str], ArchivedBlock]] = defaultdict(dict)
        for row in self._db.rows("job_blocks", ("created_at", "job_id", "worker_id", "task_type")):
            worker, task_type = self._workers.get(row["worker_id"]), values.text(row["task_type"])
            try:
                if worker is None:
                    raise Unusable("its worker is gone")
                created = values.moment(row["created_at"], "time") or LONG_AGO
            except Unusable as why:
                report.leave("blocks", why, task_type)
                continue
            block = ArchivedBlock(worker=worker, task_type=task_type, created=created)
            found[row["job_id"]][worker, task_type] = block
        return {job: list(blocks.values()) for job, blocks in found.items()}


def _checkout(value: object) -> str:
    written = values.text(value, 4000)
    try:
        return "/".join(checkout_parts(written)) if written else ""
    except Refused as error:
        raise Unusable(f"its Shaman checkout has a name that is none ({written[:60]!r})") from error
