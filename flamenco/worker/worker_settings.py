"""Settings of a worker, each declared once: defaults < `flamenco-worker.yaml` < environment < command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from flamenco.config.content import read
from flamenco.config.declared import build, nearest_of, settings_of, to_plain
from flamenco.config.documentation import as_text
from flamenco.domain.durations import Duration
from flamenco.domain.errors import ConfigError
from flamenco.hooks.command_docs import type_in_words
from flamenco.hooks.setting import Setting

CONFIG_FILE_NAME: Final = "flamenco-worker.yaml"
ENVIRONMENT_PREFIX: Final = "FLAMENCO_WORKER_"
OF_THE_MANAGER: Final = frozenset({"FLAMENCO_WORKER_TIMEOUT"})
"""Begins like ours, but is the manager's `worker_timeout`; both may run in one environment."""

_SHORT_OPTIONS: Final = {"manager_url": "--manager", "worker_name": "--name"}

ExitCode = Annotated[int, Meta(ge=0, le=255, description="Exit code that makes whoever started this start it again.")]
OomScore = Annotated[int | None, Meta(description="Linux: oom_score_adj of the programs that tasks run, -1000..1000.")]


class WorkerSettings(Struct, frozen=True, kw_only=True):
    """The settings of a worker. Most of the first are those of Flamenco's own worker."""

    worker_name: Annotated[str, Meta(description="Name in the farm; empty for the name of this machine.")] = ""
    manager_url: Annotated[
        str,
        Meta(description="URL of the manager, such as http://farm:8080; without one the network is searched for it."),
    ] = ""
    ca_file: Annotated[
        str,
        Meta(
            description="Certificates, in PEM, of those who vouch for a manager at an https address; empty for those "
            "that this machine trusts."
        ),
    ] = ""
    task_types: Annotated[tuple[str, ...], Meta(description="Types of tasks to ask for.")] = (
        "blender",
        "ffmpeg",
        "file-management",
        "misc",
    )
    restart_exit_code: ExitCode = 0
    oom_score_adjust: OomScore = None

    run_as: Annotated[
        str,
        Meta(description="User that tasks run as, on Linux and macOS; the worker itself is started as root for that."),
    ] = ""
    plugins: Annotated[
        tuple[str, ...], Meta(description="Shipped plugins to use; -NAME leaves out an installed one.")
    ] = ()
    plugins_dir: Annotated[str, Meta(description="Folder of plugins; empty for plugins in the data directory.")] = ""

    poll_start: Annotated[Duration, Meta(description="Pause before the first request for a task.")] = Duration(3)
    poll_after_task: Annotated[Duration, Meta(description="Additional pause after a task.")] = Duration(2)
    poll_no_task: Annotated[Duration, Meta(description="Pause when there was nothing to do.")] = Duration(20)
    poll_error: Annotated[Duration, Meta(description="Pause when the manager could not be asked.")] = Duration(60)
    poll_asleep: Annotated[Duration, Meta(description="Pause between questions whether to wake up.")] = Duration(3)
    may_i_run: Annotated[Duration, Meta(description="Time between questions whether to go on with a task.")] = Duration(
        10
    )
    self_test_retry: Annotated[
        Duration, Meta(description="Pause before a self-test that let no task be run is tried again.")
    ] = Duration(60)
    sign_on_retry: Annotated[Duration, Meta(description="First pause between attempts to sign on.")] = Duration(5)
    update_retry: Annotated[Duration, Meta(description="Pause between attempts to deliver queued updates.")] = Duration(
        30
    )
    update_give_up: Annotated[
        Duration,
        Meta(description="An update over which the manager stumbles for so long is left out; 0s for never."),
    ] = Duration(300)
    update_queue_mb: Annotated[
        int, Meta(ge=1, description="Updates to keep while the manager is away, in MB; beyond it log text is left out.")
    ] = 64
    log_hold: Annotated[
        Duration,
        Meta(description="A program that prints more than the queue holds waits so long for a manager that is away."),
    ] = Duration(120)
    log_chunk: Annotated[Duration, Meta(description="Longest time that a line waits to be sent.")] = Duration(30)
    log_chunk_bytes: Annotated[int, Meta(ge=1, description="Log text that is sent without waiting, once a second.")] = (
        10 * 1024
    )
    request_timeout: Annotated[Duration, Meta(description="Time limit of a request to the manager.")] = Duration(10)


def settings_list() -> list[Setting]:
    """Every setting, for `--help` and the documentation."""
    return list(settings_of(WorkerSettings))


def option_name(key: str) -> str:
    """The option of the command line for a setting; those that are written by hand most are short."""
    return _SHORT_OPTIONS.get(key, f"--{key.replace('_', '-')}")


def environment_name(key: str) -> str:
    """The environment variable of a setting; that of `worker_name` is FLAMENCO_WORKER_NAME, as ever."""
    return ENVIRONMENT_PREFIX + key.removeprefix("worker_").upper()


