"""In which order plugins are asked, and whose word counts: plugins in files, loaded as a manager loads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from flamenco import JobType, Submission, builtin
from flamenco.config import Loaded, load
from flamenco.hooks import specs
from flamenco.hooks.discovery import PluginError
from flamenco.hooks.manager import TRACE_VARIABLE
from tests.conftest import authored_job

MARKS = {
    "late_one": "(trylast=True)",
    "early_one": "(tryfirst=True)",
    "one": "",
    "late_two": "(trylast=True)",
    "two": "",
    "early_two": "(tryfirst=True)",
}
"""Plugins in the order in which the configuration names them, and how their hooks are marked."""

ASKED = ["early_one", "early_two", "one", "two", "late_one", "late_two"]
"""The same in the order in which they are to be asked."""

JOB_TYPE = JobType(name="t", label="T", etag="e", settings=())

ASK: dict[str, Callable[[Loaded], object]] = {
    "settings": lambda loaded: loaded.hooks.settings(),
    "command_types": lambda loaded: loaded.hooks.command_types(),
    "job_type_folders": lambda loaded: loaded.hooks.job_type_folders(),
    "job_settings": lambda loaded: loaded.hooks.job_settings(JOB_TYPE, loaded.config),
    "scheduling_policies": lambda loaded: loaded.hooks.scheduling_policies(loaded.config),
    "event_sinks": lambda loaded: loaded.hooks.event_sinks(loaded.config),
    "job_submitting": lambda loaded: loaded.hooks.job_submitting(Submission(name="", type="t"), loaded.config),
    "job_compiled": lambda loaded: loaded.hooks.job_compiled(authored_job(name=""), {}, loaded.config),
    "cli_commands": lambda loaded: loaded.hooks.cli_commands(),
    "authenticators": lambda loaded: loaded.hooks.authenticators(loaded.config),
    "api_routes": lambda loaded: loaded.hooks.api_routes(loaded.config),
    "failure_rules": lambda loaded: loaded.hooks.failure_rules(loaded.config),
    "web_pages": lambda loaded: loaded.hooks.web_pages(loaded.config),
}

Plugins = Callable[[str], Loaded]


@pytest.fixture
def plugins(tmp_path: Path) -> Plugins:
    """Writes the plugins into the folder of a farm, and loads them. In their text, MARK and NAME are their own."""

    def make(text: str, marks: Mapping[str, str] = MARKS) -> Loaded:
        folder = tmp_path / "plugins"
        folder.mkdir()
        for name, mark in marks.items():
            (folder / f"{name}.py").write_text(text.replace("MARK", mark).replace("NAME", name))
        file = tmp_path / "flamenco-manager.yaml"
        file.write_text(yaml.safe_dump({"plugins": list(marks)}))
        return load(file, tmp_path, environ={}, hooks=builtin.core_hooks({TRACE_VARIABLE: "1"}))

    return make


def test_every_hook_is_asked_here() -> None:
    """A hook that is added has an order too."""
    assert set(ASK) == {name for name, function in vars(specs).items() if hasattr(function, f"{specs.PROJECT}_spec")}


@pytest.mark.parametrize("hook", ASK)
def test_tryfirst_is_asked_first_and_trylast_last(
    hook: str, plugins: Plugins, capsys: pytest.CaptureFixture[str]
) -> None:
    """So it is with every hook; plugins that say the same are asked in the order of the configuration."""
    loaded = plugins(f"from flamenco import hookimpl\n\n@hookimplMARK\ndef {hook}():\n    return None\n")
    capsys.readouterr()
    ASK[hook](loaded)
    asked: list[str] = re.findall(rf"^hook {hook}: (\S+) gave", capsys.readouterr().err, re.MULTILINE)
    assert [name for name in asked if name in MARKS] == ASKED
    core = [place for place, name in enumerate(asked) if name.startswith("builtin.")]
    # What Flamenco itself says of failures counts where no plugin has said anything, all else of it is there before.
    before, after = ("two", "late_one") if hook == "failure_rules" else ("early_two", "one")
    assert all(asked.index(before) < place < asked.index(after) for place in core)


CHAINED = """
from msgspec.structs import replace
from flamenco import hookimpl

