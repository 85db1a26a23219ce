"""Every command that reads the configuration, with each kind of damage: a sentence and exit code 2, or it goes on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from flamenco import bootstrap
from flamenco.cli import COMMANDS, main
from flamenco.cli.configuration import configure
from flamenco.domain.errors import ConfigError

DATABASE = "flamenco-manager.sqlite"
BROKEN = '"""Broken."""\n\nimport no_such_library_of_tests\n'

ARGUMENTS = {
    "commands show": ["echo"],
    "config set": ["task_timeout=5m"],
    "db backup": ["COPY"],
    "jobtypes show": ["simple-blender-render"],
    "plugins show": ["ageing"],
    "shaman gc": ["--dry-run"],
}
"""What commands need beside their options; COPY is a file that is not there."""


def commands() -> Iterator[str]:
    """Every command, `db check` for instance, that has `--data-dir`, but those that run for long by themselves."""
    context = click.Context(main)
    for name in COMMANDS:
        command = main.get_command(context, name)
        members = command.commands if isinstance(command, click.Group) else {"": command}
        for inner, each in members.items():
            if each and any("--data-dir" in parameter.opts for parameter in each.params):
                yield f"{name} {inner}".strip()


LONG = (
    *("demo", "doctor", "worker", "manager", "jobtypes check", "jobtypes compile", "jobtypes test"),
    *("users add", "users role", "users password", "users remove", "backup", "restore", "migrate"),
)
"""Those that run for long, or want a job type that is tried out, or a user; and the one that names what is wrong.

Of backups, see test_backup.py, of farms that come over, test_migration.py.
"""
COMMANDS_OF_THE_MANAGER = [each for each in commands() if each not in LONG]
OF_THE_DATABASE = ["db upgrade", "db check", "db backup", "db compact", "users list"]

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command with a data directory; whatever it says is no traceback."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("FLAMENCO_")]:
        monkeypatch.delenv(name)

    def run(command: str, data_dir: Path, *more: str) -> Result:
        arguments = [str(tmp_path / "copy") if each == "COPY" else each for each in ARGUMENTS.get(command, [])]
        result = CliRunner().invoke(main, [*command.split(), *arguments, "--data-dir", str(data_dir), *more])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.output
        return result

    return run


def refused(result: Result) -> str:
    """What a command said that could not go on: one sentence on stderr, with exit code 2."""
    assert result.exit_code == 2, result.output
    (line,) = [each for each in result.stderr.splitlines() if each.startswith("flamenco: ")]
    return line


def test_all_commands_are_looked_at() -> None:
    """The commands of the table are there, so that the walk below is over something."""
    assert set(ARGUMENTS) <= set(COMMANDS_OF_THE_MANAGER)
    assert {"config show", "db check", "plugins list"} <= set(COMMANDS_OF_THE_MANAGER)


def garbage(data_dir: Path, _run: Run) -> None:
    """A file that is no database."""
    (data_dir / DATABASE).write_bytes(b"this is no database\n" * 1000)


def half(data_dir: Path, run: Run) -> None:
    """A database of which the second half is gone."""
    assert run("db upgrade", data_dir).exit_code == 0
    content = (data_dir / DATABASE).read_bytes()
    (data_dir / DATABASE).write_bytes(content[: len(content) // 2])


def holes(data_dir: Path, run: Run) -> None:
    """A database with pages that are something else."""
    assert run("db upgrade", data_dir).exit_code == 0
    content = bytearray((data_dir / DATABASE).read_bytes())
    content[3 * 4096 : 20 * 4096] = b"\xa5" * (17 * 4096)
    (data_dir / DATABASE).write_bytes(content)


def folder(data_dir: Path, _run: Run) -> None:
    """A folder where the database should be."""
    (data_dir / DATABASE).mkdir()


@pytest.mark.parametrize("damage", [garbage, half, holes, folder], ids=lambda each: each.__name__)
def test_a_damaged_database(tmp_path: Path, run: Run, damage: Callable[[Path, Run], None]) -> None:
    """Commands that need it say so in a sentence that names the file; `db check` may say what it found."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    damage(data_dir, run)
    for command in COMMANDS_OF_THE_MANAGER:
        result = run(command, data_dir)
        if command == "db check" and damage is holes:
            assert (result.exit_code, "problem: " in result.stdout) == (1, True), result.output
        elif command == "db compact" or (command in OF_THE_DATABASE and damage is not holes):  # it copies every page
            assert str(data_dir / DATABASE) in refused(result) or "cannot be used" in refused(result)
        else:
            assert result.exit_code == 0, f"{command}: {result.output}"
        if damage is not holes:
            assert not list(tmp_path.glob("copy*")), "no half copy is left"


@pytest.mark.parametrize("command", ["db check", "db backup", "db compact"])
def test_no_database(tmp_path: Path, run: Run, command: str) -> None:
    """Where there is none nothing is made: neither the folder nor an empty file."""
    assert "there is no Flamenco database" in refused(run(command, tmp_path / "none"))
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("command", OF_THE_DATABASE)
def test_folders_that_cannot_be(tmp_path: Path, run: Run, command: str) -> None:
    """A data directory below a file is named in the sentence."""
    (tmp_path / "file").write_text("")
    assert str(tmp_path / "file") in refused(run(command, tmp_path / "file" / "data"))


