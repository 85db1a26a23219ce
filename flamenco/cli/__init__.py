"""The command line: `flamenco COMMAND`. One module per command, loaded when the command is used.

`flamenco --help` imports none of them, so it is quick, and a library that is missing takes
away the commands that need it and no others. Plugins have commands too; which plugins are enabled
takes the configuration to know, so that is read for a command that is not the core's own, and for
the help only where something says that there may be plugins.

Exit codes: 0 when it worked; 1 when the farm could not do it; 2 for a wrong command line or configuration, and for
what it leads to that cannot be used: a database, a file, a library; 130 when it was interrupted.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple, NoReturn

import click

from flamenco import __version__
from flamenco.collector import collector_paused
from flamenco.domain.errors import ConfigError, FarmError, StoreError
from flamenco.domain.visible import visible_lines

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
    "simulate": Lazy("flamenco.cli.simulate:simulate", "Try how many workers and tasks a manager bears."),
    "manager": Lazy("flamenco.cli.manager:manager", "Run the manager, which hands out tasks."),
    "worker": Lazy("flamenco.cli.worker:worker", "Run a worker, which renders on this machine."),
    "submit": Lazy("flamenco.cli.submit:submit", "Submit a job."),
    "jobs": Lazy("flamenco.cli.jobs:jobs", "List the jobs."),
    "job": Lazy("flamenco.cli.jobs:job", "Show one job."),
    "tasks": Lazy("flamenco.cli.tasks:tasks", "List the tasks of a job."),
    "attempts": Lazy("flamenco.cli.attempts:attempts", "List who ran the tasks of a job, when, and how that ended."),
    "search": Lazy("flamenco.cli.search:search", "Find jobs, workers, tags, users and projects by name."),
    "log": Lazy("flamenco.cli.log:log", "Print the log of a task, and follow it."),
    "explain": Lazy("flamenco.cli.explain:explain", "Say why a job is not running."),
    "history": Lazy("flamenco.cli.history:history", "Show how busy the farm was, and what it has done."),
    "depend": Lazy("flamenco.cli.depend:depend", "See and change which jobs a job waits for."),
    "cancel": Lazy("flamenco.cli.steering:cancel", "Cancel jobs or tasks."),
    "pause": Lazy("flamenco.cli.steering:pause", "Pause jobs."),
    "resume": Lazy("flamenco.cli.steering:resume", "Go on with paused jobs."),
    "requeue": Lazy("flamenco.cli.steering:requeue", "Run jobs or tasks again."),
    "frames": Lazy("flamenco.cli.frames:frames", "Render frames of a job again."),
    "skip": Lazy("flamenco.cli.skip:skip", "Have tasks count as done."),
    "priority": Lazy("flamenco.cli.steering:priority", "Let jobs come sooner, or later."),
    "start-after": Lazy("flamenco.cli.start_after:start_after", "Say when jobs start at the earliest."),
    "order": Lazy("flamenco.cli.previews:order", "Have frames of jobs come in another order."),
    "approve": Lazy("flamenco.cli.previews:approve", "Have jobs go on that wait for somebody to look at a preview."),
    "time-limits": Lazy("flamenco.cli.time_limits:time_limits", "Say how long tasks of jobs may take."),
    "max-workers": Lazy("flamenco.cli.max_workers:max_workers", "Say how many workers jobs may have at once."),
    "job-workers": Lazy("flamenco.cli.job_workers:job_workers", "Say which workers jobs are for."),
    "block": Lazy("flamenco.cli.job_workers:block", "Give workers no more tasks of jobs."),
    "unblock": Lazy("flamenco.cli.job_workers:unblock", "Give workers tasks of jobs again."),
    "note": Lazy("flamenco.cli.notes:note", "Leave a note on jobs."),
    "retries": Lazy("flamenco.cli.retries:retries", "Say how much may fail in jobs before they do."),
    "rules": Lazy("flamenco.cli.rules:rules", "List what follows from failures, and try it on a log."),
    "delete": Lazy("flamenco.cli.steering:delete", "Delete jobs."),
    "undelete": Lazy("flamenco.cli.trash:undelete", "Have jobs back that were deleted."),
    "trash": Lazy("flamenco.cli.trash:trash", "List the deleted jobs that can be had back."),
    "archive": Lazy("flamenco.cli.archives:archive", "Put jobs that have ended into files, out of the way."),
    "archives": Lazy("flamenco.cli.archives:archives", "List the archives of jobs."),
    "unarchive": Lazy("flamenco.cli.archives:unarchive", "Have jobs back from their archives."),
    "retention": Lazy("flamenco.cli.retention:retention", "Say what becomes of jobs that ended long ago."),
    "workers": Lazy("flamenco.cli.workers:workers", "List the workers, steer and forget them."),
    "self-test": Lazy("flamenco.cli.self_test:self_test", "Have workers test whether tasks can run there."),
    "login": Lazy("flamenco.cli.login:login", "Sign in at a manager, for all commands."),
    "logout": Lazy("flamenco.cli.login:logout", "Sign out at a manager."),
    "connect": Lazy("flamenco.cli.login:connect", "Print the manager's address for Blender, with a key in it."),
    "users": Lazy("flamenco.cli.users:users", "Say who can sign in, and what they may do."),
    "tokens": Lazy("flamenco.cli.tokens:tokens", "Make and revoke tokens for programs."),
    "audit": Lazy("flamenco.cli.audit:audit", "Show who changed what."),
    "tags": Lazy("flamenco.cli.tags:tags", "Say which workers get which jobs."),
    "limits": Lazy("flamenco.cli.limits:limits", "Show and set how many tasks run at once: of a user, on a machine."),
    "jobtypes": Lazy("flamenco.cli.jobtypes:jobtypes", "List, check, try out and test job types."),
    "commands": Lazy("flamenco.cli.commands:commands", "Show the commands that tasks are made of."),
    "plugins": Lazy("flamenco.cli.plugins:plugins", "List plugins, show what they are, begin one."),
    "sinks": Lazy("flamenco.cli.sinks:sinks", "Watch event sinks, and see to events that were given up."),
    "setup": Lazy("flamenco.cli.setup:setup", "Set a farm up: where its files go, and what renders."),
    "config": Lazy("flamenco.cli.config:config", "Show and change the settings, where they come from, what they mean."),
    "service": Lazy("flamenco.cli.service:service", "Have this machine keep a manager or a worker running."),
    "doctor": Lazy("flamenco.cli.doctor:doctor", "Say what is wrong here, what is open, and what helps."),
    "db": Lazy("flamenco.cli.db:db", "Upgrade, check and back up the database."),
    "backup": Lazy("flamenco.cli.backup:backup", "Copy all that a manager has into a file."),
    "restore": Lazy("flamenco.cli.backup:restore", "Bring back what is in such a file."),
    "migrate": Lazy("flamenco.cli.migrate:migrate", "Bring the farm of a Flamenco 3 manager over."),
    "shaman": Lazy("flamenco.cli.shaman:shaman", "Look after the stored files of jobs."),
    "completion": Lazy("flamenco.cli.completion:completion", "Have a shell complete what one types."),
    "openapi": Lazy("flamenco.cli.openapi:openapi", "Print what the HTTP API looks like."),
}
"""Every command by name, in the order `--help` lists them: the farm first, then what one does with it."""


_PLUGINS: Final = "flamenco.cli.plugins"
"""Under this key the commands of plugins are kept while one command line is worked on."""
_SAY_PLUGINS: Final = ("FLAMENCO_PLUGINS", "FLAMENCO_PLUGINS_DIR", "FLAMENCO_CONFIG", "FLAMENCO_DATA_DIR")
"""Variables of the environment that mean that there may be plugins with commands."""
_SHORT_HELP_LENGTH: Final = 100
_CONFIG_FILE: Final = "flamenco-manager.yaml"  # as in `config.paths`, which takes long to import


def may_have_plugins(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether anything that is quick to see says that there are plugins."""
    return (
        any(environ.get(name) for name in _SAY_PLUGINS)
        or Path(_CONFIG_FILE).is_file()
        or bool(entry_points(group="flamenco"))
    )


