"""`flamenco worker`: runs the worker agent on this machine."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from flamenco import builtin
from flamenco.cli.findings import print_findings
from flamenco.cli.logging_setup import set_up_logging
from flamenco.config import private
from flamenco.config.paths import flamenco_home
from flamenco.domain.errors import ConfigError, Failed
from flamenco.hooks.setting import Setting
from flamenco.hooks.types import CommandType
from flamenco.worker import bootstrap, run_as, signals, worker_settings
from flamenco.worker.agent import EXIT_SIGNAL
from flamenco.worker.self_test import by_hand
from flamenco.worker.worker_settings import WorkerSettings

FIND_LIMIT_S = 60.0
"""How long --find-manager searches."""

EXIT_UNFIT = 1

_PLACEHOLDERS = {
    "manager_url": "URL",
    "worker_name": "NAME",
    "task_types": "TYPE,TYPE…",
    "plugins": "NAME,NAME…",
    "plugins_dir": "DIR",
    "ca_file": "FILE",
    "run_as": "USER",
}

_HELP = """\
Run tasks for a manager until stopped with Ctrl-C.

\b
Example, for a manager on a machine called farm:
  flamenco worker --manager http://farm:8080

Without a manager, neither there nor in the settings, the worker asks everybody on its networks for one (by SSDP, UDP
port 1900) until a manager answers that it can reach. Managers that only listen on 127.0.0.1, as they do unless told
otherwise, are found on the same machine alone.

Settings come from flamenco-worker.yaml in the current directory, then from the environment
(FLAMENCO_WORKER_NAME, FLAMENCO_WORKER_MANAGER_URL, …), then from the command line. A second worker on the same
machine needs a folder and a name of its own: --data-dir and --name.

Exit codes: 0 sent home by the manager; 1 stopped by a signal, or not everything was delivered with --flush, or not all
is as it should be with --self-test; 2 wrong
command line or configuration, or another worker has signed on with a copy of this one's folder, so do not have it
started again (systemd: RestartPreventExitStatus=2); 254 did not stop in time; after a request to restart what
--restart-exit-code says.
"""


def _options(function: Callable[..., None]) -> Callable[..., None]:
    """An option for every setting, made from its declaration."""
    for setting in reversed(worker_settings.settings_list()):
        function = click.option(
            worker_settings.option_name(setting.key),
            setting.key,
            metavar=_PLACEHOLDERS.get(setting.key, _placeholder(setting)),
            help=setting.help + _default(setting),
        )(function)
    return function


def _placeholder(setting: Setting) -> str:
    return "NUMBER" if isinstance(setting.default, int | None) else "DURATION"


def _default(setting: Setting) -> str:
    if setting.default in (None, ""):
        return ""
    shown = ",".join(setting.default) if isinstance(setting.default, tuple) else str(setting.default)
    return f"  [default: {shown}]"


@click.command(name="worker", help=_HELP)
@click.option("--config", "config_file", type=click.Path(path_type=Path), metavar="FILE", help="Settings to read.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where credentials and unsent updates are kept; else $FLAMENCO_HOME, else this user's folder for data.",
)
@_options
@click.option("--flush", is_flag=True, help="Deliver the updates that were kept while the manager was away, and end.")
@click.option("--find-manager", is_flag=True, help="Print the URL of a manager on the network, and end.")
@click.option("--self-test", "only_tests", is_flag=True, help="Test whether tasks can run here, print it, and end.")
@click.option("--debug", is_flag=True, help="Log more.")
@click.option("--quiet", is_flag=True, help="Log only what is wrong.")
def worker(
    config_file: Path | None,
    data_dir: Path | None,
    *,
    flush: bool,
    find_manager: bool,
    only_tests: bool,
    debug: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Start the worker; the process ends with its exit code."""
    set_up_logging("debug" if debug else "warning" if quiet else "info")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it has a line for every request
    if find_manager:
        _print_manager()
        return
    given = {key: value for key, value in options.items() if value is not None}
    chosen = worker_settings.load(config_file, given, os.environ)
    home = data_dir or flamenco_home()
    plugins_dir = Path(chosen.plugins_dir).expanduser() if chosen.plugins_dir else home / "plugins"
    chosen = replace(chosen, plugins_dir=str(plugins_dir.absolute()))
    _keep_secrets(chosen, config_file or Path(worker_settings.CONFIG_FILE_NAME), given.get("manager_url", ""))
    hooks = builtin.worker_hooks(chosen.plugins, Path(chosen.plugins_dir))
    bootstrap.warn_of_task_types(chosen.task_types, hooks.command_types())
    bootstrap.report_tools()
    if not chosen.manager_url:
        url = bootstrap.find_manager()
        if url is None:
            sys.exit(EXIT_SIGNAL)
        chosen = replace(chosen, manager_url=url)
    if only_tests:
        sys.exit(_test(chosen, home, hooks.command_types()))
    with bootstrap.assembled(chosen, home, hooks.command_types()) as agent:
        code = signals.run(agent, agent.flush if flush else agent.run)
    sys.exit(code)


def _test(settings: WorkerSettings, home: Path, commands: Mapping[str, CommandType]) -> int:
    """Test this machine, and print what was found; gives the exit code, 1 where something is wrong."""
    report = by_hand.test_by_hand(settings, home, commands)
    print_findings(report.findings)
    return 0 if report.passed else EXIT_UNFIT


def _keep_secrets(settings: WorkerSettings, file: Path, url_of_command_line: str) -> None:
    """Raise `ConfigError` where tasks that run as another user could read a secret; no task finds one in what it gets.

    Nor where they could change what the worker is about to load: settings, which may name other plugins, and those.
    """
    for name in os.environ.keys() - run_as.without_our_secrets(os.environ).keys():
        del os.environ[name]
    if not settings.run_as:
        return
    if run_as.has_secret(url_of_command_line):
        raise ConfigError(
            "Everybody on this machine can read the key in the manager's URL on the command line; write it as "
            f"manager_url to {file}, or into the environment as FLAMENCO_WORKER_MANAGER_URL."
        )
    run_as.check_out_of_reach(run_as.task_user(settings.run_as), [file, Path(settings.plugins_dir)])
    if file.exists() and run_as.has_secret(settings.manager_url):
        private.check(file, "The settings")


def _print_manager() -> None:
    url = bootstrap.find_manager(FIND_LIMIT_S)
    if url is None:
        raise Failed(
            "No manager was found; start one that other machines can reach with `flamenco manager --listen :8080`."
        )
    click.echo(url)
