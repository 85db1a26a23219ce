"""The compiler as these commands use it: the folders and limits that a manager with the same settings would have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from flamenco import builtin
from flamenco.compiler.bench import Bench
from flamenco.compiler.catalog import SUFFIX
from flamenco.compiler.limits import limits_of
from flamenco.config import load
from flamenco.domain.errors import Refused
from flamenco.domain.model import AuthoredJob
from flamenco.farm.commands import check_commands
from flamenco.hooks.types import CommandType


class Workbench(NamedTuple):
    """A bench, and the commands that the manager knows."""

    bench: Bench
    command_types: Mapping[str, CommandType]

    def check(self, job: AuthoredJob) -> list[str]:
        """What is suspicious about a job's commands. Raises `Refused` for one that no worker could run."""
        return check_commands(job, self.command_types)

    def script(self, file_or_name: str) -> Path:
        """The script that somebody means: a file, or the one of a job type. Raises `Refused` or `NotFound`."""
        path = Path(file_or_name)
        if path.is_file():
            return path
        if file_or_name.endswith(SUFFIX) or len(path.parts) > 1:
            raise Refused(f"there is no file {file_or_name}")
        return self.bench.script(file_or_name)


@contextmanager
def workbench(config_file: Path | None, data_dir: Path | None) -> Iterator[Workbench]:
    """A workbench with the settings that a manager would read. Raises `ConfigError`."""
    config = load(config_file, data_dir).config
    hooks = builtin.create_hooks()
    bench = Bench([config.job_types_path, *hooks.job_type_folders()], limits_of(config))
    try:
        yield Workbench(bench, hooks.command_types())
    finally:
        bench.close()
