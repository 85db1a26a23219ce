"""`flamenco doctor`: each thing that can be wrong with a manager's machine is found, and told with what helps."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from flamenco.cli import main
from tests import length
from tests.certificates import Authority
from tests.conftest import empty_database

BROKEN = 'const JOB_TYPE = { label: "x", settings: [\n'

Told = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data directory of a manager that has run, with everything for its owner alone."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    database = folder / "flamenco-manager.sqlite"
    database.write_bytes(empty_database())
    database.chmod(0o600)
    return folder


@pytest.fixture
def doctor(data: Path) -> Told:
    """Runs the command, with what the configuration file says; gives the exit code and the findings."""

    def run(configuration: str = "") -> tuple[int, list[dict[str, Any]]]:
        if configuration:
            file = data / "flamenco-manager.yaml"
            file.write_text(configuration)
            file.chmod(0o600)
        done = CliRunner().invoke(main, ["doctor", "--data-dir", str(data), "--json"])
        answer = json.loads(done.stdout)
        assert answer["ok"] is (done.exit_code == 0)
        return done.exit_code, answer["findings"]

    return run


def grades(findings: list[dict[str, Any]], subject: str) -> list[str]:
    """How what was found about something is meant."""
    return [each["grade"] for each in findings if each["subject"] == subject]


def test_nothing_is_wrong(doctor: Told, data: Path) -> None:
    """Whatever was looked at is named, and nothing was changed."""
    before = {path: path.stat().st_mtime_ns for path in data.rglob("*")}
    code, findings = doctor()
    assert code == 0
    assert {each["grade"] for each in findings} == {"ok"}
    assert {each["subject"] for each in findings} == {"versions", "exposure", "files", "database", "job types"}
    assert {path: path.stat().st_mtime_ns for path in data.glob("*.sqlite")}.items() <= before.items()


def test_for_people(data: Path) -> None:
    """A line for each finding."""
    done = CliRunner().invoke(main, ["doctor", "--data-dir", str(data)])
    assert done.exit_code == 0
    assert "Listens on 127.0.0.1:8080: only programs on this machine reach it." in done.stdout


def write(file: Path, text: str) -> None:
    """Write a file, and the folder that it is in."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


def make_foreign(data: Path) -> None:
    """Let the database be that of another program."""
    file = data / "flamenco-manager.sqlite"
    file.unlink()
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE other (x)")
    connection.close()


class Wrong(NamedTuple):
    """What makes something wrong, the configuration for it, and what is told of it."""

    configuration: str
    subject: str
    grade: str
    text: str
    make: Callable[[Path], object] = lambda _: None


@pytest.mark.parametrize(
    "wrong",
    length.every(
        2,
        [
            Wrong("listen: :8080\n", "exposure", "note", "in mode lan: from private networks"),
            Wrong(
                "listen: :8080\naccess: {mode: open}\n", "exposure", "problem", "whoever reaches it may do everything"
            ),
            Wrong("access: {proxy: {trusted: [10.0.0.1]}}\n", "exposure", "note", "public_url"),
            Wrong("allowed_hosts: ['*']\n", "exposure", "problem", "any web page"),
            Wrong(
                "shared_storage_path: /nowhere/at/all\n",
                "storage",
                "problem",
                "does not exist. Choose an existing directory.",
            ),
            Wrong(
                "plugins: [bad]\n",
                "plugins",
                "problem",
                "bad",
                lambda data: write(data / "plugins" / "bad.py", "1 / 0\n"),
            ),
            Wrong("", "job types", "problem", "broken.js", lambda data: write(data / "jobtypes" / "broken.js", BROKEN)),
            Wrong("", "database", "problem", "not of this manager", make_foreign),
            Wrong("", "database", "problem", "", lambda data: write(data / "flamenco-manager.sqlite", "x" * 5000)),
            Wrong("", "files", "note", "can be changed by others", lambda data: data.chmod(0o777)),
            Wrong("", "files", "note", "chmod go-rwx", lambda data: (data / "storage").mkdir(mode=0o755)),
            Wrong("", "files", "note", "chmod 600", lambda data: (data / "flamenco-manager.sqlite").chmod(0o644)),
        ],
    ),
    ids=lambda wrong: f"{wrong.subject} {wrong.text}",
)
def test_what_is_wrong(doctor: Told, data: Path, wrong: Wrong) -> None:
    """It is told, with its grade; what is a problem makes the exit code 1."""
    wrong.make(data)
    code, findings = doctor(wrong.configuration)
    about = [each for each in findings if each["subject"] == wrong.subject and each["grade"] == wrong.grade]
    assert any(wrong.text in each["text"] + each["help"] for each in about), findings
    assert code == (1 if wrong.grade == "problem" else 0)


def test_a_full_disk(doctor: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is nearly full is told once for each folder."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2**20))
    code, findings = doctor()
    assert code == 1
    assert grades(findings, "storage") == ["problem"]


def test_a_configuration_that_cannot_be_used(data: Path) -> None:
    """A sentence, and exit code 2, as of every command."""
    (data / "flamenco-manager.yaml").write_text("listen: nonsense\n")
    done = CliRunner().invoke(main, ["doctor", "--data-dir", str(data)])
    assert done.exit_code == 2
    assert "listen" in done.stderr


@pytest.mark.parametrize(
    ("days", "grade", "said"),
    [(30, "ok", "for localhost"), (5, "note", "expires in"), (-1, "problem", "has expired")],
)
def test_certificates(doctor: Told, tmp_path: Path, days: int, grade: str, said: str) -> None:
    """Whether TLS is on, and how long its certificate holds."""
    pair = Authority(tmp_path / "authority").vouch(days=days)
    _, findings = doctor(f"tls: {{certificate: {pair.certificate}, key: {pair.key}}}\nlisten: ':8443'\n")
    assert grades(findings, "tls") == [grade]
    assert any(said in each["text"] for each in findings if each["subject"] == "tls")
    assert not any("read along" in each["text"] for each in findings)


def test_a_certificate_that_cannot_be_used(doctor: Told) -> None:
    """Is a problem like any other."""
    code, findings = doctor("tls: {certificate: none.pem, key: none.key}\n")
    assert code == 1
    assert grades(findings, "tls") == ["problem"]


def test_without_tls(doctor: Told) -> None:
    """Where others reach it, that is told."""
    _, findings = doctor("listen: ':8080'\n")
    assert any("read along" in each["text"] for each in findings if each["subject"] == "exposure")
