"""Finding plugins, choosing them, and what is said of one that is wrong: its name, its file and the line."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from flamenco import HOOKS_VERSION, builtin
from flamenco.domain.errors import ConfigError, Refused
from flamenco.domain.model import AuthoredJob, JobType, JobTypeSetting, Submission
from flamenco.hooks import discovery
from flamenco.hooks.discovery import Plugin
from flamenco.hooks.manager import Hooks
from tests.conftest import authored_job

GOOD = '''"""Greets.

More about it.
"""

from flamenco import Setting, hookimpl


@hookimpl
def settings():
    """One."""
    yield Setting(key="who", type=str, default="you", help="Whom.")
'''


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A folder of shipped plugins with `fair` in it."""
    return write(tmp_path / "shipped", fair=GOOD)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A studio's folder of plugins, empty."""
    return write(tmp_path / "plugins")


def write(folder: Path, **plugins: str) -> Path:
    """Write files of plugins into a folder."""
    folder.mkdir(exist_ok=True)
    for name, text in plugins.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def chosen(
    shipped: Path | None, folder: Path | None, wanted: dict[str, bool] | None = None, disable: str = ""
) -> list[Plugin]:
    """What is found and chosen."""
    environ = {discovery.DISABLE_VARIABLE: disable} if disable else {}
    return discovery.choose(discovery.find(shipped, folder), wanted or {}, environ)


def loaded(folder: Path | None) -> Hooks:
    """Hooks with the plugins of a folder."""
    hooks = Hooks({})
    hooks.load(chosen(None, folder))
    return hooks


def test_shipped_plugins_are_off_until_they_are_wanted(shipped: Path) -> None:
    """They are seen, with what their file says of them, and not run."""
    (fair,) = chosen(shipped, None)
    assert (fair.name, fair.origin, fair.enabled) == ("fair", "shipped", False)
    assert (fair.summary, fair.hooks) == ("Greets.", ("settings",))
    (fair,) = chosen(shipped, None, {"fair": True})
    assert fair.enabled


def test_plugins_in_the_folder_are_on_unless_they_are_not_wanted(folder: Path) -> None:
    """A file or a package is a plugin; hidden ones, private ones and tests are none."""
    write(folder, one=GOOD, _private=GOOD, test_one=GOOD)
    (folder / "two").mkdir()
    (folder / "two" / "__init__.py").write_text("from .inside import settings\n")
    (folder / "two" / "inside.py").write_text(GOOD)
    (folder / "notes").mkdir()
    (folder / "notes" / "test_notes.py").write_text("")
    assert [(plugin.name, plugin.enabled) for plugin in chosen(None, folder)] == [("one", True), ("two", True)]
    assert [plugin.enabled for plugin in chosen(None, folder, {"one": False})] == [True, False]
    assert {plugin.name for plugin in loaded(folder).plugins()} == {"one", "two"}


def test_a_folder_that_lacks_its_first_file_is_refused(folder: Path) -> None:
    """It was meant to be a plugin, and would be passed over without a word."""
    (folder / "two").mkdir()
    (folder / "two" / "inside.py").write_text(GOOD)
    with pytest.raises(ConfigError, match=rf"{folder / 'two'} has Python files and no __init__\.py.*'two'"):
        loaded(folder)


def test_a_file_without_hooks_is_refused(folder: Path) -> None:
    """Its author forgot to mark them; by default nobody would tell."""
    write(folder, plain="def settings():\n    return ()\n")
    with pytest.raises(ConfigError, match=r"'plain'.*plain\.py.*has no hooks; mark its functions with @hookimpl"):
        loaded(folder)


def test_the_configuration_orders(folder: Path) -> None:
    """Plugins that are named come in that order, after those that are not."""
    write(folder, a=GOOD, b=GOOD, c=GOOD)
    assert [plugin.name for plugin in chosen(None, folder, {"c": True, "a": True})] == ["b", "c", "a"]


def test_the_folder_wins_over_the_shipped_ones(shipped: Path, folder: Path) -> None:
    """A studio's changed copy takes the place of a shipped plugin."""
    write(folder, fair=GOOD.replace("Greets", "Ours"))
    (fair,) = chosen(shipped, folder)
    assert (fair.origin, fair.summary) == ("folder", "Ours.")


