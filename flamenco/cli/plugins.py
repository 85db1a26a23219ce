"""`flamenco plugins`: which plugins there are, what each is for and how it is set up, and how to begin one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click
import msgspec
from msgspec import Struct

from flamenco import bundled
from flamenco.cli.configuration import configure
from flamenco.cli.options import config_option, data_dir_option, json_option
from flamenco.config import documentation
from flamenco.config.declared import nearest_of
from flamenco.config.documentation import SettingDocs, as_text
from flamenco.config.plugins import PREFIX
from flamenco.domain.errors import ConfigError, NotFound, Refused
from flamenco.hooks import discovery
from flamenco.hooks.discovery import Origin, Plugin
from flamenco.hooks.setting import Setting

SKELETON: Final = Path(__file__).with_name("plugin_skeleton.py.txt")
"""What a new plugin begins as."""
SKELETON_TEST: Final = Path(__file__).with_name("plugin_skeleton_test.py.txt")
"""What its tests begin as."""


class ListedPlugin(Struct, frozen=True, kw_only=True):
    """A plugin that is there. `version` and `file` are empty where they are not known.

    `problem` is why it cannot be used, or loaded to read its settings; empty for none.
    """

    name: str
    version: str
    origin: Origin
    enabled: bool
    hooks: tuple[str, ...]
    file: str
    summary: str
    problem: str = ""


class ShownPlugin(ListedPlugin, frozen=True, kw_only=True):
    """The same with all that the plugin says of itself."""

    docstring: str
    settings: list[SettingDocs]


@click.group()
def plugins() -> None:
    """See which plugins there are, what they are for, and begin your own.

    \b
    flamenco plugins list              which are there, and which are enabled
    flamenco plugins show fair_share   what is it, and how is it set up?
    flamenco plugins new say_hello     begin one, with a test
    """


@plugins.command("list")
@config_option
@data_dir_option
@json_option
def list_(config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """List the plugins: the core's own, those that are installed, those in the folder of plugins, the shipped ones.

    Those that are not enabled are only looked at, not run. One that is broken is listed with what is wrong; a manager
    does not start until that is mended, or the plugin left out.

    \b
    Example:
      flamenco plugins list --json | jq '.[] | select(.enabled)'
    """
    loaded = configure(config_file, data_dir, without_broken=True)
    found = [_listed(plugin) for plugin in loaded.hooks.plugins()]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
        return
    for each in found:
        click.echo(_headline(each))
        click.echo(f"  {each.summary or 'It says nothing of itself.'}")
        click.echo(f"  {', '.join(each.hooks) or 'no hooks'}; {each.file or 'file not known'}")
        if each.problem:
            click.echo(f"  {each.problem}")
    where = loaded.file or "flamenco-manager.yaml"
    click.echo(f"\nTo enable a plugin, put its name below `plugins:` in {where}, or try it with FLAMENCO_PLUGINS=NAME.")


@plugins.command()
@click.argument("name", metavar="NAME")
@config_option
@data_dir_option
@json_option
def show(name: str, config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Show what the plugin NAME says of itself, and its settings. One that is not enabled is loaded to read them.

    \b
    Example:
      flamenco plugins show fair_share
    """
    loaded = configure(config_file, data_dir, without_broken=True)
    by_name = {plugin.name: plugin for plugin in loaded.hooks.plugins()}
    if name not in by_name:
        near = nearest_of(name, by_name)
        hint = f"did you mean {near!r}?" if near else "see `flamenco plugins list`."
        raise NotFound(f"There is no plugin {name!r}; {hint}")
    plugin = _described(by_name[name], loaded.settings)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(plugin), indent=2))
    else:
        click.echo("\n".join(_in_words(plugin)))


