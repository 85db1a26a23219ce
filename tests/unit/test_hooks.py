"""What plugins hand over, how it is checked, and whose word counts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import msgspec
import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from flamenco import (
    ApiResponse,
    AuthoredJob,
    CommandContext,
    CommandType,
    EventSink,
    JobType,
    JobTypeSetting,
    ManagerConfig,
    Program,
    Refused,
    Route,
    SchedulingPolicy,
    Setting,
    Submission,
    builtin,
    hookimpl,
)
from flamenco.config import Config
from flamenco.domain.errors import ConfigError
from flamenco.hooks.manager import Hooks
from tests.conftest import authored_job


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
    with pytest.raises(ConfigError, match=r"studio.*CommandType named 'echo' already, of plugin 'builtin.misc'"):
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


# As they are to the author of a plugin who has nothing check types.
setting: Any = Setting
policy: Any = SchedulingPolicy
sink: Any = EventSink
route: Any = Route


@pytest.mark.parametrize(
    ("hook", "value", "says"),
    [
        ("command_types", replace(command("x"), task_types="misc"), r"task_types is 'misc', expected .*\('misc',\)"),
        ("command_types", replace(command("x"), run="x"), "run is 'x', expected a function"),
        ("command_types", replace(command("x"), parameters=dict), "parameters is .*, expected a msgspec.Struct"),
        ("command_types", replace(command("x"), name=7), "name is 7, expected a text"),
        ("command_types", replace(command("x"), needs="blender"), "needs is 'blender', expected a Program"),
        ("command_types", replace(command("x"), needs=Program(name="")), "needs.name is '', expected a text"),
        ("settings", setting(key="n", type=int, default="many", help=""), "default does not fit.*'n'"),
        ("settings", setting(key="n", type=int, default=None, help=""), "default does not fit"),
        ("settings", setting(key="n", type="int!", default=1, help=""), "type is 'int!', which cannot be read"),
        ("settings", setting(key=7, type=int, default=1, help=""), "key is 7, expected a text"),
        ("scheduling_policies", policy(name="p", description="", score=1), "score is 1, expected a function"),
        ("scheduling_policies", policy(name="p", description="", depends_on="x"), "depends_on is 'x'"),
        ("event_sinks", sink(name="s", description="", deliver=None), "deliver is None, expected a function"),
        ("event_sinks", sink(name="s", description="", deliver=print, topics="*"), "topics is '\\*', expected"),
        ("api_routes", route(path="x", respond=None, summary=""), "respond is None, expected a function"),
        ("api_routes", route(path=None, respond=print, summary=""), "path is None, expected a text"),
        ("api_routes", route(path="x", respond=print, summary="", methods="GET"), "methods is 'GET', expected a tuple"),
        ("api_routes", route(path="x", respond=print, summary="", methods=("GOT",)), "methods is .*GOT"),
    ],
)
def test_parts_of_another_type_are_refused_by_name(hooks: Hooks, hook: str, value: Any, says: str) -> None:
    """Nobody else looks at types before the thing is used, which may be weeks later and on another machine."""
    hooks.register(plugin(**{hook: [value]}), "studio")
    with pytest.raises(ConfigError, match=rf"plugin 'studio'.*{hook}\(\) gave a .* whose {says}"):
        getattr(hooks, hook)()


def test_a_misspelt_hook_is_refused(hooks: Hooks) -> None:
    """A hook that does not exist would never be called, so its plugin is not taken in."""
    with pytest.raises(ConfigError, match=r"studio.*comand_types"):
        hooks.register(plugin(comand_types=[]), "studio")


def test_settings_are_by_plugin(hooks: Hooks) -> None:
    """Two plugins may have settings of one name; the core's are among them, under the names of its own plugins."""
    settings = [Setting(key="who", type=str, default="", help="Whom.")]
    for name in ("first", "second"):
        hooks.register(plugin(settings=settings), name)
    assert hooks.settings()["first"] == hooks.settings()["second"] == tuple(settings)
    assert "task_timeout" in {setting.key for setting in hooks.settings()["builtin.core"]}


def test_event_sinks_and_policies_are_given_the_configuration(hooks: Hooks, tmp_path: Path) -> None:
    """What is asked with the configuration gets it, by name; whoever does not want it leaves it out."""
    config = Config(data_dir=tmp_path)

    @hookimpl
    def event_sinks(config: ManagerConfig) -> Iterable[EventSink]:
        yield EventSink(name=f"log in {config.data_dir}", description="", deliver=print)

    @hookimpl
    def scheduling_policies() -> Iterable[SchedulingPolicy]:
        yield SchedulingPolicy(name="none", description="")

    hooks.register(SimpleNamespace(event_sinks=event_sinks, scheduling_policies=scheduling_policies), "studio")
    assert set(hooks.event_sinks(config)) == {f"log in {tmp_path}"}
    assert set(hooks.scheduling_policies(config)) == {"priority", "none"}


def test_api_routes_know_their_plugin(hooks: Hooks) -> None:
    """A route comes with the name of its plugin, below which it is served."""
    route = Route(path="waiting", respond=lambda _request, _farm: ApiResponse(), summary="What waits.")
    hooks.register(plugin(api_routes=(route,)), "studio")
    assert hooks.api_routes() == [("studio", route)]


