"""Every hook a plugin may implement. Implementations are marked with `flamenco.hookimpl`.

A hook is only here when at least two plugins use it, the core's own (`flamenco.builtin`) counted. An implementation
takes those of the arguments that it needs, by name. `docs/plugins.md` has an example of each, and says what it means
to be asked first or last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

from flamenco.domain.failure_rules import FailureRule
from flamenco.domain.model import AuthoredJob, JobType, JobTypeSetting, Submission
from flamenco.hooks.authentication import Authenticator
from flamenco.hooks.routes import Route
from flamenco.hooks.setting import Setting
from flamenco.hooks.types import CommandType, EventSink, ManagerConfig, SchedulingPolicy
from flamenco.hooks.web_pages import WebPage

if TYPE_CHECKING:
    import click

PROJECT = "flamenco"
"""Name of the pluggy project and of the entry-point group."""

HOOKS_VERSION = (1, 6)
"""Version of the hooks: the first number changes when plugins may have to, the second with every addition.

A plugin that needs a certain one says so: `requires_hooks = (1, 0)` in its module.
"""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def settings() -> Iterable[Setting]:
    """Settings of the plugin, which it finds at `config.plugins.<plugin>.<key>`.

    Called when the configuration is read: once in the manager's main process, and by commands that read it.
    """
    return ()


@hookspec
def command_types() -> Iterable[CommandType]:
    """Commands that workers can run.

    Called once at the start of every worker, to run them, and of every manager process, to check them at submission.
    """
    return ()


@hookspec
def job_type_folders() -> Iterable[Path]:
    """Folders with job types, `*.js`, whose scripts a studio's own of the same name replace.

    Called once at the start of every manager process; the scripts are read when they are needed.
    """
    return ()


@hookspec
def job_settings(job_type: JobType, config: ManagerConfig) -> Iterable[JobTypeSetting]:
    """Extra settings of a job type, shown after its own and stored with its jobs. Its own win over one of the same key.

    Called in every manager process, once for each version of each job type.
    """
    return ()


@hookspec
def scheduling_policies(config: ManagerConfig) -> Iterable[SchedulingPolicy]:
    """Policies that have a say in which job comes first.

    Called once at the start of every manager process. All of them are in use, each with its own weight, unless the
    setting `policies` names those that are.
    """
    return ()


@hookspec
def failure_rules(config: ManagerConfig) -> Iterable[FailureRule]:
    """What follows from what a failed task logged; asked after the rules of its job type and of the configuration.

    Called once at the start of every manager process. The patterns are looked for in a process of their own, which is
    ended when it takes too long.
    """
    return ()


@hookspec
def event_sinks(config: ManagerConfig) -> Iterable[EventSink]:
    """Where events go.

    Called once at the start of every manager process; each sink is served by one of them at a time. Commands that look
    for broken plugins ask as well, and deliver nothing.
    """
    return ()


@hookspec
def job_submitting(submission: Submission, config: ManagerConfig) -> Submission | None:
    """Look at a job before it is compiled: raise `Refused` with a reason, give a changed one, or None to leave it.

    Called in the manager process that takes the job in, for every submission and check of one, in the request. Each
    plugin is given what those before it made of the submission.
    """


@hookspec
def job_compiled(
    job: AuthoredJob, command_types: Mapping[str, CommandType], config: ManagerConfig
) -> AuthoredJob | None:
    """Look at a compiled job before it is stored: raise `Refused` with a reason, give a changed one, or None.

    Called as `job_submitting`, after the job type's script has run. `command_types` are all that are known here.
    """


@hookspec
def cli_commands() -> Iterable[click.Command]:
    """Commands for the command line, which become `flamenco <name>`.

    Called when a command is used that is not the core's own, and to list all of them in `flamenco --help`.
    """
    return ()


@hookspec
def authenticators(config: ManagerConfig) -> Iterable[Authenticator]:
    """Ways to tell who somebody is.

    Called once at the start of every manager process; those that tell by a request are asked in any of its threads.
    """
    return ()


@hookspec
def api_routes(config: ManagerConfig) -> Iterable[Route]:
    """Resources below `/api/x/<plugin>/`.

    Called once at the start of every manager process, which then answers requests for them in any of its threads.
    """
    return ()


@hookspec
def web_pages(config: ManagerConfig) -> Iterable[WebPage]:
    """Pages in the web page, at `/plugins/<plugin>/`.

    Called once at the start of every manager process. Browsers ask for a page's module when somebody opens the page.
    """
    return ()