def test_a_copy_that_cannot_be_written(tmp_path: Path, run: Run) -> None:
    """Neither below a folder that is not there, nor over a file that is."""
    assert run("db upgrade", tmp_path / "data").exit_code == 0
    for target, why in ((tmp_path / "none" / "copy", "cannot be copied"), (tmp_path / "data" / DATABASE, "exists")):
        result = CliRunner().invoke(main, ["db", "backup", str(target), "--data-dir", str(tmp_path / "data")])
        assert why in refused(result)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("command", OF_THE_DATABASE)
def test_a_missing_driver(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """PostgreSQL without psycopg names the extra that brings it."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "psycopg"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.setenv("FLAMENCO_DATABASE", "postgresql://somebody:secret@localhost/farm")
    said = refused(run(command, tmp_path / "data"))
    assert "pip install 'flamenco-farm[postgres]'" in said
    assert "secret" not in said


@pytest.mark.parametrize("command", OF_THE_DATABASE)
def test_a_server_that_is_not_there(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """A PostgreSQL that does not answer is a sentence too."""
    monkeypatch.setenv("FLAMENCO_DATABASE", "postgresql://somebody@127.0.0.1:1/farm")
    said = refused(run(command, tmp_path / "data"))
    instead = {"db backup": "pg_dump", "db compact": "VACUUM FULL"}
    assert instead.get(command, "does not answer") in said


def test_a_configuration_that_cannot_be_read(tmp_path: Path, run: Run) -> None:
    """It stops every command that reads it."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "flamenco-manager.yaml").write_text("listen: [")
    for command in COMMANDS_OF_THE_MANAGER:
        assert "flamenco-manager.yaml is not YAML in line 1" in refused(run(command, tmp_path / "data")), command


BROKEN_PLUGINS = {
    "a missing library": (BROKEN, "pip install no_such_library_of_tests"),
    "a mistake in its text": ("def (", "SyntaxError"),
    "no hooks": ('"""Nothing."""\n', "it has no hooks"),
    "a mistake in a hook": (
        "from flamenco import hookimpl\n\n\n@hookimpl\ndef api_routes():\n    raise ValueError('oops')\n",
        "api_routes() failed: ValueError: oops",
    ),
    "a setting without sense": (
        "from flamenco import *\n@hookimpl\ndef settings():\n    yield Setting(key='n', type=int, default='', help='')",
        "default does not fit its type",
    ),
}


def test_a_broken_plugin_stops_no_other_command(tmp_path: Path, run: Run) -> None:
    """It is named by each that reads the configuration, and what is said of its settings stops nothing."""
    data_dir = tmp_path / "data"
    assert run("db upgrade", data_dir).exit_code == 0
    (data_dir / "plugins").mkdir()
    (data_dir / "plugins" / "broken.py").write_text(BROKEN)
    (data_dir / "flamenco-manager.yaml").write_text("plugins:\n  broken:\n    n: 3\n")
    for command in COMMANDS_OF_THE_MANAGER:
        result = run(command, data_dir)
        assert result.exit_code == 0, f"{command}: {result.output}"
        assert command == "plugins show" or "'broken'" in result.output, command


def start(data_dir: Path) -> None:
    """What a manager does before it serves."""
    loaded = configure(None, data_dir)
    bootstrap.prepare(loaded.config, loaded.hooks)


@pytest.mark.parametrize("kind", BROKEN_PLUGINS)
def test_what_is_broken_stops_the_manager(tmp_path: Path, run: Run, kind: str) -> None:
    """Whatever is wrong with a plugin, the manager does not start, and `plugins list` says the same as it."""
    text, says = BROKEN_PLUGINS[kind]
    (tmp_path / "data" / "plugins").mkdir(parents=True)
    (tmp_path / "data" / "plugins" / "broken.py").write_text(text)
    result = run("plugins list", tmp_path / "data")
    assert says in result.stdout
    loaded = configure(None, tmp_path / "data", without_broken=True)
    (problem,) = [each.problem for each in loaded.hooks.plugins() if each.problem]
    with pytest.raises(ConfigError) as error:
        start(tmp_path / "data")
    assert str(error.value) == problem
    assert "broken" in problem


def test_a_broken_plugin_is_shown(tmp_path: Path, run: Run) -> None:
    """`plugins list` and `plugins show` have it, as broken, with what is wrong."""
    (tmp_path / "data" / "plugins").mkdir(parents=True)
    (tmp_path / "data" / "plugins" / "broken.py").write_text(BROKEN)
    assert "broken (folder, broken)" in run("plugins list", tmp_path / "data").stdout
    shown = CliRunner().invoke(main, ["plugins", "show", "broken", "--data-dir", str(tmp_path / "data")])
    assert shown.exit_code == 0
    assert "pip install no_such_library_of_tests" in shown.stdout


def test_the_commands_of_other_plugins_stay(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken plugin takes away its own commands only, and a line says so."""
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "broken.py").write_text(BROKEN)
    monkeypatch.setenv("FLAMENCO_PLUGINS_DIR", str(plugins))
    monkeypatch.setenv("FLAMENCO_PLUGINS", "fair_share")
    result = CliRunner().invoke(main, ["shares", "--help"])
    assert result.exit_code == 0, result.output
    assert "the commands of a plugin are missing here: The plugin 'broken'" in result.stderr
