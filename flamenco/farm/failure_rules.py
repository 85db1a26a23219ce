"""What the rules say of a task that has failed: looked up before the transaction that notes it, and not in it.

They go by what this attempt logged, of which the end is read, and never for longer than one failure is worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog
from msgspec.structs import replace

from flamenco.domain.errors import FarmError, NotFound
from flamenco.domain.failure_rules import (
    TAIL_BYTES,
    Failure,
    Found,
    KnownRule,
    Ruling,
    exit_code_in,
    fitting,
    lines_of,
    ruling,
)
from flamenco.domain.model import Speaker, TaskState
from flamenco.farm import jobs
from flamenco.farm.context import Farm
from flamenco.files import rule_scan
from flamenco.files.rule_matching import TooSlow
from flamenco.store import failures, job_rules, tasks

log = structlog.get_logger(__name__)

BY_JOB_TYPE: Final = "the job type"


def listed(farm: Farm, job_type: str = "") -> list[tuple[str, KnownRule]]:
    """All rules in their order, those of job types, or of that one alone, first and with its name."""
    of_types = [
        (each.name, KnownRule(rule, BY_JOB_TYPE))
        for each in jobs.job_types(farm)
        if job_type in ("", each.name)
        for rule in each.failure_rules
    ]
    return [*of_types, *(("", known) for known in farm.failure_rules)]


def judge(farm: Farm, speaker: Speaker, task_id: str, activity: str) -> Ruling | None:
    """What follows from the failure that a worker is about to report; None where nobody says anything of it."""
    with farm.store.read_at_once() as tx:
        try:
            task = tasks.fetch(tx, task_id)
        except NotFound:
            return None
        if not task.is_active_with(speaker.key):
            return None
        declared = [KnownRule(rule, BY_JOB_TYPE) for rule in job_rules.of_job(tx, task.job_key)]
        others = failures.others_that_failed(tx, task.key, speaker.key)
    rules = [*declared, *farm.failure_rules]
    lines = lines_of(_logged(farm, task), activity)
    failure = Failure(
        task_type=task.type, exit_code=exit_code_in(activity, lines), workers=others + 1, worker=speaker.name
    )
    if found := matching(farm, rules, lines, failure):
        return replace(ruling(*found, failure), attempt=task.attempts)
    return None


def _logged(farm: Farm, task: TaskState) -> bytes:
    """The end of what this attempt logged."""
    try:
        begins = farm.logs.offset(task.job_id, task.id, task.log_begins)
        size = farm.logs.size(task.job_id, task.id)
        return farm.logs.part(task.job_id, task.id, max(begins, size - TAIL_BYTES), TAIL_BYTES).data
    except (FarmError, OSError) as error:  # it has failed all the same
        log.error("failure rules go without a task's log", task=task.id, reason=str(error))
        return b""


def matching(
    farm: Farm, rules: Sequence[KnownRule], lines: Sequence[str], failure: Failure
) -> tuple[KnownRule, Found] | None:
    """The first of these rules that is about the failure and is found in the lines, and where."""
    about = fitting(rules, failure)
    own = [known for known in about if not known.name]
    ours = [known for known in about if known.name]
    hit = None
    if any(known.rule.match for known in own):
        hit = _carefully(farm, [known.rule.match for known in own], lines)
    elif own:
        hit = rule_scan.first([known.rule.match for known in own], lines)
    if hit is not None:
        return own[hit[0]], Found(*hit)
    hit = rule_scan.first([known.rule.match for known in ours], lines)
    return None if hit is None else (ours[hit[0]], Found(*hit))


def _carefully(farm: Farm, patterns: Sequence[str], lines: Sequence[str]) -> rule_scan.Hit | None:
    try:
        return farm.rule_matching.first(patterns, lines)
    except TooSlow as error:
        log.error(
            "a failure rule takes too long, and does not count until the manager is started anew; make it simpler",
            match=error.pattern,
        )
        return None
    except OSError as error:  # the failure is one all the same
        log.error("failure rules could not be looked for, and do not count this time", reason=str(error))
        return None
