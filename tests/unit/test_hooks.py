"""What plugins hand over, how it is checked, and whose word counts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from flamenco import CommandContext, CommandType, SchedulingPolicy, builtin, hookimpl
from flamenco.domain.errors import ConfigError
from flamenco.hooks.manager import Hooks


class NoParameters(msgspec.Struct):
    """A command that takes nothing."""


def run(_context: CommandContext, _parameters: NoParameters) -> None:
    """Do nothing."""


def command(name: str) -> CommandType:
    """A command of that name."""
    return CommandType(name=name, description="", task_types=("misc",), parameters=NoParameters, run=run)


def plugin(**hooks: Any) -> SimpleNamespace:
    """A plugin that answers each hook with the given value."""
    implementations = {}
    for name, value in hooks.items():

        def answer(value: Any = value) -> Any:
            return value

        implementations[name] = hookimpl(answer)
    return SimpleNamespace(**implementations)


@pytest.fixture
def hooks() -> Hooks:
    """The hooks with the core's own plugins."""
    made = Hooks()
    builtin.register(made)
    return made


def test_command_types_of_plugins_stand_beside_the_core_s(hooks: Hooks) -> None:
    """A plugin's command is found by its name, as the core's are."""
    hooks.register(plugin(command_types=[command("bake")]), "studio")
    assert {"bake", "echo", "blender-render", "frames-to-video"} <= set(hooks.command_types())


def test_scheduling_policies_are_found_by_name(hooks: Hooks) -> None:
    """The core's own policy comes in like a plugin's."""
    fair = SchedulingPolicy(name="fair", description="", score=lambda _jobs, _farm: {})
    hooks.register(plugin(scheduling_policies=[fair]), "studio")
    assert set(hooks.scheduling_policies()) == {"priority", "fair"}


def test_job_type_folders_of_plugins_come_before_the_shipped_one(hooks: Hooks, tmp_path: Path) -> None:
    """A plugin's job type replaces a shipped one of the same name; the later plugin wins over the earlier."""
    (shipped,) = hooks.job_type_folders()
    for name in ("first", "second"):
        hooks.register(plugin(job_type_folders=[tmp_path / name]), name)
    assert hooks.job_type_folders() == [tmp_path / "second", tmp_path / "first", shipped]
    assert (shipped / "simple_blender_render.js").is_file()


def test_a_name_given_twice_stops_the_start(hooks: Hooks) -> None:
    """Two commands of one name would leave it to chance which one runs; the message names plugin, file and command."""
    hooks.register(plugin(command_types=[command("echo")]), "studio")
    with pytest.raises(ConfigError, match=r"studio.*CommandType named 'echo' already"):
        hooks.command_types()


@pytest.mark.parametrize(
    ("hook", "value", "says"),
    [
        ("command_types", ["echo"], "expected a CommandType"),
        ("scheduling_policies", [command("x")], "expected a SchedulingPolicy"),
        ("job_type_folders", ["jobtypes"], "expected a Path"),
    ],
)
def test_nonsense_is_refused_by_name(hooks: Hooks, hook: str, value: Iterable[Any], says: str) -> None:
    """A plugin that hands over something else is named, with its hook."""
    hooks.register(plugin(**{hook: value}), "studio")
    with pytest.raises(ConfigError, match=rf"studio.*{hook}\(\).*{says}"):
        getattr(hooks, hook)()


def test_a_misspelt_hook_is_refused(hooks: Hooks) -> None:
    """A hook that does not exist would never be called, so its plugin is not taken in."""
    with pytest.raises(ConfigError, match=r"studio.*comand_types"):
        hooks.register(plugin(comand_types=[]), "studio")
