"""Submitting jobs, looking at them, and steering them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

import structlog
from msgspec import Struct
from msgspec.structs import replace

from flamenco.compiler.authored import check_for_tasks
from flamenco.compiler.catalog import Problem
from flamenco.domain import commands
from flamenco.domain.access import ITSELF, Access, Caller, Reach, machine_of, reach
from flamenco.domain.contents import contents_of
from flamenco.domain.errors import AccessDenied, Failed, JobTypeError, NotFound, Refused, ScriptStopped, SignInNeeded
from flamenco.domain.events import job_event
from flamenco.domain.frame_plans import planned
from flamenco.domain.listing import JobQuery, JobSummary
from flamenco.domain.model import AuthoredJob, Job, JobType, Submission
from flamenco.domain.searching import LONGEST_NAME
from flamenco.domain.shaman import checkout_parts
from flamenco.domain.statuses import JobStatus
from flamenco.farm import arriving, audit, job_waits, job_workers, moving, shaman
from flamenco.farm.cascade import Cascade
from flamenco.farm.context import Farm
from flamenco.farm.scheduling import placing
from flamenco.store import deletion, events, failures, listing, users, workers
from flamenco.store import job_workers as worker_store
from flamenco.store import jobs as job_store
from flamenco.store.engine import Tx

log = structlog.get_logger(__name__)


class Block(Struct, frozen=True):
    """A worker that gets no more tasks of a type in a job."""

    worker_id: str
    worker_name: str
    task_type: str


_STARTS_AS: Final = {
    JobStatus.QUEUED: JobStatus.QUEUED,
    JobStatus.ACTIVE: JobStatus.QUEUED,
    JobStatus.REQUEUEING: JobStatus.QUEUED,
    JobStatus.PAUSED: JobStatus.PAUSED,
    JobStatus.PAUSE_REQUESTED: JobStatus.PAUSED,
}
"""What a new job is for what its client asks it to be. Clients say many things that mean: go; Gaffer says active."""

PRIORITIES = range(101)
"""The priorities that people may give to jobs, when they submit one as well as later."""

CLAIM: Final = "user.name"
"""Where in its metadata a job says whose it is, as add-ons write it."""

RUNS_ANY_PROGRAM: Final = "exec"
"""The command that runs whatever program it is told to."""

Warn = Callable[[str], None]


def _nobody_listens(_warning: str) -> None:
    pass


def job_types(farm: Farm) -> list[JobType]:
    """The job types that can be submitted, by name."""
    return farm.compiler.job_types()


def job_type(farm: Farm, name: str) -> JobType:
    """One job type. Raises `NotFound`, or `Failed` when its script is broken."""
    try:
        return farm.compiler.job_type(name)
    except JobTypeError as error:
        log.warning("a job type is broken", job_type=name, error=str(error))
        raise Failed(f"error getting job type: {error.for_submitter}") from error


def job_type_problems(farm: Farm) -> list[Problem]:
    """What is wrong with scripts in the job type folders: why each of them gives no job type."""
    return farm.compiler.problems()


def compiled(
    farm: Farm, submission: Submission, by: Caller = ITSELF, *, strict: bool, warn: Warn = _nobody_listens
) -> AuthoredJob:
    """The job as `submit` would store it, of which nothing is stored. Raises, and warns, as `submit`."""
    _initial_status(submission)
    authored = _compile(farm, submission, by, warn, strict=strict)
    wanted, meant = job_waits.wanted(farm, submission, authored, by), job_workers.wanted(submission, authored)
    with farm.store.read() as tx:
        shaman.check_maker(farm, tx, authored.shaman_checkout_id, by)
        job_waits.check_there(tx, wanted)
        worker_store.check_there(tx, meant)
    return replace(authored, tasks=tuple(authored.tasks), workers=meant)


def submit(
    farm: Farm, submission: Submission, by: Caller = ITSELF, *, strict: bool, warn: Warn = _nobody_listens
) -> Job:
    """Compile a job and store it, all of it or nothing. It is whose `by` is, else whose it claims to be.

    `warn` is called with every sentence that whoever submits should read, although the job is stored.
    `strict`: settings are checked against the job type's declaration, and missing ones get their
    defaults; today's protocol leaves both to the client. Raises `Refused` (of which `JobTypeError`), `AccessDenied`
    for what only others may, `Conflict` when the client knows another version of the job type, `Busy`, also for
    somebody whose jobs took all the time that a script may have again and again.
    """
    starts_as = _initial_status(submission)
    authored = _compile(farm, submission, by, warn, strict=strict)
    task_types = contents_of(authored.tasks).task_types
    placement = placing.placement(farm, job_store.candidate(authored), task_types, authored.created)

    wanted, meant = job_waits.wanted(farm, submission, authored, by), job_workers.wanted(submission, authored)

    def admit(tx: Tx) -> None:
        job_waits.check_there(tx, wanted)
        worker_store.check_there(tx, meant)
        if by.user_key is not None and not users.keep(tx, by.user_key, by.name):
            raise SignInNeeded(f"{by.name} is no user of this farm any more.")
        shaman.check_maker(farm, tx, authored.shaman_checkout_id, by)

    def tell(tx: Tx, job: Job) -> None:
        job_workers.attach(tx, job, meant)
        if wanted:
            job_waits.attach(tx, job, wanted, authored.created)
            job = job_store.fetch_whole(tx, job.id)
        placing.settle(tx, farm, job, authored.created)
        events.append(tx, [job_event(job)], authored.created)
        audit.note(tx, authored.created, "job", job.id, job.name, after={"type": job.type, "priority": job.priority})

    def check(tx: Tx, job: Job) -> None:
        if deletion.checkout_goes(tx, job):
            raise Refused(
                f"The files of the checkout {job.shaman_checkout_id} are being deleted with the job that had it; "
                "check them out again, and submit the job with what that gives."
            )

    owner = by.owner(authored.metadata.get(CLAIM, "")[:LONGEST_NAME])
    terms = arriving.Terms(status=starts_as, placement=placement, owner=owner, admit=admit, check=check, tell=tell)
    job = arriving.store(farm, authored, terms)
    if wanted:
        job = fetch(farm, job.id)  # which says now what it waits for
    log.info("a job came", name=job.name, type=job.type, tasks=len(authored.tasks), job=job.id)
    return job


def _initial_status(submission: Submission) -> JobStatus:
    asked = submission.initial_status
    if asked not in _STARTS_AS:
        raise Refused(f"A job cannot start as {asked}; it can be queued or paused.")
    return _STARTS_AS[asked]


def check_priority(farm: Farm, priority: int, by: Caller) -> None:
    """Raise `AccessDenied` where somebody may not give a job that priority."""
    highest = farm.config.access.highest_priority
    if priority > highest and reach(by.role, Access.STEER) is not Reach.ALL:
        raise AccessDenied(
            f"The priority {priority} is above {highest}, the highest that artists may give to their jobs "
            "(the setting access.highest_priority)."
        )


def _check_programs(farm: Farm, job: AuthoredJob, by: Caller) -> None:
    if farm.config.access.artists_run_any_program or reach(by.role, Access.STEER) is Reach.ALL:
        return
    if RUNS_ANY_PROGRAM in contents_of(job.tasks).commands:
        raise AccessDenied(
            f"Jobs of the type {job.type} run any program, by the command {RUNS_ANY_PROGRAM}; here only those submit "
            "such who look after the farm (the setting access.artists_run_any_program)."
        )


def _compile(farm: Farm, submission: Submission, by: Caller, warn: Warn, *, strict: bool) -> AuthoredJob:
    if by.address:
        farm.stopped_scripts.check(machine_of(by.address))
    if submission.priority not in PRIORITIES:
        raise Refused(f"The priority is from {PRIORITIES[0]} to {PRIORITIES[-1]}, and not {submission.priority}.")
    check_priority(farm, submission.priority, by)
    if submission.shaman_checkout_id:
        # As it is called where others look for it: `./a` is `a`, and goes with the last job that has it.
        submission = replace(submission, shaman_checkout_id="/".join(checkout_parts(submission.shaman_checkout_id)))
    submission = farm.hooks.job_submitting(farm.variables.in_submission(submission), farm.config)
    try:
        authored = farm.compiler.compile(submission, str(uuid.uuid4()), farm.clock(), strict=strict)
    except JobTypeError as error:
        # The place in the script is for whoever looks after it, and reads this log.
        log.warning("a job was not compiled", job_type=submission.type, job=submission.name, error=str(error))
        if by.address and isinstance(error, ScriptStopped):
            farm.stopped_scripts.failed(machine_of(by.address))
        raise JobTypeError(error.for_submitter) from error
    authored = farm.hooks.job_compiled(authored, farm.command_types, farm.config)
    check_for_tasks(authored)
    authored = planned(authored, submission)
    _check_programs(farm, authored, by)
    for warning in _warnings(farm, authored):
        log.warning("suspicious command", job=authored.id, job_type=authored.type, warning=warning)
        warn(warning)
    return authored


def _warnings(farm: Farm, job: AuthoredJob) -> list[str]:
    """What is suspicious about the job's commands; workers are only looked at for those that no plugin declares."""
    unknown = commands.unknown_among(contents_of(job.tasks).commands, farm.command_types)
    if not unknown:
        return []
    with farm.store.read() as tx:
        of_workers = {name for worker in workers.all_present(tx) for name in worker.commands or ()}
    known = of_workers.union(farm.command_types)
    unknown = {name: count for name, count in unknown.items() if name not in of_workers}
    return commands.warnings(unknown, known, "the manager and its workers")


