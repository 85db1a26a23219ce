"""The command line: `flamenco COMMAND`. One module per command, loaded when the command is used.

`flamenco --help` imports none of them, so it is quick, and a library that is missing takes
away the commands that need it and no others.

Exit codes: 0 when it worked; 1 when the farm could not do it; 2 for a wrong command line or
configuration; 130 when it was interrupted.
"""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import Any, Final, NamedTuple, NoReturn

import click

from flamenco import __version__
from flamenco.domain.errors import ConfigError, FarmError

EXIT_FAILED: Final = 1
EXIT_CONFIG: Final = 2
EXIT_INTERRUPTED: Final = 130
"""What a shell says of a program that Ctrl-C ended: 128 and the number of the signal."""


class Lazy(NamedTuple):
    """A command that is not loaded yet: `module:attribute` of the click command, and one line of help."""

    target: str
    help: str

    @property
    def module(self) -> str:
        """The module to import for it."""
        return self.target.partition(":")[0]


COMMANDS: Final = {
    "demo": Lazy("flamenco.cli.demo:demo", "Show a whole farm at work on this machine."),
    "manager": Lazy("flamenco.cli.manager:manager", "Run the manager, which hands out tasks."),
    "worker": Lazy("flamenco.cli.worker:worker", "Run a worker, which renders on this machine."),
    "submit": Lazy("flamenco.cli.submit:submit", "Submit a job."),
    "jobs": Lazy("flamenco.cli.jobs:jobs", "List the jobs."),
    "job": Lazy("flamenco.cli.jobs:job", "Show one job."),
    "cancel": Lazy("flamenco.cli.jobs:cancel", "Cancel a job."),
    "pause": Lazy("flamenco.cli.jobs:pause", "Pause a job."),
    "requeue": Lazy("flamenco.cli.jobs:requeue", "Run a job again."),
    "workers": Lazy("flamenco.cli.workers:workers", "List the workers."),
    "jobtypes": Lazy("flamenco.cli.jobtypes:jobtypes", "List, check, try out and test job types."),
    "config": Lazy("flamenco.cli.config:config", "Show the settings and where they come from."),
    "db": Lazy("flamenco.cli.db:db", "Upgrade, check and back up the database."),
    "openapi": Lazy("flamenco.cli.openapi:openapi", "Print what the HTTP API looks like."),
}
"""Every command by name, in the order `--help` lists them: the farm first, then what one does with it."""


class LazyGroup(click.Group):
    """A group whose commands are imported on use, and whose errors are one sentence and an exit code."""

    def __init__(self, *args: Any, lazy: dict[str, Lazy], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of the table, without loading any."""
        return [*(name for name, lazy in self.lazy.items() if find_spec(lazy.module)), *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command. Raises `FarmError` naming what has to be installed when a library is missing."""
        if (lazy := self.lazy.get(cmd_name)) is None or find_spec(lazy.module) is None:
            return super().get_command(ctx, cmd_name)
        try:
            module = importlib.import_module(lazy.module)
        except ModuleNotFoundError as error:
            # One of our own modules that is missing is a mistake of ours, and its traceback is wanted.
            if (error.name or "").partition(".")[0] == "flamenco":
                raise
            raise FarmError(
                f"`flamenco {cmd_name}` needs the Python package {error.name}; please install it."
            ) from error
        command: click.Command = getattr(module, lazy.target.partition(":")[2])
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with the help from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._short_help(ctx, name)) for name in self.list_commands(ctx)])

    def _short_help(self, ctx: click.Context, name: str) -> str:
        if lazy := self.lazy.get(name):
            return lazy.help
        command = self.get_command(ctx, name)
        return command.get_short_help_str() if command else ""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what goes wrong in it ends as a sentence on stderr and an exit code."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            _end(ctx, error, EXIT_CONFIG)
        except FarmError as error:
            _end(ctx, error, EXIT_FAILED)
        except (KeyboardInterrupt, click.Abort):
            _end(ctx, "interrupted.", EXIT_INTERRUPTED)


def _end(ctx: click.Context, why: FarmError | str, code: int) -> NoReturn:
    click.echo(f"flamenco: {why}", err=True)
    ctx.exit(code)


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="flamenco", message="%(prog)s %(version)s")
def main() -> None:
    """Render farm: a manager hands out tasks, workers run them.

    \b
    flamenco demo                        watch a whole farm on this machine
    flamenco manager                     start a manager
    flamenco worker --manager URL        start a worker on any machine
    flamenco COMMAND --help              say more, with an example
    """