@pytest.mark.parametrize(
    ("disable", "enabled"), [("a", ["b"]), ("a, b", []), ("all", []), ("1", []), ("x", ["a", "b"])]
)
def test_plugins_can_be_left_out_by_the_environment(folder: Path, disable: str, enabled: list[str]) -> None:
    """Whatever the configuration says, so that a farm with a broken plugin can be started."""
    write(folder, a=GOOD, b=GOOD)
    found = chosen(None, folder, {"a": True, "b": True}, disable)
    assert [plugin.name for plugin in found if plugin.enabled] == enabled


# -- installed plugins --------------------------------------------------------------------------------------------

PACKAGE = "studio_tools_of_tests"

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a package with a plugin in it, and an entry point that names it; gives the plugin's file."""
    site = tmp_path / "site"
    info = site / f"{PACKAGE}-1.2.dist-info"

    def install_one(name: str, text: str = GOOD, package_text: str = "") -> Path:
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[flamenco]\n{name} = {PACKAGE}.plugin\n")
        (site / PACKAGE).mkdir()
        (site / PACKAGE / "__init__.py").write_text(package_text)
        (site / PACKAGE / "plugin.py").write_text(text)
        monkeypatch.syspath_prepend(site)
        return site / PACKAGE / "plugin.py"

    yield install_one
    for module in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[module]


def test_installed_plugins_are_on_unless_they_are_not_wanted(install: Install) -> None:
    """An entry point is a plugin, its dashes are underscores, its version that of the package."""
    file = install("say-hello")
    (plugin,) = chosen(None, None)
    assert (plugin.name, plugin.origin, plugin.enabled) == ("say_hello", "installed", True)
    assert (plugin.version, plugin.summary, plugin.file) == ("1.2", "Greets.", str(file))
    assert not chosen(None, None, {"say_hello": False})[0].enabled
    hooks = Hooks({})
    hooks.load(chosen(None, None))
    assert list(hooks.settings()) == ["say_hello"]


def test_looking_for_installed_plugins_imports_nothing(install: Install) -> None:
    """Not even the package around one, which may be broken: leaving the plugin out is enough to start."""
    install("hello", package_text="raise RuntimeError('broken')\n")
    (plugin,) = chosen(None, None, disable="hello")
    assert (plugin.summary, plugin.enabled) == ("Greets.", False)
    assert PACKAGE not in sys.modules
    with pytest.raises(ConfigError, match=r"'hello' cannot be loaded .*broken.*FLAMENCO_DISABLE_PLUGINS=hello"):
        Hooks({}).load(chosen(None, None))


def test_installed_plugins_whose_module_is_missing(install: Install) -> None:
    """They are listed, and told when they are loaded."""
    install("hello").unlink()
    (plugin,) = chosen(None, None)
    assert (plugin.file, plugin.summary) == ("", "")
    with pytest.raises(ConfigError, match=r"'hello' cannot be loaded .*ModuleNotFoundError"):
        Hooks({}).load([plugin])


def test_installed_plugins_win_over_shipped_ones(install: Install, shipped: Path) -> None:
    """So that a newer version of one that comes along can be installed."""
    install("fair")
    (plugin,) = chosen(shipped, None)
    assert plugin.origin == "installed"


def test_a_name_that_is_there_twice_is_refused(install: Install, folder: Path) -> None:
    """Which of them counts would be chance, so it stops the start; both files are named."""
    file = install("hello")
    write(folder, hello=GOOD)
    with pytest.raises(ConfigError, match="two plugins 'hello'") as error:
        loaded(folder)
    assert f"{file} and {folder / 'hello.py'}" in str(error.value)


def test_a_file_and_a_package_of_one_name_are_refused(folder: Path) -> None:
    """The same within the folder."""
    write(folder, hello=GOOD)
    (folder / "hello").mkdir()
    (folder / "hello" / "__init__.py").write_text(GOOD)
    with pytest.raises(ConfigError, match="two plugins 'hello'"):
        loaded(folder)


def test_a_bad_name_of_an_entry_point_is_refused(install: Install) -> None:
    """It is told with what the package says."""
    install("Hello")
    with pytest.raises(ConfigError, match=rf"'Hello' is no name for a plugin \(entry point Hello = {PACKAGE}\.plugin"):
        loaded(None)


