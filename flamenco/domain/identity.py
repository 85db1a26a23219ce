"""Two programs with the identity of one worker, as when its data folder was copied. Pure: moments are arguments.

Every sign-on has a number. Workers of ours send it with all they ask, so that of two the one that signed on earlier
can be told that it is not that worker any more. Others do not know it, and are trusted.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final

from flamenco.domain.model import Worker

SIGN_ON_HEADER: Final = "X-Flamenco-Sign-On"
"""What the number of a sign-on is called, in the answer to it and in the requests that follow."""

PREDECESSOR: Final = timedelta(seconds=15)
"""How long a task stays with whoever had it before the worker signed on anew. A program that still runs it asks every
ten seconds whether it may, is refused, and stops it; then it can be begun anew and never runs twice at a time."""

WARNED: Final = timedelta(minutes=10)
"""How long a warning stays, unless there is reason for it again."""


def is_with_predecessor(worker: Worker, touched: datetime | None, now: datetime) -> bool:
    """Whether a task of the worker, last heard of at `touched`, may still run where it signed on before.

    A worker that does not tell its commands is none of ours: nothing would be refused to its predecessor.
    """
    if worker.commands is None or worker.signed_on is None or touched is None or touched >= worker.signed_on:
        return False
    # A clock that was put back makes nobody wait.
    return timedelta() <= now - touched < PREDECESSOR


def warning_of(worker: Worker, now: datetime) -> str:
    """What people should know about the worker; empty for nothing, or nothing new."""
    is_new = worker.warned is not None and now - worker.warned < WARNED
    return worker.warning if is_new or not worker.approved else ""


def approval_code(secret_hash: str) -> str:
    """Six digits by which a person sees that it is the worker in front of them which they approve.

    Made of the hash of its secret, so that both know it and nobody has to send it.
    """
    number = int(hashlib.sha256(f"approval {secret_hash}".encode()).hexdigest(), 16) % 1_000_000
    return f"{number:06}"
