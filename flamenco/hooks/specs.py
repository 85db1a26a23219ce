"""Every hook a plugin may implement. Implementations are marked with `flamenco.hookimpl`.

A hook is only here when at least two plugins use it, the core's own (`flamenco.builtin`) counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pluggy

from flamenco.hooks.types import CommandType, SchedulingPolicy

PROJECT = "flamenco"
"""Name of the pluggy project and of the entry-point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def command_types() -> Iterable[CommandType]:
    """Commands that workers can run.

    Called once at the start of every worker, to run them, and of every manager, to check them at submission.
    """
    return ()


@hookspec
def job_type_folders() -> Iterable[Path]:
    """Folders with job types, `*.js`, whose scripts a studio's own of the same name replace.

    Called once at the start of every manager process; the scripts are read when they are needed.
    """
    return ()


@hookspec
def scheduling_policies() -> Iterable[SchedulingPolicy]:
    """Policies that rank the open jobs. Called once at the start of every manager process."""
    return ()