@hookimplMARK
def job_submitting(submission):
    return replace(submission, name=f"{submission.name} NAME")

@hookimplMARK
def job_compiled(job):
    return replace(job, name=f"{job.name} NAME")
"""


@pytest.mark.parametrize("hook", ["job_submitting", "job_compiled"])
def test_what_is_chained_passes_in_that_order(hook: str, plugins: Plugins) -> None:
    """Whoever says `trylast` sees what all others made of it, and has the last word."""
    changed: Any = ASK[hook](plugins(CHAINED))
    assert changed.name.split() == ASKED


SETTING = """
from flamenco import JobTypeSetting, hookimpl

@hookimplMARK
def job_settings():
    yield JobTypeSetting(key="whose", type="string", default="NAME")
    yield JobTypeSetting(key="of_NAME", type="bool")
"""


def test_the_first_setting_of_a_key_wins(plugins: Plugins) -> None:
    """A setting of one key is that of the plugin that is asked first; the others are in that order."""
    settings: Any = ASK["job_settings"](plugins(SETTING))
    assert [each.default for each in settings if each.key == "whose"] == [ASKED[0]]
    assert [each.key for each in settings if each.key != "whose"] == [f"of_{name}" for name in ASKED]


FOLDERS = """
from pathlib import Path
from flamenco import hookimpl

@hookimplMARK
def job_type_folders():
    return [Path("/NAME/first"), Path("/NAME/second")]
"""


def test_folders_named_later_win_and_tryfirst_over_all(plugins: Plugins) -> None:
    """What is named later takes the place of what was named before, except that `tryfirst` wins and `trylast` loses."""
    folders: Any = ASK["job_type_folders"](plugins(FOLDERS))
    wins = ["early_two", "early_one", "two", "one", "late_two", "late_one"]
    own = [str(folder) for folder in folders if folder.parent.name in MARKS]
    assert own == [f"/{name}/{which}" for name in wins for which in ("second", "first")]
    (shipped,) = [place for place, folder in enumerate(folders) if folder.parent.name not in MARKS]
    assert folders[shipped - 1].parent.name == "one"
    assert folders[shipped + 1].parent.name == "late_two"


COLLECTED = """
from flamenco import Route, SchedulingPolicy, hookimpl

@hookimplMARK
def scheduling_policies():
    yield SchedulingPolicy(name="NAME", description="")

@hookimplMARK
def api_routes():
    yield Route(path="x", respond=print, summary="")
"""


def test_what_is_collected_is_in_that_order(plugins: Plugins) -> None:
    """Of several policies that keep a worker from a job, the reason of the first is told."""
    loaded = plugins(COLLECTED)
    assert [name for name in loaded.hooks.scheduling_policies(loaded.config) if name in MARKS] == ASKED
    assert [plugin for plugin, _route in loaded.hooks.api_routes(loaded.config)] == ASKED


TAKEN = """
from msgspec import Struct
from flamenco import CommandType, hookimpl

class Parameters(Struct):
    pass

@hookimplMARK
def command_types():
    yield CommandType(name="echo", description="", task_types=("misc",), parameters=Parameters, run=print)
"""


@pytest.mark.parametrize("mark", ["", "(tryfirst=True)", "(trylast=True)"])
def test_a_name_of_the_core_is_not_taken_by_asking_first(
    mark: str, plugins: Callable[[str, Mapping[str, str]], Loaded]
) -> None:
    """The plugin is the one that is wrong, whoever was asked first; so it can be done without."""
    loaded = plugins(TAKEN, {"studio": mark})
    with pytest.raises(PluginError, match=r"^plugin 'studio'.*another CommandType named 'echo'.*'builtin\.misc'"):
        loaded.hooks.command_types()
    loaded.hooks.leave_out_broken(loaded.config)
    assert loaded.hooks.command_plugins()["echo"] == "builtin.misc"
