"""`flamenco service` from end to end, with a systemctl that notes what it is told: there is none that runs in tests."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner, Result

from flamenco.cli import main

Run = Callable[..., Result]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd is of Linux")


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a systemctl on the PATH writes down what it is asked; while there is a file `refuses`, it fails."""
    programs = tmp_path / "bin"
    programs.mkdir()
    notes = tmp_path / "told"
    program = programs / "systemctl"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {notes}\n'
        f"[ ! -e {tmp_path}/refuses ] || {{ echo 'Access denied' >&2; exit 4; }}\necho active\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("FLAMENCO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return notes


@pytest.fixture
def run(told: Path) -> Run:
    """Runs `flamenco service …`; `typed` is what somebody answers."""

    def call(*words: str, typed: str = "") -> Result:
        return CliRunner().invoke(main, ["service", *words], input=typed)

    return call


WORKER = ("worker", "--user", "--", "--manager", "http://farm:8080")


def test_a_worker_is_installed_and_taken_away(run: Run, told: Path, tmp_path: Path) -> None:
    """What is written is shown before, and nothing is done without a yes; afterwards all is as it was."""
    unit = tmp_path / "config/systemd/user/flamenco-worker.service"
    refused = run("install", *WORKER, typed="n\n")
    assert refused.exit_code == 1
    assert "nothing was installed" in refused.output
    assert "ExecStart=" in refused.output
    assert not unit.exists()
    assert not told.exists()

    done = run("install", "--yes", *WORKER)
    assert done.exit_code == 0, done.output
    assert unit.read_text() in done.output
    assert f"ExecStart={sys.executable} -m flamenco worker --manager http://farm:8080" in unit.read_text()
    assert told.read_text().splitlines() == [
        "--user daemon-reload",
        "--user enable --now flamenco-worker.service",
    ]
    assert "journalctl --user -u flamenco-worker.service -f" in done.output

    said = run("status", "worker", "--user", "--json")
    assert json.loads(said.output) == {"installed": True, "running": True, "said": "active\n"}
    assert run("uninstall", "worker", "--user", "--yes").exit_code == 0
    assert told.read_text().splitlines()[-1] == "--user disable --now flamenco-worker.service"
    assert list(unit.parent.iterdir()) == []


def test_what_is_not_there(run: Run) -> None:
    """It is said, with where it was looked for, and the exit code."""
    said = run("status", "manager", "--user")
    assert (said.exit_code, "flamenco-manager.service" in said.output) == (1, True)
    gone = run("uninstall", "manager", "--user", "--yes")
    assert (gone.exit_code, "nothing of that name was installed" in gone.output) == (1, True)


def test_a_system_that_refuses(run: Run, tmp_path: Path) -> None:
    """What it said comes through."""
    (tmp_path / "refuses").touch()
    done = run("install", "--yes", *WORKER)
    assert done.exit_code == 1
    assert "`systemctl --user daemon-reload` ended with exit code 4: Access denied" in done.output


def test_a_manager_writes_where_its_settings_say(run: Run, tmp_path: Path) -> None:
    """Its data directory, the shared storage, and the folder of its configuration; nothing is changed by looking."""
    (tmp_path / "farm.yaml").write_text(f"shared_storage_path: {tmp_path}/shared farm\n")
    shown = run("show", "manager", "--run-as", "flamenco", "--", f"--config={tmp_path}/farm.yaml", "--data-dir", "data")
    assert shown.exit_code == 0, shown.output
    assert f'ReadWritePaths=-{tmp_path}/data "-{tmp_path}/shared farm" -{tmp_path}\n' in shown.output
    assert f"WorkingDirectory={tmp_path}/data\n" in shown.output
    assert not (tmp_path / "data").exists()


def test_a_user_who_is_not_there(run: Run, told: Path) -> None:
    """It is said before anything is written, with the line that makes one; systemd says 217."""
    done = run("install", "manager", "--yes", "--run-as", "nobody-of-that-name", "--", "--data-dir", "data")
    assert done.exit_code == 1
    assert "sudo useradd --system nobody-of-that-name" in done.output
    assert not told.exists()


@pytest.mark.parametrize(
    ("program", "folder", "said"),
    [
        ("closed/bin/python", "/srv/flamenco", "cannot run"),
        ("/usr/bin/python3", "closed/farm", "cannot work in"),
    ],
)
def test_a_folder_that_its_user_cannot_enter(
    run: Run, told: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, folder: str, said: str
) -> None:
    """As the home of who installs: which folder it is, and what to do. Those of tests are closed to all others."""
    (tmp_path / "closed").mkdir(mode=0o700)
    monkeypatch.setattr(sys, "executable", str(tmp_path / program))
    done = run("install", "manager", "--yes", "--run-as", "nobody", "--", "--data-dir", str(tmp_path / folder))
    assert done.exit_code == 1
    assert f"nobody {said}" in done.output
    assert "is closed to others" in done.output
    assert not told.exists()


def test_a_python_that_its_user_cannot_run(
    run: Run, told: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A virtual environment that all may read leads to the Python in the home of who made it."""
    (tmp_path / "closed").mkdir(mode=0o700)
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (program := Path(folder) / "python3").symlink_to(tmp_path / "closed" / "python3")
        monkeypatch.setattr(sys, "executable", str(program))
        done = run("install", "manager", "--yes", "--run-as", "nobody", "--", "--data-dir", "/srv/flamenco")
    assert done.exit_code == 1
    assert f"nobody cannot run {program}, as its Python is below" in done.output
    assert not told.exists()


def test_the_folder_of_a_service_is_made(run: Run, tmp_path: Path) -> None:
    """No system makes the one that a service starts in: it would end with 200. It is told before."""
    words = ("worker", "--user", "--", "--data-dir", str(tmp_path / "a/b"))
    done = run("install", *words, typed="y\n")
    assert done.exit_code == 0, done.output
    assert f"Then: make {tmp_path}/a/b; systemctl" in done.output
    assert (tmp_path / "a/b").is_dir()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "worker", "--name", "a b"), "'a b' cannot be the name"),
        (("show", "worker", "--run-as", "a\nb"), "cannot be the name of a user"),
        (("show", "worker", "--run-as", "anna", "--user"), "leave out --run-as or --user"),
        (("show", "printer"), "'printer' is not one of"),
    ],
)
def test_what_cannot_be(run: Run, words: tuple[str, ...], said: str) -> None:
    """A sentence that says what."""
    done = run(*words)
    assert done.exit_code != 0
    assert said in done.output
