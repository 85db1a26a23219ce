"""`flamenco plugins`, `commands` and `config describe`, and the commands that plugins add."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from flamenco.cli import main

COMMAND = '''"""Adds a command."""

import click

from flamenco import hookimpl


@click.command("greet")
def greet():
    """Greet."""
    click.echo("hello")


@hookimpl
def cli_commands():
    """One."""
    return [greet]
'''


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place to work in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLAMENCO_HOME", str(tmp_path / "home"))
    return tmp_path


def run(*arguments: str, code: int = 0) -> str:
    """What the program prints."""
    done = CliRunner().invoke(main, arguments, env={"COLUMNS": "200"})
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def run_json(*arguments: str) -> Any:
    """The same as data."""
    return msgspec.json.decode(run(*arguments, "--json"))


def test_list_shows_all_and_runs_none_that_is_off() -> None:
    """The core's, and the shipped ones with hooks and summary though they are not enabled."""
    listed = {each["name"]: each for each in run_json("plugins", "list")}
    assert listed["builtin.core"]["origin"] == "core"
    assert (listed["fair_share"]["enabled"], "scheduling_policies" in listed["fair_share"]["hooks"]) == (False, True)
    assert listed["fair_share"]["summary"].startswith("Everybody gets their share")
    assert "FLAMENCO_PLUGINS=NAME" in run("plugins", "list")


def test_show_says_all_of_a_plugin() -> None:
    """Its docstring with the example, and its settings with the ways to set them; an unknown one with the nearest."""
    text = run("plugins", "show", "ageing")
    assert "points_per_hour" in text
    assert "FLAMENCO_PLUGINS_AGEING_POINTS_PER_HOUR" in text
    assert "did you mean 'ageing'" in run("plugins", "show", "agein", code=1)


@pytest.mark.long
def test_new_writes_a_plugin_that_works(home: Path) -> None:
    """What it writes is found and documented, and its own tests pass; nothing is overwritten, bad names are refused."""
    assert "wrote plugins/say_hello.py" in run("plugins", "new", "say-hello", "--dir", "plugins")
    environ = ("--config", str(home / "flamenco-manager.yaml"))
    (home / "flamenco-manager.yaml").write_text("plugins_dir: plugins\n")
    listed = {each["name"]: each for each in run_json("plugins", "list", *environ)}
    assert listed["say_hello"]["enabled"]
    assert run_json("commands", "show", "say-hello", *environ)["plugin"] == "say_hello"
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "flamenco.testing", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*tests, "--rootdir", str(home), "plugins"], cwd=home, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "exists already" in run("plugins", "new", "say_hello", "--dir", "plugins", code=1)
    assert "is no name for a plugin" in run("plugins", "new", "1x", code=2)
    assert "is there already" in run("plugins", "new", "ageing", code=2)


def test_commands_are_documented() -> None:
    """Every command with its parameters by the names that scripts use, what is required, and the defaults."""
    assert {"echo", "blender-render"} <= {each["name"] for each in run_json("commands", "list")}
    render = run_json("commands", "show", "blender-render")
    parameters = {each["name"]: each for each in render["parameters"]}
    assert parameters["exe"]["required"]
    assert not parameters["argsBefore"]["required"]
    assert "required" in run("commands", "show", "exec")
    assert "did you mean 'echo'" in run("commands", "show", "ecko", code=1)


def test_settings_are_described() -> None:
    """Core and plugins alike: type, default, help, environment, command line; a whole group at once."""
    (timeout,) = run_json("config", "describe", "task_timeout")
    assert (timeout["environment"], timeout["command_line"]) == ("FLAMENCO_TASK_TIMEOUT", "--set task_timeout=VALUE")
    Path("flamenco-manager.yaml").write_text("plugins: [ageing]")
    assert "plugins.ageing.points_per_hour" in run("config", "describe", "plugins.ageing")
    assert "did you mean" in run("config", "describe", "task_timeot", code=2)


def test_set_overrides_any_setting() -> None:
    """What is given with --set wins, and is checked."""
    shown = {each["key"]: each for each in run_json("config", "show", "--set", "task_timeout=7m")}
    assert (shown["task_timeout"]["value"], shown["task_timeout"]["source"]) == ("7m0s", "command line")
    assert "KEY=VALUE" in run("config", "show", "--set", "task_timeout", code=2)


def test_plugins_add_commands(home: Path) -> None:
    """A plugin's command is run by its name, listed in the help, and suggested for a misspelt one."""
    (home / "plugins").mkdir()
    (home / "plugins" / "greeting.py").write_text(COMMAND)
    (home / "flamenco-manager.yaml").write_text("plugins_dir: plugins\n")
    assert run("greet") == "hello\n"
    assert "greet" in run("--help")
    assert "Did you mean 'greet'" in run("gret", code=2)


def test_a_broken_plugin_leaves_the_help_alone(home: Path) -> None:
    """The help is printed, with a line that says why some commands may be missing."""
    (home / "plugins").mkdir()
    (home / "plugins" / "broken.py").write_text("boom")
    (home / "flamenco-manager.yaml").write_text("plugins_dir: plugins\n")
    text = run("--help")
    assert "the commands of a plugin are missing here" in text
    assert "manager" in text
