"""The tables. What is counted is kept beside what it counts and changes in the same transaction.

`key` is the row number that rows are joined by; `uuid` is the identity the world sees.
`flamenco.store.recount` knows how every counter here is derived.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

from flamenco.domain.statuses import TaskStatus


class Utc(TypeDecorator[datetime]):
    """A moment. SQLite stores no time zone, so it is taken off on the way in and put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse naive times: they would be in nobody knows which zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value if value.tzinfo is UTC else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Always UTC, whatever zone the database session has."""
        return None if value is None else value.astimezone(UTC)

    # SQLite knows texts alone. Those are SQLAlchemy's, which comes to them by three functions, each a detour.

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any] | None:
        """What makes of a moment what the driver is given."""
        if dialect.name != "sqlite":
            return super().bind_processor(dialect)

        def written(value: datetime | None) -> str | None:
            moment = self.process_bind_param(value, dialect)
            return None if moment is None else _as_text(moment)

        return written

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """What makes a moment of what the driver gives."""
        if dialect.name != "sqlite":
            return super().result_processor(dialect, coltype)
        return lambda text: None if text is None else datetime.fromisoformat(f"{text}+00:00")


@lru_cache(16)
def _as_text(moment: datetime) -> str:
    """As SQLite has a moment of UTC. What happens at once is written to several rows."""
    return moment.isoformat(" ", "microseconds").removesuffix("+00:00")


class Json(TypeDecorator[Any]):
    """JSON kept as text: the database never looks inside, and msgspec is faster than the drivers."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str | None]:  # noqa: ARG002 - SQLAlchemy's signature
        """What encodes; msgspec Structs too."""
        encode = msgspec.json.Encoder().encode
        return lambda value: None if value is None else encode(value).decode()

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], Any]:  # noqa: ARG002
        """What decodes, to plain dicts and lists."""
        decode = msgspec.json.Decoder().decode
        return lambda value: None if value is None else decode(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Key = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only in a column declared INTEGER

Path = Text().with_variant(Text(collation="C"), "postgresql")
"""A text of which everything that begins alike is together, as in SQLite: other orders pass over slashes."""

RUNNABLE_SQL = "tasks.status IN ('queued', 'soft-failed') AND tasks.unmet = 0"
"""A task that could be given away. Literal, since a partial index only serves queries that repeat its condition."""

ACTIVE_SQL = "tasks.status = 'active'"
"""A task that a worker is running."""

TRANSITIONAL_SQL = "jobs.status IN ('cancel-requested', 'pause-requested', 'requeueing')"
"""A job on its way to another status."""

OPEN_SQL = "jobs.status IN ('active', 'queued') AND jobs.delete_requested IS NULL"
"""A job whose tasks may be given to workers, as far as it is by itself."""

OFFERED_SQL = (
    f"{OPEN_SQL} AND jobs.waiting_for = 0 AND jobs.start_after IS NULL"
    " AND (jobs.max_running IS NULL OR jobs.tasks_active < jobs.max_running)"
)
"""A job whose tasks are offered to workers: `Job.is_open`."""

PENDING_SQL = "job_dependencies.state IN ('counting', 'waiting', 'broken')"
"""A dependency that is not met, and was not satisfied by a person."""

TRASH_SQL = "jobs.delete_requested IS NOT NULL AND NOT jobs.purging"
"""A job that somebody deleted, and may have back."""

DOOMED_SQL = "jobs.delete_requested IS NOT NULL AND jobs.trashed_at IS NULL AND NOT jobs.purging"
"""One that is still to be put away."""

PURGING_SQL = "jobs.purging"
"""One that is being deleted for good."""

RETRY_LATER_SQL = "task_retries.not_before IS NOT NULL"
"""A task that waits for a moment before it is tried again; that is counted in its `unmet`."""

SICK_SQL = "workers.sick <> ''"
"""A worker that is given nothing until somebody has looked at it."""
SELF_TEST_FAILED_SQL = "self_tests.kept IS NOT NULL"
"""A worker that is kept from something by its last self-test."""

START_AFTER_SQL = "jobs.start_after IS NOT NULL"
"""A job that waits for a moment."""

CHOOSING_SQL = "jobs.worker_rules <> 0"
"""A job that is not for all workers."""

ARCHIVING_SQL = "jobs.archiving AND NOT jobs.purging"
"""One of which an archive is to be made."""

IN_WAVE_SQL = "tasks.wave <> 0"
"""A task of a job with a preview: of that, or held until somebody approves it. No `>`, along which SQLite would go."""

REORDERING_SQL = "jobs.reordering"
"""A job of which the tasks are still to be put into another order."""

DUE_SQL = "job_previews.due IS NOT NULL"
"""A preview that nobody is waited for any longer from some moment on."""

CHECKED_OUT_SQL = "jobs.shaman_checkout_id <> ''"
"""A job with a Shaman checkout."""

SCHEDULED_SQL = "sleep_schedules.is_active"
"""A sleep schedule that is kept to."""

RUNNING_SQL = "jobs.tasks_active > 0"
"""A job of which tasks are being run, open or not."""

MOVING_SQL = "jobs.moves <> '[]'"
"""A job of which tasks are still to be sent to another status."""

UNBOOKED_SQL = "jobs.used_seconds <> jobs.booked_seconds"
"""A job with time that is on nobody's account yet."""

RETRY_SQL = "dead_letters.retry"
"""A dead letter that is to be delivered after all."""

TASK_LOG_SQL = "substr(events.topic, 1, 9) = '/tasklog/'"
"""An event of text added to a task's log."""

MACHINE_SQL = "substr(limits.name, 1, 8) = 'machine:'"
"""A limit on all that runs on a machine: see `domain.people_limits`."""

MACHINE_SET_SQL = f"{MACHINE_SQL} AND limits.own IS NOT NULL"
"""One of those that is set."""

CLAIMABLE_SQL = "queues.runnable > 0 AND queues.rank IS NOT NULL"
"""A queue that a worker may be sent to; literal for the same reason."""


def _partial(name: str, condition: str, *columns: ColumnElement[Any]) -> Index:
    # Within an index the columns go without their table's name.
    where = text(re.sub(r"\b\w+\.", "", condition))
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


jobs = Table(
    "jobs",
    metadata,
    Column("key", Key, primary_key=True),
    Column("uuid", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("activity", Text, nullable=False, server_default=""),
    Column("settings", Json, nullable=False),
    Column("metadata", Json, nullable=False),
    Column("created", Utc, nullable=False),
    Column("updated", Utc, nullable=False),
    Column("tag_key", ForeignKey("tags.key", ondelete="SET NULL"), index=True),
    Column("shaman_checkout_id", Path, nullable=False, server_default=""),
    # The files of that checkout are being removed: no other job may have it, or one inside of it, any more.
    Column("checkout_goes", Boolean, nullable=False, server_default=text("false")),
    # Somebody deleted it then: nobody sees it any more. It was put away at the next moment, with nothing of it running,
    # and may be had back until it is purged, bit by bit.
    Column("delete_requested", Utc),
    Column("trashed_at", Utc),
    Column("purging", Boolean, nullable=False, server_default=text("false")),
    # It is on its way from the trash into an archive, and purged once it is there.
    Column("archiving", Boolean, nullable=False, server_default=text("false")),
    Column("rank", Float),  # the policies' sum; NULL while one of them holds the job
    # Most of its tasks that may run at once, where a policy limits that, or people: `max_workers` is what those say.
    Column("max_running", Integer),
    Column("max_workers", Integer),
    Column("last_assigned", Utc),
    # How many tasks of it were completed, and for how long those were run; time used by all others as well, and how
    # much of that is on policies' accounts.
    Column("completed_runs", Integer, nullable=False, server_default="0"),
    Column("completed_seconds", Float, nullable=False, server_default="0"),
    Column("used_seconds", Float, nullable=False, server_default="0"),
    Column("booked_seconds", Float, nullable=False, server_default="0"),
    # Whether it has some in `job_variables`: most jobs do not, and need not be asked for them at every claim.
    Column("has_variables", Boolean, nullable=False, server_default=text("false")),
    # How many of its tasks in a hundred have to fail until it does, and how often one is tried, where it says so.
    Column("fail_percent", Integer),
    Column("tries", Integer),
    # The same of `job_time_limits`, which need not be asked for at every end of a task then.
    Column("has_time_limits", Boolean, nullable=False, server_default=text("false")),
    *(Column(f"tasks_{status.column}", Integer, nullable=False, server_default="0") for status in TaskStatus),
    Column("tasks_failed_optional", Integer, nullable=False, server_default="0"),  # of those that failed
    Column("steps_completed", Integer, nullable=False, server_default="0"),
    Column("steps_total", Integer, nullable=False, server_default="0"),
    # Whose it is; with an address, that is what its submission claimed, from there.
    Column("owner", Text, nullable=False, server_default="", index=True),
    Column("owner_address", Text, nullable=False, server_default=""),
    Column("project", Text, nullable=False, server_default="", index=True),  # what its metadata say that it is for
    Column("batch", Text, nullable=False, server_default="", index=True),  # and what it was submitted together with
    # Nobody is given its tasks before that moment; once it has come, whoever asks for some takes it away.
    Column("start_after", Utc),
    Column("start_after_reason", Text, nullable=False, server_default=""),
    # What is left to be done of changes of status that concern too many of its tasks for one transaction.
    Column("moves", Json, nullable=False, server_default="[]"),
    # How many of its dependencies keep all of its tasks from being handed out; and how closely it is followed by jobs
    # that wait for it, as in `store.job_waits.Followed`.
    Column("waiting_for", Integer, nullable=False, server_default="0"),
    Column("waited_for", Integer, nullable=False, server_default="0"),
    # Where its preview stands, if it has one: a `PreviewState`. In which order its frames come, and whether some of its
    # tasks are still to be put into it.
    Column("preview", Text, nullable=False, server_default=""),
    Column("frame_order", Text, nullable=False, server_default=""),
    Column("reordering", Boolean, nullable=False, server_default=text("false")),
    # Whether it is for some workers alone, or for all but some: as in `store.job_workers`.
    Column("worker_rules", Integer, nullable=False, server_default="0"),
    Index("ix_jobs_name", "name", "type"),
)

_partial("ix_jobs_transitional", TRANSITIONAL_SQL, jobs.c.status)
_partial("ix_jobs_open", OPEN_SQL, jobs.c.key)
_partial("ix_jobs_open_status", OPEN_SQL, jobs.c.status)
_partial("ix_jobs_delete_requested", TRASH_SQL, jobs.c.delete_requested)
_partial("ix_jobs_doomed", DOOMED_SQL, jobs.c.delete_requested)
_partial("ix_jobs_purging", PURGING_SQL, jobs.c.delete_requested)
_partial("ix_jobs_archiving", ARCHIVING_SQL, jobs.c.delete_requested)
_partial("ix_jobs_checkout", CHECKED_OUT_SQL, jobs.c.shaman_checkout_id)
_partial("ix_jobs_running", RUNNING_SQL, jobs.c.key)
_partial("ix_jobs_moving", MOVING_SQL, jobs.c.key)
_partial("ix_jobs_start_after", START_AFTER_SQL, jobs.c.start_after)
_partial("ix_jobs_choosing", CHOOSING_SQL, jobs.c.key)
_partial("ix_jobs_unbooked", UNBOOKED_SQL, jobs.c.key)
_partial("ix_jobs_reordering", REORDERING_SQL, jobs.c.key)

job_texts = Table(
    "job_texts",
    metadata,
    # What jobs are found by, folded: name, user, project, type and, if there is one, batch, a line each. Few letters
    # for each job, apart from its settings, so that looking through all of them is quick.
    Column("job_key", ForeignKey("jobs.key", ondelete="CASCADE"), primary_key=True),
    Column("text", Text, nullable=False),
)

requirements = Table(
    "requirements",
    metadata,
    # What a worker must be able to do to be given a task, and the limits that the task falls under: one row per
    # combination that ever occurred, so few. Whoever looks for work first looks which of these are met.
    Column("key", Key, primary_key=True),
    Column("task_type", Text, nullable=False),
    Column("commands", Text, nullable=False),  # names in order, a JSON list
    Column("limits", Text, nullable=False),  # likewise
    UniqueConstraint("task_type", "commands", "limits"),
)

queues = Table(
    "queues",
    metadata,
    # The tasks of a job that are alike to whoever hands them out. `rank` is the job's, or NULL while it is not open.
    Column("key", Key, primary_key=True),
    Column("job_key", ForeignKey("jobs.key", ondelete="CASCADE"), nullable=False),
    Column("requirement_key", ForeignKey("requirements.key"), nullable=False),
    Column("runnable", Integer, nullable=False, server_default="0"),
    Column("rank", Float),
    UniqueConstraint("job_key", "requirement_key"),
)
_partial("ix_queues_claim", CLAIMABLE_SQL, queues.c.requirement_key, queues.c.rank.desc(), queues.c.job_key)

limits = Table(
    "limits",
    metadata,
    # Never more than `capacity` tasks that fall under it run at once; licences, say. `own` is what people have set, for
    # which it stands then; `per_machine`, it is counted on each machine by itself.
    Column("name", Text, primary_key=True),
    Column("capacity", Integer, nullable=False),
    Column("own", Integer),
    Column("per_machine", Boolean, nullable=False, server_default=text("false")),
    # Above zero until all jobs are under it that are to be, or none is any more; it counts how often that was begun.
    Column("settling", Integer, nullable=False, server_default="0"),
)
_partial("ix_limits_machine", MACHINE_SET_SQL, limits.c.name)

tasks = Table(
    "tasks",
    metadata,
    Column("key", Key, primary_key=True),
    Column("uuid", Text, nullable=False, unique=True),
    Column("job_key", ForeignKey("jobs.key", ondelete="CASCADE"), nullable=False),
    # No foreign key: queues go with their job, as tasks do, and looking for a queue's tasks would want an index.
    Column("queue_key", Key, nullable=False, server_default="0"),
    Column("index_in_job", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("activity", Text, nullable=False, server_default=""),
    Column("commands", Text, nullable=False),  # JSON, decoded straight into Commands
    Column("created", Utc, nullable=False),
    Column("updated", Utc, nullable=False),
    Column("worker_key", ForeignKey("workers.key", ondelete="SET NULL")),
    Column("last_touched", Utc),
    Column("activated", Utc),  # when it was last given to a worker
    Column("steps_completed", Integer, nullable=False, server_default="0"),
    Column("steps_total", Integer, nullable=False, server_default="0"),
    Column("unmet", Integer, nullable=False, server_default="0"),  # dependencies that are not completed
    Column("optional", Boolean, nullable=False, server_default=text("false")),  # the job can do without it
    # How often it was given to a worker. The one who has it now is at the last of these attempts, of which all else
    # is said in this row too; those that are over are in `attempts`.
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("log_begins", BigInteger, nullable=False, server_default="0"),
    # From which frame to which it goes; NULL where its commands say nothing of frames.
    Column("frame_first", Integer),
    Column("frame_last", Integer),
    # Of those of one priority, the one with the lowest comes first, and then that with the lowest index. All have 0, or
    # each its place where the job asks for an order. A held one (`Wave.HELD`) counts the approval that its job waits
    # for as one more thing in `unmet`.
    Column("ord", Integer, nullable=False, server_default="0"),
    Column("wave", SmallInteger, nullable=False, server_default="0"),
    UniqueConstraint("job_key", "index_in_job"),
    # The tasks that a worker had, in the order in which it was given them.
    Index("ix_tasks_given", "worker_key", "activated"),
)
_partial(
    "ix_tasks_runnable",
    RUNNABLE_SQL,
    tasks.c.queue_key,
    tasks.c.priority.desc(),
    tasks.c.ord,
    tasks.c.index_in_job,
)
_partial("ix_tasks_wave", IN_WAVE_SQL, tasks.c.job_key, tasks.c.wave, tasks.c.status)
_partial("ix_tasks_frames", "tasks.frame_first IS NOT NULL", tasks.c.job_key, tasks.c.frame_first)
_partial("ix_tasks_active", ACTIVE_SQL, tasks.c.worker_key)
_partial("ix_tasks_touched", ACTIVE_SQL, tasks.c.last_touched)
_partial("ix_tasks_active_of_job", ACTIVE_SQL, tasks.c.job_key)

job_dependencies = Table(
    "job_dependencies",
    metadata,
    # Jobs that wait for others. The other one is known by id and name even once it is deleted. `longest` and
    # `longest_other` are the most frames after its first that a task of either has, so that tasks with given frames
    # are found in a short part of the index.
    Column("key", Key, primary_key=True),
    Column("job_key", ForeignKey("jobs.key", ondelete="CASCADE"), nullable=False),
    Column("on_key", ForeignKey("jobs.key", ondelete="SET NULL")),
    Column("on_id", Text, nullable=False),
    Column("on_name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("awaits", Text, nullable=False),
    Column("offset_first", Integer, nullable=False, server_default="0"),
    Column("offset_last", Integer, nullable=False, server_default="0"),
    Column("longest", Integer, nullable=False, server_default="0"),
    Column("longest_other", Integer, nullable=False, server_default="0"),
    Column("state", Text, nullable=False),
    Column("created", Utc, nullable=False),
    UniqueConstraint("job_key", "on_id"),
    Index("ix_job_dependencies_on", "on_key", "key"),
)

_partial("ix_job_dependencies_pending", PENDING_SQL, job_dependencies.c.key)

job_previews = Table(
    "job_previews",
    metadata,
    # What is looked at first of a job, and what follows; since when it is there, and until when somebody is waited for.
    Column("job_key", ForeignKey("jobs.key", ondelete="CASCADE"), primary_key=True),
    Column("frames", Text, nullable=False),
    Column("follows", Text, nullable=False),
    Column("continue_after_s", Float, nullable=False, server_default="0"),
    Column("ready", Utc),
    Column("due", Utc),
)
_partial("ix_job_previews_due", DUE_SQL, job_previews.c.due)

approval_links = Table(
    "approval_links",
    metadata,
    # Links by which somebody approves the preview of one job once, without signing in: they go with whoever made them.
    Column("secret_hash", Text, primary_key=True),
    Column("job_key", ForeignKey("jobs.key", ondelete="CASCADE"), nullable=False, index=True),
    Column("user_key", ForeignKey("users.key", ondelete="CASCADE"), index=True),
    Column("made_by", Text, nullable=False),
    Column("created", Utc, nullable=False),
    Column("expires", Utc, nullable=False, index=True),
)

job_news = Table(
    "job_news",
    metadata,
    # What jobs that wait for others have not been told yet: see `store.job_news`.
    Column("key", Key, primary_key=True),
    Column("job_key", ForeignKey("jobs.key", ondelete="CASCADE"), nullable=False),
    Column("what", Text, nullable=False),
    Column("frame_first", Integer),
    Column("frame_last", Integer),
    Index("ix_job_news_job", "job_key", "what"),
    sqlite_autoincrement=True,
)

attempts = Table(
    "attempts",
    metadata,
    # Attempts at tasks that are over, one row each, which never changes. No foreign keys, which every end of a task
    # would have to pay for: they go with their tasks, and workers that were deleted are kept.
    Column("key", Key, primary_key=True),
    Column("job_key", Key, nullable=False),
    Column("task_key", Key, nullable=False),
    Column("number", Integer, nullable=False),  # of those at the task, from 1
    Column("worker_key", Key),
    Column("started", Utc, nullable=False),
    Column("ended", Utc, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("steps", Integer, nullable=False),
    Column("log_begins", BigInteger, nullable=False),
    UniqueConstraint("task_key", "number"),
    Index("ix_attempts_job", "job_key", "ended"),
    sqlite_autoincrement=True,  # who has counted up to a number must never see it again
)

roll_ups = Table(
    "roll_ups",
    metadata,
    # What was done in each step of time, by groups. It outlives the jobs, so it names what they were.
    Column("step_s", Integer, nullable=False),
    Column("at", Utc, nullable=False),  # when the step began
    Column("job_type", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("completed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    PrimaryKeyConstraint("step_s", "at", "job_type", "owner", "project"),
)

awake = Table(
    "awake",
    metadata,
    # How many workers were awake in each step: the sum of all looks, and how many those were.
    Column("step_s", Integer, nullable=False),
    Column("at", Utc, nullable=False),
    Column("workers", BigInteger, nullable=False),
    Column("samples", Integer, nullable=False),
    PrimaryKeyConstraint("step_s", "at"),
)

rolled_up = Table(
    "rolled_up",
    metadata,
    # One row, number 1: attempts up to this key are in `roll_ups`.
    Column("key", Key, primary_key=True),
    Column("counted", BigInteger, nullable=False),
)

limit_uses = Table(
    "limit_uses",
    metadata,
    # One row for each running task and each limit that it falls under; what counts against the limit's capacity.
    Column("limit_name", ForeignKey("limits.name", ondelete="CASCADE"), nullable=False),
    Column("task_key", ForeignKey("tasks.key", ondelete="CASCADE"), nullable=False, index=True),
    PrimaryKeyConstraint("limit_name", "task_key"),
)

task_dependencies = Table(
    "task_dependencies",
    metadata,
    Column("task_key", ForeignKey("tasks.key", ondelete="CASCADE"), nullable=False),
    Column("dependency_key", ForeignKey("tasks.key", ondelete="CASCADE"), nullable=False, index=True),
    PrimaryKeyConstraint("task_key", "dependency_key"),
)

task_failures = Table(
    "task_failures",
    metadata,
    # `job_key` and `task_type` repeat the task's, so that counting a worker's failures in a job is one index look-up.
    Column("task_key", ForeignKey("tasks.key", ondelete="CASCADE"), nullable=False),
    Column("worker_key", ForeignKey("workers.key", ondelete="CASCADE"), nullable=False, index=True),
    Column("job_key", ForeignKey("jobs.key", ondelete="CASCADE"), nullable=False),
    Column("task_type", Text, nullable=False),
    Column("created", Utc, nullable=False),
    Column("counts", Boolean, nullable=False, server_default=text("true")),  # as one of the task's tries
    PrimaryKeyConstraint("task_key", "worker_key"),
    Index("ix_task_failures_job", "job_key", "worker_key", "task_type"),
)

task_retries = Table(
    "task_retries",
    metadata,
    # Tasks of which failures are not all in `task_failures`: `tries` count for the task and keep nobody from it, `free`
    # do not count at all. With `not_before`, it waits for that moment, and its `unmet` is one more.
    Column("task_key", ForeignKey("tasks.key", ondelete="CASCADE"), primary_key=True),
    Column("job_key", ForeignKey("jobs.key", ondelete="CASCADE"), nullable=False, index=True),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("free", Integer, nullable=False, server_default="0"),
    Column("not_before", Utc),
)
_partial("ix_task_retries_due", RETRY_LATER_SQL, task_retries.c.not_before)

job_rules = Table(
    "job_rules",
    metadata,
    # What follows from failures of a job's tasks, as its job type said when it was submitted.
    Column("job_key", ForeignKey("jobs.key", ondelete="CASCADE"), primary_key=True),
    Column("rules", Text, nullable=False),  # JSON, a list of `FailureRule`
)

job_time_limits = Table(
    "job_time_limits",
    metadata,
    # How long tasks of a job may take, and be silent: a row for each job of which anything is said of that.
    Column("job_key", ForeignKey("jobs.key", ondelete="CASCADE"), primary_key=True),
    Column("limits", Text, nullable=False),  # JSON, a `JobTimeLimits`
)

job_variables = Table(
    "job_variables",
    metadata,
    # Texts for which `{name}` stands in the job's commands. Not in `jobs`, whose rows are rewritten all the time.
    Column("job_key", ForeignKey("jobs.key", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("job_key", "name"),
)

job_blocks = Table(
    "job_blocks",
    metadata,
    Column("job_key", ForeignKey("jobs.key", ondelete="CASCADE"), nullable=False),
    Column("worker_key", ForeignKey("workers.key", ondelete="CASCADE"), nullable=False, index=True),
    Column("task_type", Text, nullable=False),
    Column("created", Utc, nullable=False),
    Column("blocked_by", Text, nullable=False, server_default=""),  # which person; empty for failures
    PrimaryKeyConstraint("job_key", "worker_key", "task_type"),
)

job_workers = Table(
    "job_workers",
    metadata,
    # The workers and tags that jobs are for alone, or are not for.
    Column("key", Key, primary_key=True),
    Column("job_key", ForeignKey("jobs.key", ondelete="CASCADE"), nullable=False, index=True),
    Column("allowed", Boolean, nullable=False),
    Column("worker_key", ForeignKey("workers.key", ondelete="CASCADE"), index=True),
    Column("tag_key", ForeignKey("tags.key", ondelete="CASCADE"), index=True),
)

job_notes = Table(
    "job_notes",
    metadata,
    # What somebody wants others to know of a job.
    Column("job_key", ForeignKey("jobs.key", ondelete="CASCADE"), primary_key=True),
    Column("text", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", Utc, nullable=False),
)

worker_notes = Table(
    "worker_notes",
    metadata,
    # The same of a worker.
    Column("worker_key", ForeignKey("workers.key", ondelete="CASCADE"), primary_key=True),
    Column("text", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", Utc, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("key", Key, primary_key=True),
    Column("uuid", Text, nullable=False, unique=True),
    Column("secret_hash", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("software", Text, nullable=False, server_default=""),
    Column("status", Text, nullable=False),
    Column("task_types", Json, nullable=False),
    Column("commands", Json),  # NULL for a worker that does not say which it has
    Column("created", Utc, nullable=False),
    Column("updated", Utc, nullable=False),
    Column("last_seen", Utc),
    Column("status_requested", Text),
    Column("lazy_request", Boolean, nullable=False, server_default=text("false")),
    Column("can_restart", Boolean, nullable=False, server_default=text("false")),
    Column("deleted", Utc, index=True),
    Column("sign_ons", Integer, nullable=False, server_default="0"),
    Column("signed_on", Utc),
    Column("warning", Text, nullable=False, server_default=""),  # what people should know, since `warned`
    Column("warned", Utc),
    Column("approved", Boolean, nullable=False, server_default=text("true")),  # a person agreed, or nobody had to
    Column("put_away", Utc),  # out of lists since then, until it signs on again
    # It failed tasks of these jobs, one after the other; see `domain.sickness`. Why it is sick, empty while it is not,
    # since when, and by which job a rule has said so.
    Column("failing", Json, nullable=False, server_default="[]"),
    Column("sick", Text, nullable=False, server_default=""),
    Column("sick_since", Utc),
    Column("sick_by_job", Key),
    Index("ix_workers_registered", "address", "created"),
)
_partial("ix_workers_sick", SICK_SQL, workers.c.sick_by_job)

sleep_schedules = Table(
    "sleep_schedules",
    metadata,
    # When a worker sleeps. `days` and the times are as today's protocol writes them; the times are of the manager's
    # own time zone. `next_check` is when the schedule may next say something else.
    Column("worker_key", ForeignKey("workers.key", ondelete="CASCADE"), primary_key=True),
    Column("is_active", Boolean, nullable=False),
    Column("days", Text, nullable=False),
    Column("start_time", Text, nullable=False),
    Column("end_time", Text, nullable=False),
    Column("next_check", Utc),
)
_partial("ix_sleep_schedules_due", SCHEDULED_SQL, sleep_schedules.c.next_check)

self_tests = Table(
    "self_tests",
    metadata,
    # The last self-test of a worker, and the one that it is at. `sign_on` is the number of that since which it can do
    # any; `told` are the commands that it has, of which `kept` says some that it is given no tasks of, and why.
    Column("worker_key", ForeignKey("workers.key", ondelete="CASCADE"), primary_key=True),
    Column("sign_on", Integer, nullable=False),
    Column("asked", Utc),
    Column("told", Text),  # JSON, as those below
    Column("kept", Text),
    Column("pending", Text),
    Column("report", Text),
)
_partial("ix_self_tests_kept", SELF_TEST_FAILED_SQL, self_tests.c.worker_key)

tags = Table(
    "tags",
    metadata,
    Column("key", Key, primary_key=True),
    Column("uuid", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False, unique=True),
    Column("description", Text, nullable=False, server_default=""),
)

worker_tags = Table(
    "worker_tags",
    metadata,
    Column("worker_key", ForeignKey("workers.key", ondelete="CASCADE"), nullable=False),
    Column("tag_key", ForeignKey("tags.key", ondelete="CASCADE"), nullable=False, index=True),
    PrimaryKeyConstraint("worker_key", "tag_key"),
)

events = Table(
    "events",
    metadata,
    Column("key", Key, primary_key=True),
    Column("created", Utc, nullable=False, index=True),
    Column("topic", Text, nullable=False),
    Column("payload", Text, nullable=False),  # JSON, published as it is
    sqlite_autoincrement=True,  # a cursor must never see a number again
)

_partial("ix_events_task_logs", TASK_LOG_SQL, events.c.created)

log_followers = Table(
    "log_followers",
    metadata,
    # Topics of task logs, or patterns of some, that are followed: events of others are not stored.
    Column("pattern", Text, primary_key=True),
    Column("until", Utc, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    # Who runs which chore, so that of many processes exactly one does.
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("expires", Utc, nullable=False),
    Column("seconds", Float, nullable=False, server_default="0"),  # how long it holds from when it was taken
)

farm_status = Table(
    "farm_status",
    metadata,
    # One row: what the farm was last seen to be, so that all processes say the same.
    Column("key", Key, primary_key=True),
    Column("status", Text, nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    # Time that went to an account of a scheduling policy. `seconds` counted so much at `as_of`, and less ever since.
    Column("policy", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("as_of", Utc, nullable=False),
    PrimaryKeyConstraint("policy", "name"),
)

sinks = Table(
    "sinks",
    metadata,
    # How far each event sink is: everything up to the event `cursor` was delivered, or given up.
    Column("name", Text, primary_key=True),
    Column("cursor", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False, server_default="0"),  # of the next event, so far
    Column("backoff_s", Float, nullable=False, server_default="0"),  # length of the last pause; 0 once one gets through
    Column("retry_at", Utc),
    Column("error", Text, nullable=False, server_default=""),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    # Events that a sink could not deliver and that are not tried again by themselves; `retry` is a person's wish.
    Column("key", Key, primary_key=True),
    Column("sink", Text, nullable=False, index=True),
    Column("event_key", BigInteger, nullable=False),
    Column("created", Utc, nullable=False),
    Column("died", Utc, nullable=False),
    Column("topic", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("retry", Boolean, nullable=False, server_default=text("false")),
)
_partial("ix_dead_letters_retry", RETRY_SQL, dead_letters.c.sink, dead_letters.c.key)

processes = Table(
    "processes",
    metadata,
    # What each manager process has measured of itself, for whoever asks another one.
    Column("name", Text, primary_key=True),
    Column("measured", Json, nullable=False),
    Column("seen", Utc, nullable=False),
)

last_rendered = Table(
    "last_rendered",
    metadata,
    # At most one row, number 1: the job whose image came last.
    Column("key", Key, primary_key=True),
    Column("job_key", ForeignKey("jobs.key", ondelete="CASCADE"), nullable=False, index=True),
)

checkouts = Table(
    "checkouts",
    metadata,
    # Checkouts of Shaman whose maker is known by name, as long as they are there.
    Column("key", Key, primary_key=True),
    Column("path", Path, nullable=False, unique=True),
    Column("maker", Text, nullable=False, index=True),
    Column("created", Utc, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("key", Key, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("password_hash", Text, nullable=False, server_default=""),  # empty for whoever has none
    # Which plugin knows them, by what it tells them from others, and whether their role is the one that it gave.
    Column("plugin", Text, nullable=False, server_default=""),
    Column("subject", Text, nullable=False, server_default=""),
    Column("is_role_of_plugin", Boolean, nullable=False, server_default=text("false")),
    Column("created", Utc, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    # What programs show instead of a password. With `once`, a link by which the first user is made.
    Column("key", Key, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("secret_hash", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("user_key", ForeignKey("users.key", ondelete="CASCADE"), index=True),  # NULL for one that is the farm's
    Column("once", Boolean, nullable=False, server_default=text("false")),
    Column("created", Utc, nullable=False),
    Column("expires", Utc),
    Column("last_used", Utc),
)

sessions = Table(
    "sessions",
    metadata,
    # Browsers in which somebody has signed in.
    Column("key", Key, primary_key=True),
    Column("secret_hash", Text, nullable=False, unique=True),
    Column("user_key", ForeignKey("users.key", ondelete="CASCADE"), nullable=False, index=True),
    Column("created", Utc, nullable=False),
    Column("expires", Utc, nullable=False, index=True),
    Column("last_used", Utc, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    # Who changed what, written in the transaction of the change.
    Column("key", Key, primary_key=True),
    Column("created", Utc, nullable=False, index=True),
    Column("who", Text, nullable=False),
    Column("way", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("object_name", Text, nullable=False),
    Column("before", Json),
    Column("after", Json),
    Index("ix_audit_object", "kind", "object_id", "key"),
    sqlite_autoincrement=True,
)