def load(
    config_file: Path | None = None,
    overrides: Mapping[str, str] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> WorkerSettings:
    """Read the settings; `overrides` come from the command line.

    Without `config_file` it is flamenco-worker.yaml in the current directory, if there is one. Raises
    `ConfigError` with a sentence that names the key and where it was written.
    """
    settings = {setting.key: setting for setting in settings_list()}
    values: dict[str, Any] = {}
    file = config_file or Path(CONFIG_FILE_NAME)
    if config_file or file.exists():
        for key, value in read(file, WorkerSettings).items():
            values[str(key)] = _checked(settings, str(key), value, f"file {file}")
    names = {environment_name(key): key for key in settings}
    for name, text in sorted(environ.items()):
        if name.startswith(ENVIRONMENT_PREFIX) and name not in OF_THE_MANAGER:
            if name not in names:
                raise _unknown(name, names, "the environment")
            values[names[name]] = _checked_text(settings, names[name], text, f"environment {name}")
    for key, text in (overrides or {}).items():
        values[key] = _checked_text(settings, key, text, "command line")
    return build(WorkerSettings, {key: value for key, value in values.items() if value is not None})


def _checked(settings: Mapping[str, Setting], key: str, value: Any, source: str) -> Any:
    """The value of `key`; None for one that the file leaves empty, which then says nothing."""
    if key not in settings:
        raise _unknown(key, settings, source)
    if value is None:
        return None
    try:
        return settings[key].read(value)
    except ValueError as error:
        raise ConfigError(f"{key}: {error} ({source}).") from error


def _checked_text(settings: Mapping[str, Setting], key: str, text: str, source: str) -> Any:
    if key not in settings:
        raise _unknown(key, settings, source)
    if isinstance(settings[key].default, tuple) and not text.lstrip().startswith("["):
        words = [word.strip() for word in text.split(",")]
        return _checked(settings, key, [word for word in words if word], source)
    try:
        return settings[key].read_text(text)
    except ValueError as error:
        raise ConfigError(f"{key}: {error} ({source}).") from error


def _unknown(key: str, known: Mapping[str, Any], source: str) -> ConfigError:
    nearest = nearest_of(key, known)
    hint = f"did you mean {nearest!r}?" if nearest else "`flamenco worker --help` lists the ones there are."
    return ConfigError(f"Unknown key {key!r} in {source}; {hint}")


_HEAD: Final = """\
# Settings of a worker

<!-- This page is made by `flamenco config docs --worker`, from the declarations of the settings. Do not edit it. -->

A worker reads its settings in layers, of which the last to speak wins: the defaults, the file `flamenco-worker.yaml` in
the current directory, or the one that `--config` names, the environment, the command line. The file of a worker of
Blender's Flamenco can be used as it is:

```yaml
manager_url: http://farm:8080/
task_types: [blender, ffmpeg, file-management, misc]
restart_exit_code: 47
```

A duration is a number with a unit, or several: `90s`, `10m`, `1h30m`. In the environment and on the command line, a
list is written with commas. An unknown key stops the start.

The worker keeps its credentials, and what it has not delivered yet, in the folder that `--data-dir` names, else in
`FLAMENCO_HOME`, else in this user's folder for data. The settings of the manager are on [a page of their
own](settings.md).

## Tasks that run as somebody else

Whoever can submit a job runs programs on the worker. Without `run_as` they run as the worker's own user, who can read
the worker's credentials. With `run_as: render`, and a worker that is started as root, such as by a service of the
system, everything that a task does is done as the user `render`, with that one's groups: programs, files that commands
copy, move or list, images that are shown. The worker alone reads its credentials, settings and plugins, and it does not
start where `render` could change one of them. So:

- make a user for that, such as with `useradd --system --create-home render`, and let it write to the shared storage;
- install Flamenco below a folder that belongs to root, such as `/opt`; keep `flamenco-worker.yaml` with mode 600, and
  write a manager's URL that has a key or password in it there and not on the command line, which everybody can read;
- expect other environment variables: `HOME`, `USER` and `LOGNAME` are those of `render`; what leads to things of root,
  and every variable whose name looks like a secret (`…TOKEN…`, `…SECRET…`, `…PASSWORD…`, `…API_KEY…` and the like), is
  not handed on. A program that needs one gets it from a script around it.

A task takes about half a second longer to begin. On Windows the whole worker is such a user: give its scheduled task
one that can do nothing but render (in the Task Scheduler, on the task's page *General*, *Change User*). So it cannot
hide its credentials from tasks; delete it in the farm when its machine is not to be trusted any more.

The environment of tasks never has variables in it that begin with `FLAMENCO_` and may have a secret in them.
"""


def settings_page() -> str:
    """The page in Markdown."""
    return "\n".join([_HEAD, *map(_entry, settings_list())])


def _entry(setting: Setting) -> str:
    lines = [
        f"- Type: {type_in_words(setting.type)}",
        f"- Default: `{as_text(to_plain(setting.default))}`",
        f"- Environment: `{environment_name(setting.key)}`",
        f"- Command line: `{option_name(setting.key)}`",
    ]
    return f"## `{setting.key}`\n\n{setting.help}\n\n" + "\n".join(lines) + "\n"
