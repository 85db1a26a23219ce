"""What follows from failures of a job's tasks, as its job type said when it was submitted."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec
from sqlalchemy import bindparam, insert, select

from flamenco.domain.failure_rules import FailureRule
from flamenco.store.engine import Tx
from flamenco.store.ready import Ready
from flamenco.store.schema import job_rules

_encode = msgspec.json.Encoder().encode
_decode = lru_cache(maxsize=256)(msgspec.json.Decoder(tuple[FailureRule, ...]).decode)

_INSERT: Final = insert(job_rules)
_OF_JOB: Final = Ready(select(job_rules.c.rules).where(job_rules.c.job_key == bindparam("of_job")))


def of_job(tx: Tx, job_key: int) -> tuple[FailureRule, ...]:
    """The rules of a job, which most have not."""
    found = _OF_JOB.scalar(tx, of_job=job_key)
    return () if found is None else _decode(found)


def save(tx: Tx, job_key: int, rules: tuple[FailureRule, ...]) -> None:
    """Keep those of a new job."""
    if rules:
        tx.execute(_INSERT, {"job_key": job_key, "rules": _encode(rules).decode()})
