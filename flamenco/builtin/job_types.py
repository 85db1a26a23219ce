"""The shipped job types: the lowest of all folders, so that plugins' and studios' scripts take the place of ours."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from flamenco import bundled
from flamenco.hooks.specs import hookimpl


@hookimpl
def job_type_folders() -> Iterable[Path]:
    """The folder `jobtypes/` that travels with the program."""
    return [bundled.job_types()]