# -- what is wrong with them --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["class", "items", "get", "a b", "a.b", "ä", "_x", ""])
def test_names_that_no_plugin_can_have(name: str) -> None:
    """A name has to work as `config.plugins.<name>`, where words of Python and the methods of a map do not."""
    with pytest.raises(ConfigError, match="is no name for a plugin"):
        discovery.check_name(name, "here")


def test_no_folder_is_no_plugins(tmp_path: Path) -> None:
    """A folder of plugins need not be there."""
    assert discovery.find(None, tmp_path / "none") == {}


def test_a_package_is_told_with_the_file_that_is_wrong(folder: Path) -> None:
    """Of a plugin with several files, the one with the mistake is named: broken, or with a hook that there is not."""
    misspelt = "from flamenco import hookimpl\n\n\n@hookimpl\ndef setings():\n    pass\n"
    (folder / "two").mkdir()
    (folder / "two" / "__init__.py").write_text('"""Two files."""\n\nfrom .inside import *\n')
    inside = folder / "two" / "inside.py"
    for text, line in (("x = 1\ny = z\n", 2), (misspelt, 4)):
        inside.write_text(text)
        with pytest.raises(ConfigError, match="'two'") as error:
            loaded(folder)
        assert f"{inside}, line {line}" in str(error.value)


def test_the_docstring_is_read_and_not_run(folder: Path) -> None:
    """Also of a file that is broken, or warns of its strings; nothing is told of one that is no Python."""
    write(folder, good=GOOD, warns='"""Has a pattern."""\n\nX = "\\d"\nraise SystemExit\n', bad="def (")
    found = discovery.find(None, folder)
    assert discovery.docstring_of(found["good"]) == "Greets.\n\nMore about it."
    assert discovery.docstring_of(found["warns"]) == found["warns"].summary == "Has a pattern."
    assert discovery.docstring_of(found["bad"]) == discovery.docstring_of(Plugin(name="x", origin="core")) == ""


def test_an_unknown_name_is_told_with_the_nearest(shipped: Path) -> None:
    """A plugin that is wanted and not there stops the start."""
    with pytest.raises(ConfigError, match="no plugin 'fare'; did you mean 'fair'"):
        chosen(shipped, None, {"fare": True})


def test_a_bad_name_is_refused(folder: Path) -> None:
    """A name that could be no key of the configuration is told with its file."""
    (folder / "My-Plugin.py").write_text(GOOD)
    with pytest.raises(ConfigError, match=r"'My-Plugin' is no name for a plugin.*My-Plugin\.py"):
        loaded(folder)


@pytest.mark.parametrize(
    ("text", "says", "line"),
    [
        ("import flamenco\n\nflamenco.nothing\n", "AttributeError", 3),
        ("x = 1\nraise SystemExit(3)\n", "SystemExit: 3", 2),
        ("def broken(:\n", "SyntaxError", 1),
        ("import no_such_library\n", "no_such_library", 1),
        (
            "from flamenco import hookimpl\n\n\n@hookimpl\ndef comand_types():\n    pass\n",
            r"no hook comand_types\(\); did you mean command_types\(\)",
            4,
        ),
        (
            "from flamenco import hookimpl\n\n\n@hookimpl\ndef settings(colour):\n    pass\n",
            r"settings\(\) is not given colour; it may take: no arguments",
            4,
        ),
        (
            "from flamenco import hookimpl\n\n\n@hookimpl(wrapper=True)\ndef settings():\n    yield\n",
            "is a wrapper",
            4,
        ),
        (
            "requires_hooks = (9, 0)\n",
            rf"needs version 9.0 of the hooks, and here is {HOOKS_VERSION[0]}\.{HOOKS_VERSION[1]};",
            0,
        ),
        ("requires_hooks = '1'\n", "write the version of the hooks", 0),
    ],
)
def test_a_broken_plugin_is_told_with_its_file_and_line(folder: Path, text: str, says: str, line: int) -> None:
    """Whatever is wrong with it, the message is enough to mend it."""
    write(folder, broken=text)
    with pytest.raises(ConfigError, match=says) as error:
        loaded(folder)
    assert line == 0 or f"{folder / 'broken.py'}, line {line}" in str(error.value).replace(")", "")
    assert "broken" in str(error.value) or "requires_hooks" in str(error.value)


