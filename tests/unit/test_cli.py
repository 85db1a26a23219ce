"""The command line itself: which commands there are, and how what goes wrong ends."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from flamenco import __version__
from flamenco.cli import COMMANDS, Lazy, LazyGroup, main, may_have_plugins
from flamenco.domain.errors import Busy, ConfigError, FarmError, NotFound

More = Callable[[], Mapping[str, click.Command]]


def group(command: Callable[[], None] | None = None, more: More | None = None, **lazy: Lazy) -> LazyGroup:
    """A group with one command that is there, some that are to be loaded, and maybe some of plugins."""
    commands = LazyGroup(name="flamenco", lazy=lazy, more=more)
    if command:
        commands.add_command(click.command(name="do", help="Do it.")(command))
    return commands


def failing(error: BaseException) -> Callable[[], None]:
    """A command that raises."""

    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (FarmError("The port is in use."), 1, "flamenco: The port is in use.\n"),
        (NotFound("There is no job x."), 1, "flamenco: There is no job x.\n"),
        (Busy("Try again."), 1, "flamenco: Try again.\n"),
        (ConfigError("Unknown key 'x'."), 2, "flamenco: Unknown key 'x'.\n"),
        (KeyboardInterrupt(), 130, "flamenco: interrupted.\n"),
        (click.Abort(), 130, "flamenco: interrupted.\n"),
    ],
)
def test_errors_are_a_sentence_and_a_code(error: BaseException, code: int, said: str) -> None:
    """What a user can do something about is one sentence on stderr, and an exit code that tells the kinds apart."""
    result = CliRunner().invoke(group(failing(error)), ["do"])
    assert (result.exit_code, result.stderr, result.stdout) == (code, said, "")


def test_other_errors_are_not_hidden() -> None:
    """A mistake of ours keeps its traceback."""
    result = CliRunner().invoke(group(failing(ZeroDivisionError("oops"))), ["do"])
    assert isinstance(result.exception, ZeroDivisionError)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Lazy]:
    """Write a module with a command `do`, to be loaded lazily."""
    monkeypatch.syspath_prepend(tmp_path)

    def module(name: str, text: str) -> Lazy:
        (tmp_path / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        return Lazy(f"{name}:do", f"Help of {name}.")

    return module


def test_commands_are_loaded_on_use(module: Callable[[str, str], Lazy]) -> None:
    """Help lists a command without importing it; using it imports it."""
    commands = group(x=module("lazy_x", "import click\ndo = click.command()(lambda: click.echo('done'))"))
    result = CliRunner().invoke(commands, ["--help"])
    assert "x  Help of lazy_x." in result.stdout
    assert "lazy_x" not in sys.modules
    assert CliRunner().invoke(commands, ["x"]).stdout == "done\n"


def test_missing_libraries_take_away_one_command(module: Callable[[str, str], Lazy]) -> None:
    """A command whose library is not installed says which; the others and the help work."""
    commands = group(lambda: click.echo("done"), y=module("lazy_y", "import no_such_library.part"))
    assert "Help of lazy_y." in CliRunner().invoke(commands, ["--help"]).stdout
    assert CliRunner().invoke(commands, ["do"]).stdout == "done\n"
    result = CliRunner().invoke(commands, ["y"])
    assert result.stderr == "flamenco: `flamenco y` needs the Python package no_such_library; please install it.\n"
    assert result.exit_code == 2


def test_our_own_missing_modules_are_mistakes(module: Callable[[str, str], Lazy]) -> None:
    """A module of the project that is not there is never reported as something to install."""
    result = CliRunner().invoke(group(z=module("lazy_z", "import flamenco.no_such_module")), ["z"])
    assert isinstance(result.exception, ModuleNotFoundError)


def test_commands_without_a_module_are_unknown() -> None:
    """A command that is not part of this installation is neither listed nor run."""
    commands = group(lambda: None, gone=Lazy("flamenco.cli.no_such_module:gone", "Gone."))
    result = CliRunner().invoke(commands, ["--help"])
    assert "Do it." in result.stdout
    assert "Gone." not in result.stdout
    result = CliRunner().invoke(commands, ["gone"])
    assert (result.exit_code, "No such command" in result.stderr) == (2, True)


# -- commands of plugins ------------------------------------------------------------------------------------------


@pytest.fixture
def asked() -> list[str]:
    """How often plugins were asked for their commands."""
    return []


@pytest.fixture
def more(asked: list[str]) -> More:
    """Plugins with a command of their own, `greet`, and one that has the name of a command of the core."""

    def more() -> Mapping[str, click.Command]:
        asked.append("more")
        make = click.command
        return {
            "greet": make("greet", help="Greet everybody.")(lambda: click.echo("hello")),
            "do": make("do", help="Do something else.")(lambda: click.echo("else")),
        }

    return more


@pytest.fixture
def nothing_says_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A place where nothing says that there are plugins."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("FLAMENCO_")]:
        monkeypatch.delenv(name)


def test_commands_of_the_core_need_no_plugins(more: More, asked: list[str]) -> None:
    """A command of the core is run without asking plugins, and wins over one of theirs."""
    assert CliRunner().invoke(group(lambda: click.echo("done"), more), ["do"]).stdout == "done\n"
    assert not asked


def test_commands_of_plugins(more: More, asked: list[str], nothing_says_plugins: None) -> None:
    """Any other name is looked for among the commands of plugins, once for a command line."""
    assert CliRunner().invoke(group(more=more), ["greet"]).stdout == "hello\n"
    assert asked == ["more"]


def test_unknown_commands_are_told_with_the_nearest(more: More, nothing_says_plugins: None) -> None:
    """A command that nobody has is a wrong command line, with the command that may be meant, a plugin's among them."""
    for name, nearest in (("gret", " Did you mean 'greet'?"), ("demmo", " Did you mean 'demo'?"), ("zzzz", "")):
        result = CliRunner().invoke(group(more=more, demo=COMMANDS["demo"]), [name])
        assert result.exit_code == 2
        assert result.stderr.endswith(f"Error: No such command {name!r}.{nearest}\n")


