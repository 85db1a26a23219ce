"""What workers try out by themselves, and from when on something is wrong with one."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from flamenco.domain.durations import Duration

SelfTestCheck = Literal["storage", "programs", "clock"]

CHECKS: tuple[SelfTestCheck, ...] = ("storage", "programs", "clock")


class SelfTestConfig(Struct, frozen=True, kw_only=True):
    """What workers try out by themselves, and from when on something is wrong with one."""

    at_sign_on: Annotated[
        bool,
        Meta(description="Whether workers test themselves whenever they sign on. They do when somebody asks, anyhow."),
    ] = True
    checks: Annotated[
        tuple[SelfTestCheck, ...],
        Meta(
            description="What is tried out: storage (the shared one and every two-way variable), programs (Blender, "
            "FFmpeg and those of plugins), clock."
        ),
    ] = CHECKS
    least_free_mb: Annotated[
        int,
        Meta(ge=0, le=1_000_000_000, description="A worker whose shared storage has less MB left is given no tasks."),
    ] = 500
    most_clock_offset: Annotated[
        Duration, Meta(description="Clocks that differ by more are told of; 0s never tells of any.")
    ] = Duration(10)
    timeout: Annotated[
        Duration,
        Meta(description="How long each step of a self-test may take before it counts as one that never ends."),
    ] = Duration(10)
