"""What the manuals show can be done as it stands there; what takes a whole farm is done in `tests/acceptance`."""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from flamenco import builtin
from flamenco.cli import main
from flamenco.config import load
from flamenco.domain.access import Mode
from flamenco.worker import worker_settings
from tests.docs import manual
from tests.unit.test_layers import MAY_IMPORT, PACKAGE, layer_of

TESTED = {
    ("README.md", "sh"): 4,  # here; and tests/acceptance/test_readme.py and test_demo.py
    ("README.md", "yaml"): 1,  # here, and tests/acceptance/test_readme.py
    ("README.md", ""): 1,  # what the demo shows: tests/acceptance/test_demo.py
    ("CONTRIBUTING.md", "sh"): 1,  # here
    ("CONTRIBUTING.md", ""): 2,  # the folders and the layers, here
    ("docs/install.md", "sh"): 3,  # here, but for what others make; test_install_manual.py
    ("docs/install.md", "powershell"): 1,  # nowhere: no Windows was at hand
    ("docs/five-minutes.md", "sh"): 4,  # here; tests/acceptance/test_five_minutes.py
    ("docs/storage.md", "sh"): 1,  # here; tests/docs/test_storage_manual.py
    ("docs/storage.md", "yaml"): 1,  # tests/docs/test_storage_manual.py
    ("docs/storage.md", "text"): 1,  # nowhere: it is for somebody's own file server
    ("docs/workers.md", "sh"): 4,  # here; tests/integration/test_workers_manual.py
    ("docs/submitting.md", "sh"): 2,  # here; tests/integration/test_submitting_manual.py
    ("docs/submitting.md", "yaml"): 1,  # likewise
    ("docs/submitting.md", "python"): 1,  # likewise
    ("docs/api.md", "python"): 1,  # likewise
    ("docs/plugins.md", "python"): 15,  # test_plugins_manual.py
    ("docs/plugins.md", "js"): 1,  # test_plugins_manual.py, and tests/acceptance/web/test_plugin_pages.py
    ("docs/plugins.md", "yaml"): 2,  # test_plugins_manual.py
    ("docs/plugins.md", "toml"): 1,  # tests/acceptance/test_outside_plugin.py
    ("docs/access.md", "yaml"): 3,  # here
    ("docs/access.md", "nginx"): 1,  # tests/acceptance/test_nginx.py
    ("docs/access.md", "sh"): 1,  # here; tests/acceptance/test_access_for_real.py
    ("docs/dependencies.md", "sh"): 4,  # tests/acceptance/test_job_waits.py
    ("docs/dependencies.md", "json"): 1,  # tests/integration/test_compiler_waits.py
    ("docs/dependencies.md", "js"): 1,  # likewise
    ("docs/previews.md", "sh"): 2,  # tests/integration/test_previews_manual.py
    ("docs/previews.md", "js"): 2,  # tests/integration/test_compiler_frames.py
    ("docs/time.md", "sh"): 2,  # here; tests/integration/test_time_manual.py
    ("docs/frames.md", "sh"): 3,  # here; tests/integration/test_frames_manual.py
    ("docs/limits.md", "sh"): 7,  # here; tests/integration/test_limits_manual.py
    ("docs/limits.md", "js"): 1,  # tests/integration/test_job_workers.py
    ("docs/failures.md", "sh"): 2,  # here; tests/integration/test_failures_manual.py
    ("docs/failures.md", "yaml"): 1,  # likewise
    ("docs/failures.md", "js"): 1,  # likewise
    ("docs/self-test.md", "sh"): 2,  # here; tests/acceptance/test_self_tests.py
    ("docs/self-test.md", "yaml"): 1,  # here
    ("docs/simulate.md", "sh"): 1,  # here; tests/acceptance/test_simulate.py
    ("docs/from-flamenco.md", "sh"): 3,  # here; tests/acceptance/test_migration.py
    ("docs/keeping.md", "sh"): 5,  # here; tests/acceptance/test_trash.py
    ("docs/keeping.md", "yaml"): 2,  # here
    (
        "docs/operating.md",
        "sh",
    ): 5,  # here; test_service_command.py, test_backup.py, test_containers.py, test_packages.py
    ("docs/operating.md", "yaml"): 2,  # tests/plugins/test_monitoring.py
    ("docs/packages.md", "sh"): 6,  # tests/acceptance/test_packages.py; test_service_command.py
    ("docs/database.md", "sh"): 1,  # here; tests/integration/test_database_copy.py
    ("docs/database.md", "yaml"): 2,  # here
    ("docs/database.md", "sql"): 1,  # what psql takes
    ("docs/database.md", "nginx"): 1,  # tests/acceptance/test_nginx_before_two.py
    ("docs/settings.md", "yaml"): 1,  # here
    ("docs/worker-settings.md", "yaml"): 1,  # here
    ("jobtypes/README.md", "js"): 1,  # tests/unit/test_cli_jobtypes.py
    ("jobtypes/README.md", "yaml"): 1,  # tests/unit/test_cli_jobtypes.py
}
"""How many blocks of code a manual has in a language, and where they are run."""

