"""`flamenco config show` tells what the settings are, and who set them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from flamenco.cli import main


@pytest.fixture(autouse=True)
def _nobody_else_sets_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a test sets is set."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("FLAMENCO_")]:
        monkeypatch.delenv(name)


def show(*arguments: str, **environ: str) -> Result:
    """Run `flamenco config show`."""
    return CliRunner().invoke(main, ["config", "show", *arguments], env=environ)


def test_columns(tmp_path: Path) -> None:
    """Each setting is a line: its key, who set it, its value."""
    (tmp_path / "farm.yaml").write_text("{task_timeout: 90s, mqtt: {client: {password: hush}}}")
    result = show("--config", "farm.yaml", "--data-dir", "d", FLAMENCO_THREADS="3")
    lines = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert lines["task_timeout"].split() == ["file", str(tmp_path / "farm.yaml"), "1m30s"]
    assert lines["threads"].split() == ["environment", "FLAMENCO_THREADS", "3"]
    assert lines["data_dir"].split() == ["command", "line", str(tmp_path / "d")]
    assert lines["worker_timeout"].split() == ["default", "1m0s"]
    assert lines["database"].split() == ["default", '""']
    assert lines["mqtt.client.password"].endswith("***")
    assert "hush" not in result.stdout
    assert (result.exit_code, result.stderr) == (0, "")


def test_json(tmp_path: Path) -> None:
    """`--json` gives the same as data: values with their types, groups as objects."""
    shown = msgspec.json.decode(show("--json", FLAMENCO_AUTODISCOVERABLE="false").stdout)
    by_key = {setting.pop("key"): setting for setting in shown}
    assert by_key["autodiscoverable"] == {
        "value": False,
        "source": "environment FLAMENCO_AUTODISCOVERABLE",
        "description": "Let workers find this manager on the network.",
    }
    assert by_key["variables.blenderArgs"]["value"] == {"values": [{"value": "-b -y", "platform": "all"}]}


def test_table() -> None:
    """On a terminal it is a table with headings, and brackets in values are text."""
    environ = {**os.environ, "FLAMENCO_MANAGER_NAME": "[bold]Studio[/]", "COLUMNS": "200", "TERM": "xterm"}
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "flamenco", "config", "show"]
    with subprocess.Popen(command, stdout=theirs, stdin=theirs, stderr=theirs, env=environ) as process:
        os.close(theirs)
        output = b""
        while chunk := _read(ours):
            output += chunk
    os.close(ours)
    assert process.returncode == 0
    assert b"setting" in output
    assert b"\x1b[" in output
    assert b"[bold]Studio[/]" in output


def _read(terminal: int) -> bytes:
    """Read what is there; Linux reports the end of a terminal as an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def test_bad_settings() -> None:
    """A configuration that cannot be used is a sentence and exit code 2."""
    result = show(FLAMENCO_TASK_TIMEOUT="soon")
    assert result.stderr.startswith("flamenco: task_timeout: 'soon' is not a duration")
    assert (result.exit_code, result.stdout) == (2, "")


def test_help_has_an_example() -> None:
    """The help shows how it is used."""
    assert "FLAMENCO_TASK_TIMEOUT=5m flamenco config show --config farm.yaml" in show("--help").stdout