@pytest.mark.parametrize(
    ("hook", "body", "says"),
    [
        ("settings", "yield 7", "expected a Setting"),
        ("settings", "return 7", "expected a list of Setting"),
        ("settings", "yield 1\n    raise ValueError('late')", "expected a Setting|late"),
        ("settings", "raise ValueError('no')", r"line 6\): settings\(\) failed: ValueError: no"),
        ("command_types", "yield 'echo'", "expected a CommandType"),
        ("job_type_folders", "return ['x']", "expected a Path"),
    ],
)
def test_what_a_plugin_gives_is_checked_at_the_start(folder: Path, hook: str, body: str, says: str) -> None:
    """Something of another kind, or an error, stops the start with the plugin's name and file."""
    write(folder, bad=f"from flamenco import hookimpl\n\n\n@hookimpl\ndef {hook}():\n    {body}\n")
    with pytest.raises(ConfigError, match=says) as error:
        getattr(loaded(folder), hook)()
    assert re.search(r"plugin 'bad' \(.*bad\.py, line \d", str(error.value))


def test_hooks_are_traced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the variable set, each call is a line on stderr: the hook, the plugin, what it gave, how long it took."""
    write(folder, one=GOOD)
    hooks = Hooks({"FLAMENCO_TRACE_HOOKS": "1"})
    hooks.load(chosen(None, folder))
    hooks.settings()
    assert re.search(r"hook settings: one gave .*who.* in [\d.]+ ms", capsys.readouterr().err)


# -- asked later: never fails what somebody else asked for ---------------------------------------------------------

JOB_TYPE = JobType(name="t", label="T", etag="e", settings=(JobTypeSetting(key="own", type="string"),))
SUBMISSION = Submission(name="n", type="t")

LATER = """from msgspec.structs import replace
from flamenco import JobTypeSetting, Refused, hookimpl


@hookimpl
def job_settings(job_type):
    yield JobTypeSetting(key="own", type="bool")
    yield JobTypeSetting(key="more", type="bool")
    yield 7


@hookimpl
def job_submitting(submission):
    if submission.name == "no":
        raise Refused("not this one")
    return replace(submission, metadata={"by": "first"})


@hookimpl
def job_compiled(job):
    return replace(job, priority=7)
"""
FAILING = """from flamenco import hookimpl


@hookimpl
def job_settings(job_type):
    raise RuntimeError("boom")


@hookimpl
def job_submitting(submission):
    return "nonsense"


@hookimpl
def job_compiled(job, command_types, config):
    raise RuntimeError("boom")
"""


def test_later_hooks_pass_over_what_is_wrong(folder: Path) -> None:
    """A plugin that raises or gives nonsense is logged by name; what the others give counts."""
    write(folder, a=LATER, b=FAILING)
    hooks = loaded(folder)
    job: AuthoredJob = authored_job()
    with capture_logs() as logs:
        assert [setting.key for setting in hooks.job_settings(JOB_TYPE)] == ["more"]
        assert hooks.job_submitting(SUBMISSION).metadata == {"by": "first"}
        assert hooks.job_compiled(job, {}).priority == 7
    assert {(entry["plugin"], entry["hook"]) for entry in logs} == {
        ("a", "job_settings"),
        ("b", "job_settings"),
        ("b", "job_submitting"),
        ("b", "job_compiled"),
    }


def test_refusing_goes_through(folder: Path) -> None:
    """Where a hook is meant to refuse, the reason reaches whoever asked."""
    write(folder, a=LATER)
    with pytest.raises(Refused, match="not this one"):
        loaded(folder).job_submitting(Submission(name="no", type="t"))


def test_workers_choose_by_name(folder: Path) -> None:
    """A worker names shipped plugins, and leaves out others with a minus."""
    write(folder, one=GOOD, two=GOOD)
    hooks = builtin.worker_hooks(("oiio_commands", "-two"), folder, {})
    enabled = {plugin.name for plugin in hooks.plugins() if plugin.enabled and plugin.origin != "core"}
    assert enabled == {"oiio_commands", "one"}
    assert "make-contact-sheet" in hooks.command_types()
