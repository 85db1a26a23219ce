"""Self-tests of workers, on the wire of our own additions; what is seen is in `domain.self_tests.facts`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from flamenco.domain.findings import Grade
from flamenco.domain.self_tests.facts import Why
from flamenco.protocol.fields import Uuid


class BeginSelfTest(Struct, frozen=True, kw_only=True):
    """A worker is about to test itself."""

    why: Why


class AskSelfTest(Struct, frozen=True, kw_only=True):
    """A person wants a worker to test itself."""

    lazy: Annotated[bool, Meta(description="After its present task, or at once.")] = True


class SelfTestFinding(Struct, frozen=True, kw_only=True):
    """Something that was looked at. A note keeps nothing away."""

    subject: Annotated[str, Meta(description="`shared storage`, a variable such as `{projects}`, `blender`, `clock` …")]
    grade: Grade
    text: str
    help: Annotated[str, Meta(description="What helps, where it is not as it should be.")]


class KeptAway(Struct, frozen=True, kw_only=True):
    """A command that the worker is given no tasks with, and why."""

    command: Annotated[str, Meta(description="Its name; `*` for all.")]
    reason: str


class SelfTestReport(Struct, frozen=True, kw_only=True):
    """A self-test that is over."""

    why: Why
    tested: datetime
    passed: bool
    findings: list[SelfTestFinding]
    kept_away: list[KeptAway]


class SelfTest(Struct, frozen=True, kw_only=True):
    """What is known of a worker."""

    worker_id: Uuid
    name: str
    can_test_itself: Annotated[bool, Meta(description="Workers of today's Flamenco cannot.")]
    is_asked: Annotated[bool, Meta(description="It is asked to, or at it.")]
    last: SelfTestReport | UnsetType = UNSET
