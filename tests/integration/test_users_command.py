"""`flamenco users`: says so when it has made a database, which is most often not the one that was meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flamenco.cli import main
from tests.conftest import empty_database

DATABASE = "flamenco-manager.sqlite"


def add(data_dir: Path, name: str) -> Result:
    """Have somebody let in who signs in by a plugin, so that no password is asked for."""
    done = CliRunner().invoke(main, ["users", "add", name, "--no-password", "--data-dir", str(data_dir)])
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{name} can sign in, with the role artist.\n"
    return done


def test_a_new_database_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name, with what to do where there is a farm elsewhere; a second user goes into it without a word."""
    monkeypatch.chdir(tmp_path)
    told = add(tmp_path / "data", "anna").stderr
    assert f"{tmp_path / 'data' / DATABASE} is a new database." in told
    assert "name its folder by --data-dir" in told
    assert not add(tmp_path / "data", "bob").stderr


def test_the_database_of_the_farm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said of the one that a manager has made."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / DATABASE).write_bytes(empty_database())
    assert not add(tmp_path, "anna").stderr