def test_cli_commands_are_found_by_name(hooks: Hooks) -> None:
    """A command is found by its name; one without a name, or with that of another, stops the program."""
    hooks.register(plugin(cli_commands=[click.Command("greet")]), "studio")
    assert list(hooks.cli_commands()) == ["greet"]
    for name, command in (("double", click.Command("greet")), ("nameless", click.Command(None))):
        hooks.register(plugin(cli_commands=[command]), name)
        with pytest.raises(
            ConfigError, match=r"'double'.*another command named 'greet' already, of plugin 'studio'|'nameless'"
        ):
            hooks.cli_commands()


def test_commands_know_their_plugin(hooks: Hooks) -> None:
    """Which plugin brings a command is known for those of the core as well."""
    hooks.register(plugin(command_types=[command("bake")]), "studio")
    assert hooks.command_plugins()["bake"] == "studio"
    assert hooks.command_plugins()["echo"] == "builtin.misc"
    assert set(hooks.command_plugins()) == set(hooks.command_types())


def test_extra_settings_of_jobs(hooks: Hooks) -> None:
    """A job type's own settings win, with their aliases, then those of the plugin that is asked first."""
    job_type = JobType(
        name="t", label="T", etag="e", settings=(JobTypeSetting(key="own", type="string", aliases=("old",)),)
    )
    kinds = {key: JobTypeSetting(key=key, type="bool") for key in ("own", "old", "new", "newer")}
    hooks.register(plugin(job_settings=[kinds["own"], kinds["old"], kinds["new"]]), "first")
    later = JobTypeSetting(key="new", type="string")
    hooks.register(plugin(job_settings=[later, kinds["newer"]]), "second")
    assert hooks.job_settings(job_type) == [kinds["new"], kinds["newer"]]


def test_each_plugin_gets_what_the_others_made(hooks: Hooks) -> None:
    """A submission and a compiled job pass through the plugins in their order; None leaves them as they are."""
    for name in ("first", "second"):

        @hookimpl
        def job_submitting(submission: Submission, name: str = name) -> Submission:
            return replace(submission, name=f"{submission.name} {name}")

        @hookimpl
        def job_compiled(job: AuthoredJob, name: str = name) -> AuthoredJob | None:
            return replace(job, name=f"{job.name} {name}") if name == "first" else None

        hooks.register(SimpleNamespace(job_submitting=job_submitting, job_compiled=job_compiled), name)
    assert hooks.job_submitting(Submission(name="shot", type="t")).name == "shot first second"
    assert hooks.job_compiled(authored_job(name="shot"), {}).name == "shot first"


def test_a_compiled_job_stays_the_same_job(hooks: Hooks) -> None:
    """Another job in its place is nonsense, which is logged and left out."""
    job = authored_job()
    hooks.register(plugin(job_compiled=authored_job(name="other")), "studio")
    with capture_logs() as logs:
        assert hooks.job_compiled(job, {}) is job
    assert [(entry["plugin"], entry["hook"]) for entry in logs] == [("studio", "job_compiled")]


def test_a_refusal_in_the_middle_ends_it(hooks: Hooks) -> None:
    """Once a plugin has refused a job, nobody else is asked."""
    asked = []

    @hookimpl(specname="job_compiled")
    def refuse() -> None:
        raise Refused("not today")

    @hookimpl(specname="job_compiled")
    def ask() -> None:
        asked.append("later")

    for name, function in (("first", refuse), ("later", ask)):
        hooks.register(SimpleNamespace(function=function), name)
    with pytest.raises(Refused, match="not today"):
        hooks.job_compiled(authored_job(), {})
    assert not asked


def test_two_plugins_of_one_name_are_refused(hooks: Hooks) -> None:
    """The settings of a plugin are found by its name, so there can be one of each; nor can one be there twice."""
    twice = plugin(command_types=[])
    hooks.register(twice, "studio")
    with pytest.raises(ConfigError, match=r"'studio'.*another plugin of that name already"):
        hooks.register(plugin(command_types=[]), "studio")
    with pytest.raises(ConfigError, match=r"'other'.*already registered"):
        hooks.register(twice, "other")


def test_plugins_are_listed_in_the_order_they_are_asked(hooks: Hooks) -> None:
    """The core's own first, whatever their number; each with its hooks."""
    hooks.register(plugin(settings=[], command_types=[]), "studio", origin="folder", version="2")
    *core, studio = hooks.plugins()
    assert {each.origin for each in core} == {"core"}
    assert (studio.name, studio.version, studio.hooks) == ("studio", "2", ("command_types", "settings"))


def test_what_goes_wrong_half_way_is_told(hooks: Hooks) -> None:
    """A plugin that gives something and then fails stops the start as one that fails at once."""

    @hookimpl
    def settings() -> Iterable[Setting]:
        yield Setting(key="a", type=str, default="", help="")
        raise KeyError("late")

    hooks.register(SimpleNamespace(settings=settings), "studio")
    with pytest.raises(ConfigError, match=r"plugin 'studio' .*settings\(\) failed: KeyError: 'late'"):
        hooks.settings()