def fetch(farm: Farm, job_id: str) -> Job:
    """A job. Raises `NotFound`."""
    with farm.store.read() as tx:
        return job_store.fetch_whole(tx, job_id)


def matching(farm: Farm, query: JobQuery) -> list[JobSummary]:
    """The jobs that `query` asks for; every one where it asks for nothing."""
    with farm.store.read() as tx:
        return listing.jobs_matching(tx, query)


def blocklist(farm: Farm, job_id: str) -> list[Block]:
    """Who gets no more tasks of which type of a job, by the names of the workers; nobody in an unknown job."""
    with farm.store.read() as tx:
        return [Block(*each) for each in listing.blocklist(tx, job_id)]


def unblock(farm: Farm, job_id: str, blocks: Iterable[tuple[str, str]]) -> None:
    """Take pairs of worker and task type off a job's blocklist; those that are not on it are passed over."""
    with farm.store.write() as tx:
        try:
            job = job_store.lock_by_id(tx, job_id)
        except NotFound:
            return
        named = list(blocks)
        for worker_id, task_type in named:
            failures.unblock(tx, job.key, worker_id, task_type)
        audit.note(tx, farm.clock(), "job", job.id, job.name, before={"blocked": named})


def _any_status(_status: str) -> None:
    pass


def set_status(
    farm: Farm, job_id: str, status: JobStatus, reason: str, check: Callable[[str], None] = _any_status
) -> None:
    """Cancel, pause, requeue …: send a job to another status, with all that follows. Raises `NotFound`.

    A job that people requeue starts afresh: nobody failed anything in it and nobody is blocked. What has been begun
    with its tasks before is finished first. `check` is given the status that it has then, and may raise.
    """

    def change(tx: Tx, cascade: Cascade) -> None:
        check(cascade.job.status)
        _set_status(tx, farm, cascade, status, reason)

    moving.alone(farm, lambda tx: Cascade(tx, job_store.lock_by_id(tx, job_id), farm.clock()), change)