SHELL = [
    *("README.md", "CONTRIBUTING.md"),
    *("docs/access.md", "docs/database.md", "docs/failures.md", "docs/frames.md", "docs/from-flamenco.md"),
    *("docs/keeping.md", "docs/limits.md", "docs/operating.md", "docs/self-test.md", "docs/simulate.md"),
    *("docs/time.md", "docs/install.md", "docs/five-minutes.md", "docs/storage.md", "docs/workers.md"),
    *("docs/submitting.md",),
]
"""The manuals with lines for a shell."""

_SPAN = re.compile(r"`(flamenco [^`]+)`")
_INDENTED = re.compile(r"^    (flamenco .+)$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"[A-Z][A-Z_]*|<.*>|…|\.\.\.")
_PATH = re.compile(r"(?:scripts|tests|\.ci)/\S+")


def lines_for_a_shell(name: str) -> list[str]:
    """The lines in a manual that are to be typed, without comments; one that goes on counts as one."""
    text = "\n".join(manual.blocks("sh", name)).replace("\\\n", " ")
    return [line for each in text.splitlines() if (line := each.partition("  #")[0].strip())]


def commands() -> Iterator[tuple[str, str]]:
    """Every command of ours in a manual, in a block or in the text, with the name of the manual."""
    for path in manual.MANUALS:
        name, text = str(path.relative_to(manual.ROOT)), path.read_text("utf-8")
        typed = lines_for_a_shell(name) if name in SHELL else []
        found = [*(each for each in typed if each.startswith("flamenco ")), *_INDENTED.findall(text)]
        yield from ((name, " ".join(each.split())) for each in dict.fromkeys([*found, *_SPAN.findall(text)]))


def test_every_block_is_tested() -> None:
    """Whoever adds an example says here where it is run."""
    found = Counter(
        (str(path.relative_to(manual.ROOT)), language)
        for path in manual.MANUALS
        for language, _code in manual.all_blocks(str(path.relative_to(manual.ROOT)))
    )
    assert found == TESTED


@pytest.mark.parametrize(("name", "line"), list(commands()))
def test_every_command_can_be_typed(name: str, line: str) -> None:
    """Each is a command that there is, with options that it has; what stands for something is in capitals."""
    words = shlex.split(line.partition(" > ")[0])[1:]
    if "--" in words:  # what follows is for the command that a service runs
        at = words.index("--")
        assert_can_be_typed(name, [words[2], *words[at + 1 :]])
        words = words[:at]
    assert_can_be_typed(name, words)


def assert_can_be_typed(name: str, words: list[str]) -> None:
    """There is such a command, with such options."""
    command: click.Command = main
    context = click.Context(main, info_name="flamenco")
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        word = words.pop(0)
        if _PLACEHOLDER.fullmatch(word) or (name == "docs/plugins.md" and word == "busy"):  # of the example there
            return
        found = command.get_command(context, word)
        assert found, f"there is no command {word!r}"
        command, context = found, click.Context(found, parent=context, info_name=word)
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    options = {word.partition("=")[0] for word in words if word.startswith("-")}
    assert options <= known | {"--help"}


def test_the_configuration_of_the_readme(tmp_path: Path) -> None:
    """A manager takes it, and translates between the platforms as the comments say."""
    file = tmp_path / "flamenco-manager.yaml"
    file.write_text(manual.blocks("yaml", "README.md")[0])
    config = load(file, environ={}, hooks=builtin.core_hooks({})).config
    assert (config.manager_name, config.data_dir, config.listen) == ("Our farm", Path("/srv/flamenco"), ":8080")
    assert set(config.variables) >= {"storage", "blender", "blenderArgs"}


@pytest.mark.parametrize("number", [0, 1])
def test_the_configurations_of_the_page_on_access(tmp_path: Path, number: int) -> None:
    """A manager takes them."""
    file = tmp_path / "flamenco-manager.yaml"
    file.write_text(manual.blocks("yaml", "docs/access.md")[number])
    assert load(file, tmp_path, environ={}, hooks=builtin.core_hooks({})).config.mode is Mode.LOGIN


def test_the_configuration_of_the_page_on_what_is_kept(tmp_path: Path) -> None:
    """A manager takes it."""
    file = tmp_path / "flamenco-manager.yaml"
    file.write_text(manual.blocks("yaml", "docs/keeping.md")[0])
    config = load(file, tmp_path, environ={}, hooks=builtin.core_hooks({})).config
    assert str(config.trash.keep) == "24h0m0s"
    file.write_text(manual.blocks("yaml", "docs/keeping.md")[1])
    config = load(file, tmp_path, environ={}, hooks=builtin.core_hooks({})).config
    assert [rule.do for rule in config.retention] == ["keep", "archive", "trash", "trash"]


def test_the_configuration_of_the_page_on_self_tests(tmp_path: Path) -> None:
    """A manager takes it."""
    file = tmp_path / "flamenco-manager.yaml"
    file.write_text(manual.blocks("yaml", "docs/self-test.md")[0])
    config = load(file, tmp_path, environ={}, hooks=builtin.core_hooks({})).config.self_test
    assert (config.at_sign_on, config.least_free_mb, str(config.most_clock_offset)) == (True, 2000, "5s")


def test_the_configuration_with_tls(tmp_path: Path) -> None:
    """A manager looks for these files."""
    file = tmp_path / "flamenco-manager.yaml"
    file.write_text(manual.blocks("yaml", "docs/access.md")[2])
    config = load(file, tmp_path, environ={}, hooks=builtin.core_hooks({})).config
    assert config.tls_files == (Path("/etc/flamenco/farm.pem"), Path("/etc/flamenco/farm.key"))


@pytest.mark.parametrize("number", [0, 1])
def test_the_configurations_of_the_page_on_the_database(tmp_path: Path, number: int) -> None:
    """A manager takes them, and uses PostgreSQL."""
    file = tmp_path / "flamenco-manager.yaml"
    file.write_text(manual.blocks("yaml", "docs/database.md")[number])
    config = load(file, tmp_path, environ={}, hooks=builtin.core_hooks({})).config
    assert config.database_url == "postgresql+psycopg://flamenco:SECRET@db.studio.lan/flamenco"


def test_the_example_of_the_settings(tmp_path: Path) -> None:
    """A manager takes the file that the page of its settings shows."""
    file = tmp_path / "flamenco-manager.yaml"
    file.write_text(manual.blocks("yaml", "docs/settings.md")[0])
    assert load(file, tmp_path, environ={}, hooks=builtin.core_hooks({})).config


def test_the_example_of_the_settings_of_a_worker(tmp_path: Path) -> None:
    """A worker takes the file that the page of its settings shows."""
    file = tmp_path / "flamenco-worker.yaml"
    file.write_text(manual.blocks("yaml", "docs/worker-settings.md")[0])
    assert worker_settings.load(file, environ={}).restart_exit_code == 47


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_what_is_to_be_run_is_there(name: str) -> None:
    """Scripts that a manual names can be run, and so can the tests that it names."""
    named = {path.rstrip(".,;)") for line in manual.blocks("sh", name) for path in _PATH.findall(line)}
    assert named
    for path in named:
        assert (manual.ROOT / path).exists(), path
        assert not path.startswith(("scripts/", ".ci/")) or os.access(manual.ROOT / path, os.X_OK), path


def test_the_folders_are_those_of_the_layout() -> None:
    """Whatever is named there exists, and no part of the program is missing."""
    layout = manual.blocks("", "CONTRIBUTING.md")[0]
    ours, _, others = layout.partition("\njobtypes/")
    named = set(re.findall(r"(?:^  |  )([a-z_]+(?:/|\.py)) ", ours, re.MULTILINE))
    parts = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    assert named == parts - {"__init__.py", "__main__.py", "_version.py"}
    for folder in re.findall(r"\b([a-z]+)/(?=\s)", f"jobtypes/{others}"):
        assert (manual.ROOT / folder).is_dir() or (manual.ROOT / "tests" / folder).is_dir(), folder


def test_the_layers_are_those_that_are_held() -> None:
    """What stands further to the left is imported by what stands further to the right, and never the other way."""
    line = manual.blocks("", "CONTRIBUTING.md")[1]
    groups = [{part.strip() for part in group.split(",")} for group in line.split("<")]
    listed, below = set[str]().union(*groups), set[str]()
    for group in groups:
        below |= group
        for layer in group:
            assert layer_of(f"flamenco.{layer}") == layer
            assert MAY_IMPORT[layer] & listed <= below