def plugin_commands() -> Mapping[str, click.Command]:
    """The commands of the plugins that are enabled here; of a broken one, a line with why not. Raises `FarmError`."""
    hooks = _imported("flamenco.cli.configuration", "The manager").configure(without_broken=True).hooks
    for plugin in hooks.plugins():
        if plugin.problem:
            click.echo(f"flamenco: the commands of a plugin are missing here: {plugin.problem}", err=True)
    found: dict[str, click.Command] = hooks.cli_commands()
    return found


class LazyGroup(click.Group):
    """A group whose commands are imported on use, and whose errors are one sentence and an exit code.

    `more` gives commands beside those, which are only asked for when needed; a name that is taken stays what it is.
    """

    def __init__(
        self,
        *args: Any,
        lazy: dict[str, Lazy],
        more: Callable[[], Mapping[str, click.Command]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy
        self.more = more

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of the table, without loading any, then those of plugins."""
        own = [*(name for name, lazy in self.lazy.items() if find_spec(lazy.module)), *super().list_commands(ctx)]
        more = self._more(ctx) if may_have_plugins() else {}
        return [*own, *(name for name in more if name not in own)]

    def _more(self, ctx: click.Context) -> Mapping[str, click.Command]:
        """The commands of plugins; none, and a line that says why, when the configuration or a plugin is broken."""
        if self.more is not None and _PLUGINS not in ctx.meta:
            ctx.meta[_PLUGINS] = {}
            try:
                ctx.meta[_PLUGINS] = self.more()
            except FarmError as error:
                click.echo(f"flamenco: the commands of plugins are missing here: {error}", err=True)
        found: Mapping[str, click.Command] = ctx.meta.get(_PLUGINS, {})
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command to run. Raises `UsageError`, naming one that may be meant, when there is none."""
        name = args[0]
        if not name.startswith("-") and not ctx.resilient_parsing and self.get_command(ctx, name) is None:
            # click would say the same, but compares with the commands that are loaded, which here are none.
            near = get_close_matches(name, {*self.list_commands(ctx), *self._more(ctx)}, n=1)
            ctx.fail(f"No such command {name!r}.{f' Did you mean {near[0]!r}?' if near else ''}")
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command. Raises `ConfigError` naming what has to be installed when a library is missing."""
        command: click.Command | None
        if (lazy := self.lazy.get(cmd_name)) is None or find_spec(lazy.module) is None:
            command = super().get_command(ctx, cmd_name) or self._more(ctx).get(cmd_name)
        else:
            command = getattr(_imported(lazy.module, f"`flamenco {cmd_name}`"), lazy.target.partition(":")[2])
        return _offering(command) if command and ctx.resilient_parsing else command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with the help from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._short_help(ctx, name)) for name in self.list_commands(ctx)])

    def _short_help(self, ctx: click.Context, name: str) -> str:
        if lazy := self.lazy.get(name):
            return lazy.help
        command = self.get_command(ctx, name)
        return command.get_short_help_str(_SHORT_HELP_LENGTH) if command else ""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what goes wrong in it ends as a sentence on stderr and an exit code."""
        try:
            return super().invoke(ctx)
        except (ConfigError, StoreError) as error:
            _end(ctx, error, EXIT_CONFIG)
        except FarmError as error:
            _end(ctx, error, EXIT_FAILED)
        except OSError as error:
            if not error.filename:  # of a pipe whose reader went away, which click knows about
                raise
            _end(ctx, f"{error.filename} cannot be used: {error.strerror}.", EXIT_CONFIG)
        except (KeyboardInterrupt, click.Abort):
            _end(ctx, "interrupted.", EXIT_INTERRUPTED)


def _offering(command: click.Command) -> click.Command:
    """A command that somebody is about to type, with all that is below it: what it takes is completed."""
    offer: Callable[[click.Command], click.Command] = _imported("flamenco.cli.completing", "Completion").offer
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        offer(inner)
    return offer(command)


def _imported(module: str, user: str) -> ModuleType:
    """Import a module of ours. Raises `ConfigError` naming the library that is missing, and who needs it."""
    try:
        # What is imported stays: looking for garbage among it takes an eighth of the time.
        with collector_paused():
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        # One of our own modules that is missing is a mistake of ours, and its traceback is wanted.
        if (error.name or "").partition(".")[0] == "flamenco":
            raise
        raise ConfigError(f"{user} needs the Python package {error.name}; please install it.") from error


def _end(ctx: click.Context, why: FarmError | str, code: int) -> NoReturn:
    click.echo(f"flamenco: {visible_lines(str(why))}", err=True)
    ctx.exit(code)


@click.group(
    cls=LazyGroup, lazy=COMMANDS, more=plugin_commands, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="flamenco", message="%(prog)s %(version)s")
def main() -> None:
    """Render farm: a manager hands out tasks, workers run them.

    \b
    flamenco demo                        watch a whole farm on this machine
    flamenco manager                     start a manager
    flamenco worker --manager URL        start a worker on any machine
    flamenco COMMAND --help              say more, with an example
    """