@plugins.command()
@click.argument("name", metavar="NAME")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path, file_okay=False), default=".", metavar="DIR", help="Write there."
)
def new(name: str, folder: Path) -> None:
    """Write a commented plugin called NAME, with a command, a setting and a scheduling policy, and a test for it.

    Without --dir they go into the current directory. A plugin in the folder `plugins` of the manager's data directory
    is found and enabled when the manager starts; the test may stay beside it, and needs pytest.

    \b
    Example:
      flamenco plugins new say_hello --dir plugins
    """
    stem = name.removesuffix(".py").replace("-", "_")
    files = {folder / f"{stem}.py": SKELETON, folder / f"test_{stem}.py": SKELETON_TEST}
    _check_new_name(stem, files)
    command = stem.replace("_", "-")
    label = command.replace("-", " ").capitalize()
    replaced = {"skeleton-command": command, "skeleton": stem, "Skeleton": label}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, skeleton in files.items():
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(_filled(skeleton.read_text("utf-8"), replaced))
            click.echo(f"wrote {path}")
    except OSError as error:
        raise Refused(f"Cannot write to {folder}: {error.strerror}.") from error
    test = folder / f"test_{stem}.py"
    click.echo(f"Run its test with `pytest -p flamenco.testing {test}`.")
    click.echo(f"See what people are told of it with `FLAMENCO_PLUGINS_DIR={folder} flamenco plugins show {stem}`.")
    click.echo(f"When it is ready, put {stem}.py into the folder `plugins` of the manager's data directory; for its")
    click.echo("command, into that of the workers as well.")


def _check_new_name(name: str, files: Iterable[Path]) -> None:
    """Raises `UsageError` for a name that a plugin cannot or should not have, `Refused` when a file is in the way."""
    try:
        discovery.check_name(name, "NAME")
    except ConfigError as error:
        raise click.UsageError(str(error)) from error
    if not discovery.may_be_plugin(name):
        raise click.UsageError(f"{name!r} would be taken for a test; choose another name.")
    for path in files:
        if path.exists():
            raise Refused(f"{path} exists already; choose another name, or another folder with --dir.")
    if name in discovery.find(bundled.plugins(), None):
        raise click.UsageError(f"{name!r} is the name of a plugin that is there already; choose another name.")
    if find_spec(name):
        raise click.UsageError(
            f"{name!r} is the name of a Python module here, which tests would mix up; choose another."
        )


def _filled(text: str, replaced: Mapping[str, str]) -> str:
    for placeholder, word in replaced.items():
        text = text.replace(placeholder, word)
    return text


def _listed(plugin: Plugin) -> ListedPlugin:
    return ListedPlugin(
        name=plugin.name,
        version=plugin.version,
        origin=plugin.origin,
        enabled=plugin.enabled,
        hooks=plugin.hooks,
        file=plugin.file,
        summary=plugin.summary,
        problem=plugin.problem,
    )


def _described(plugin: Plugin, known: Mapping[str, Setting]) -> ShownPlugin:
    """All about a plugin; `known` are the settings of those that are enabled."""
    settings = {key: setting for key, setting in known.items() if key.startswith(f"{PREFIX}{plugin.name}.")}
    if not plugin.enabled and not plugin.problem:
        try:
            settings = documentation.settings_of_plugin(plugin)
        except ConfigError as error:
            plugin = msgspec.structs.replace(plugin, problem=str(error))
    return ShownPlugin(
        **msgspec.structs.asdict(_listed(plugin)),
        docstring=discovery.docstring_of(plugin),
        settings=[documentation.documented(setting) for setting in settings.values()],
    )


def _headline(plugin: ListedPlugin) -> str:
    version = f" {plugin.version}" if plugin.version else ""
    enabled = "enabled" if plugin.enabled else "broken" if plugin.problem else "not enabled"
    return f"{click.style(plugin.name, bold=plugin.enabled)}{version} ({plugin.origin}, {enabled})"


def _in_words(plugin: ShownPlugin) -> Iterable[str]:
    yield _headline(plugin)
    yield f"{plugin.file or 'file not known'}\nhooks: {', '.join(plugin.hooks) or 'none'}\n"
    yield plugin.docstring or "It says nothing of itself."
    if plugin.problem:
        yield f"\n{plugin.problem}"
    elif plugin.settings:
        yield "\nSettings:"
    for setting in plugin.settings:
        yield f"\n  {setting.key}  ({setting.type}; default {as_text(setting.default)})"
        yield f"      {setting.help}"
        yield f"      {setting.environment}"