def _set_status(tx: Tx, farm: Farm, cascade: Cascade, status: JobStatus, reason: str) -> None:
    job = cascade.job
    before, after = {"status": job.status}, {"status": status, "reason": reason}
    audit.note(tx, cascade.now, "job", job.id, job.name, before=before, after=after)
    cascade.set_job(status, reason)
    if status is JobStatus.REQUEUEING:
        failures.forget_job(tx, job.key)
    cascade.save()
    if cascade.job.is_open:
        # Policies may be others than when it came in, or may see it with other eyes now.
        placing.place(tx, farm, job.key, cascade.now)


def set_priority(farm: Farm, job_id: str, priority: int, by: Caller = ITSELF) -> int:
    """Give a job another priority, by which the very next poll goes; gives the one that it had.

    Raises `NotFound`, `AccessDenied` where it is too high.
    """
    check_priority(farm, priority, by)
    now = farm.clock()
    with farm.store.write() as tx:
        before = job_store.lock_by_id(tx, job_id)
        job = replace(before, priority=priority, updated=now)
        audit.note(tx, now, "job", job_id, job.name, before={"priority": before.priority}, after={"priority": priority})
        job_store.save(tx, before, job)
        placing.place(tx, farm, job.key, now)
        events.append(tx, [job_event(job)], now)
    return before.priority


def finish_transitions(farm: Farm) -> int:
    """Send every job that a crash left between two statuses on its way again. Returns how many."""
    moved = moving.finish_all(farm)
    with farm.store.read() as tx:
        stuck = job_store.keys_in_transition(tx)
    for job_key in stuck:
        # Another manager may have deleted it meanwhile.
        with suppress(NotFound):
            with farm.store.write() as tx:
                cascade = Cascade(tx, job_store.lock(tx, job_key), farm.clock())
                if not cascade.job.moves:  # another manager is about it
                    cascade.enforce_again()
                cascade.save()
            cascade.write_logs(farm)
            if cascade.job.moves:
                moving.finish(farm, job_key)
    return moved + len(stuck)
