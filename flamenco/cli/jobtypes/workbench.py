"""The compiler as these commands use it: the folders and limits that a manager with the same settings would have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from flamenco.authoring.bench import Bench
from flamenco.cli.configured import configured
from flamenco.cli.logging_setup import set_up_logging
from flamenco.compiler.authored import check_for_tasks
from flamenco.compiler.catalog import SUFFIX
from flamenco.compiler.script_limits import script_limits_of
from flamenco.config import Config
from flamenco.domain import commands
from flamenco.domain.errors import Refused
from flamenco.domain.model import AuthoredJob
from flamenco.hooks.manager import Hooks


class Workbench(NamedTuple):
    """A bench, and the plugins that the manager would ask."""

    bench: Bench
    config: Config
    hooks: Hooks

    def check(self, job: AuthoredJob) -> list[str]:
        """What is suspicious about a job's commands. Raises `Refused` for a job that no worker could run."""
        known = self.hooks.command_types()
        job = self.hooks.job_compiled(job, known, self.config)
        check_for_tasks(job)
        return commands.warnings(commands.unknown_commands(job.tasks, known), known)

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
    set_up_logging("error")  # what there is to say of a job type is printed by the command
    loaded = configured(config_file, data_dir)
    config, hooks = loaded.config, loaded.hooks
    bench = Bench(
        [config.job_types_path, *hooks.job_type_folders()],
        script_limits_of(config),
        lambda job_type: hooks.job_settings(job_type, config),
    )
    try:
        yield Workbench(bench, config, hooks)
    finally:
        bench.close()