def test_help_asks_plugins_only_where_there_may_be_any(
    more: More, asked: list[str], nothing_says_plugins: None
) -> None:
    """The help lists the commands of plugins after the others, once something says that there are plugins."""
    commands = group(lambda: None, more)
    assert "greet" not in CliRunner().invoke(commands, ["--help"]).stdout
    assert not asked
    lines = CliRunner().invoke(commands, ["--help"], env={"FLAMENCO_PLUGINS": "own"}).stdout.splitlines()
    assert [line.strip() for line in lines[-2:]] == ["do     Do it.", "greet  Greet everybody."]
    assert asked == ["more"]


def test_broken_plugins_leave_the_help_alone(nothing_says_plugins: None) -> None:
    """When the configuration or a plugin is broken, the help is there without its commands, and says why."""

    def broken() -> Mapping[str, click.Command]:
        raise ConfigError("Unknown key 'x'.")

    said = "flamenco: the commands of plugins are missing here: Unknown key 'x'.\n"
    result = CliRunner().invoke(group(lambda: None, broken), ["--help"], env={"FLAMENCO_CONFIG": "x.yaml"})
    assert (result.exit_code, result.stderr, "Do it." in result.stdout) == (0, said, True)
    result = CliRunner().invoke(group(lambda: None, broken), ["doo"])
    assert result.exit_code == 2
    assert result.stderr.startswith(said)
    assert "No such command 'doo'. Did you mean 'do'?" in result.stderr


def test_what_says_that_there_may_be_plugins(nothing_says_plugins: None) -> None:
    """A variable of the environment, or a configuration file here; looking takes no time."""
    assert not may_have_plugins({})
    assert may_have_plugins({"FLAMENCO_PLUGINS": "ageing"})
    assert may_have_plugins({"FLAMENCO_CONFIG": "farm.yaml"})
    assert not may_have_plugins({"FLAMENCO_PLUGINS": ""})
    Path("flamenco-manager.yaml").write_text("")
    assert may_have_plugins({})


def test_version() -> None:
    """`--version` prints the name and the version and nothing else."""
    assert CliRunner().invoke(main, ["--version"]).stdout == f"flamenco {__version__}\n"


def test_every_listed_command_has_help() -> None:
    """Whatever is listed can be loaded, is named as the table says, and has help."""
    context = click.Context(main)
    names = main.list_commands(context)
    assert "config" in names
    for name in names:
        command = main.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0
        assert COMMANDS[name].help.endswith(".")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program as users do, in a process of its own."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith("FLAMENCO_")}
    command = [sys.executable, "-m", "flamenco", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environ, timeout=60, check=False)


def test_python_dash_m() -> None:
    """`python -m flamenco` is `flamenco`, with its exit codes."""
    helped = run("--help")
    assert helped.stdout.startswith("Usage: flamenco [OPTIONS] COMMAND")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert run("no-such-command").returncode == 2


def test_help_imports_little() -> None:
    """The help does not wait for the libraries of commands that are not used."""
    code = (
        "import sys; from flamenco.cli import main; main(['--help'], standalone_mode=False)\n"
        "heavy = {'sqlalchemy', 'falcon', 'httpx', 'rich', 'yaml', 'structlog', 'PIL'}\n"
        "print('LOADED', *sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "LOADED"
