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
from flamenco.config import documentation


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


# -- what settings mean -------------------------------------------------------------------------------------------


def describe(*arguments: str, code: int = 0, **environ: str) -> str:
    """What `flamenco config describe` prints."""
    result = CliRunner().invoke(main, ["config", "describe", *arguments], env=environ)
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def test_a_setting_in_words() -> None:
    """A setting is told with all that is needed to set it."""
    assert describe("task_fail_after_softfail_count").splitlines() == [
        "task_fail_after_softfail_count",
        "  So many workers have to fail a task before it counts as failed.",
        "  type:         whole number, 0 to 1000000",
        "  default:      3",
        "  environment:  FLAMENCO_TASK_FAIL_AFTER_SOFTFAIL_COUNT",
        "  command line: --set task_fail_after_softfail_count=VALUE",
    ]


def test_settings_below_a_key() -> None:
    """A key may be a group; each setting is told once, in the order of the keys."""
    told = msgspec.json.decode(describe("shaman.garbageCollect", "threads", "shaman", "--json"))
    assert [each["key"] for each in told] == [
        "shaman.garbageCollect.period",
        "shaman.garbageCollect.maxAge",
        "threads",
        "shaman.enabled",
        "shaman.checkout_links",
    ]
    assert told[0]["default"] == "24h0m0s"
    assert (told[2]["type"], told[2]["secret"]) == ("whole number, 1 to 256", False)


def test_all_settings(tmp_path: Path) -> None:
    """Without a key it is every setting there is: the same ones that `show` has values of, plugins' included."""
    (tmp_path / "flamenco-manager.yaml").write_text("plugins: [webhooks]")
    told = {each["key"]: each for each in msgspec.json.decode(describe("--json"))}
    shown = {
        each["key"].partition("variables.")[0] or "variables" for each in msgspec.json.decode(show("--json").stdout)
    }
    assert set(told) == shown
    assert told["plugins.webhooks.endpoints"]["secret"]
    assert {told[key]["type"] for key in ("job_types_dir", "data_dir")} == {"path"}
    assert told["database"]["type"] == "path or URL"
    assert told["plugins"]["type"] == "list of names, or group with a key for each plugin"


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("task_timeuot", "did you mean 'task_timeout'?"),
        ("maxage", "did you mean 'shaman.garbageCollect.maxAge'?"),
        ("plugins.ageing", "`flamenco plugins show ageing` has the settings of that plugin, if any."),
        ("plugins.ageing.points_per_hour", "`flamenco plugins show ageing` has the settings of that plugin, if any."),
        ("zzzzz", "`flamenco config describe` has all there are."),
    ],
)
def test_settings_that_are_not_there(key: str, hint: str) -> None:
    """What is no setting is told with the one that may be meant, or with where to look."""
    assert describe(key, code=2).startswith(f"flamenco: There is no setting {key!r}; {hint}")


def test_the_page_is_the_same_everywhere(tmp_path: Path) -> None:
    """What is set here, and which machine this is, does not show in the page that goes into the documentation."""
    (tmp_path / "flamenco-manager.yaml").write_text("{threads: 99, plugins: [ageing]}")
    result = CliRunner().invoke(main, ["config", "docs"], env={"FLAMENCO_HOME": str(tmp_path / "home")})
    assert (result.exit_code, result.stdout) == (0, documentation.settings_page())
    assert str(tmp_path) not in result.stdout
    assert "### `plugins.webhooks.endpoints`" in result.stdout
