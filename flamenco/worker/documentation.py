"""The settings of a worker in words, for `docs/worker-settings.md`: made from their declarations."""

from __future__ import annotations

from typing import Final

from flamenco.config.declared import to_plain
from flamenco.config.documentation import as_text
from flamenco.hooks.command_docs import type_in_words
from flamenco.hooks.setting import Setting
from flamenco.worker.worker_settings import environment_name, option_name, settings_list

_HEAD: Final = """\
# Settings of a worker

<!-- This page is made by `flamenco config docs --worker`, from the declarations of the settings. Do not edit it. -->

A worker reads its settings in layers, of which the last to speak wins: the defaults, the file `flamenco-worker.yaml` in
the current directory, or the one that `--config` names, the environment, the command line. The file of Flamenco's own
worker can be used as it is:

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
