"""A worker's settings, where they come from, what is refused; and what people write as the manager's URL."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from flamenco import builtin
from flamenco.client import ManagerClient, parse_manager_url
from flamenco.domain.durations import Duration
from flamenco.domain.errors import ConfigError
from flamenco.worker.bootstrap import warn_of_task_types
from flamenco.worker.worker_settings import WorkerSettings, environment_name, load, settings_list

FLAMENCO_FILE = """\
worker_name: tall-one
manager_url: http://farm:8080/
task_types: [blender, misc]
restart_exit_code: 47
oom_score_adjust: 500
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A file that an existing Flamenco Worker may have."""
    file = tmp_path / "flamenco-worker.yaml"
    file.write_text(FLAMENCO_FILE)
    return file


def test_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file everything is as in Flamenco's own worker."""
    monkeypatch.chdir(tmp_path)
    settings = load(environ={})
    assert settings == WorkerSettings()
    assert settings.task_types == ("blender", "ffmpeg", "file-management", "misc")
    assert [float(pause) for pause in (settings.poll_start, settings.poll_no_task, settings.poll_error)] == [3, 20, 60]
    assert [float(pause) for pause in (settings.poll_after_task, settings.poll_asleep, settings.may_i_run)] == [
        2,
        3,
        10,
    ]
    assert (float(settings.log_chunk), settings.log_chunk_bytes, float(settings.update_retry)) == (30, 10240, 30)


def test_a_file_of_an_existing_worker(config: Path) -> None:
    """Flamenco's own keys mean the same here."""
    assert load(config, environ={}) == WorkerSettings(
        worker_name="tall-one",
        manager_url="http://farm:8080/",
        task_types=("blender", "misc"),
        restart_exit_code=47,
        oom_score_adjust=500,
    )


def test_texts_need_no_quotes(config: Path) -> None:
    """A worker may be called by a number, and is called so as it is written."""
    config.write_text("worker_name: 007\ntask_types: [yes, 1.50]\nrestart_exit_code: 0x2F\n")
    settings = load(config, environ={})
    assert (settings.worker_name, settings.task_types) == ("007", ("yes", "1.50"))
    assert settings.restart_exit_code == 47


def test_the_file_in_the_current_directory_is_read(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --config it is flamenco-worker.yaml where the worker was started."""
    monkeypatch.chdir(config.parent)
    assert load(environ={}).worker_name == "tall-one"


@pytest.mark.parametrize("content", ["", "# nothing\n", "manager_url:\n", "{}"])
def test_a_file_that_says_nothing(config: Path, content: str) -> None:
    """Empty files and keys without a value leave the defaults."""
    config.write_text(content)
    assert load(config, environ={}) == WorkerSettings()


def test_layers(config: Path) -> None:
    """The environment goes over the file, the command line over both."""
    environ = {
        "FLAMENCO_WORKER_NAME": "from-environment",
        "FLAMENCO_WORKER_TIMEOUT": "1m",  # the manager's, on the same machine
        "FLAMENCO_WORKER_MANAGER_URL": "http://environment",
        "FLAMENCO_WORKER_POLL_NO_TASK": "1m30s",
        "FLAMENCO_HOME": "/not/a/setting/of/ours",
    }
    settings = load(config, {"manager_url": "http://command-line", "task_types": "misc, ffmpeg"}, environ)
    assert settings.worker_name == "from-environment"
    assert settings.manager_url == "http://command-line"
    assert settings.poll_no_task == Duration(90)
    assert settings.task_types == ("misc", "ffmpeg")
    assert settings.restart_exit_code == 47


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("worker_nmae: x", r"Unknown key 'worker_nmae' in file .*flamenco-worker.yaml; did you mean 'worker_name'\?"),
        ("manager-url: x", "did you mean 'manager_url'"),
        ("zzz: 1", "Unknown key 'zzz' in file .*--help"),
        ("task_types: blender", r"task_types: .* \(file .*flamenco-worker.yaml\)"),
        ("restart_exit_code: soon", r"restart_exit_code: .*soon.*\(file "),
        ("restart_exit_code: 256", r"restart_exit_code: .*<= 255 \(file "),
        ("poll_no_task: 20", "poll_no_task: 20 is not a duration"),
        ("poll_no_task: fast", "poll_no_task: 'fast' is not a duration"),
        ("- a list", "has no settings"),
        ("a: [", "is not YAML in line"),
    ],
)
def test_wrong_files(config: Path, content: str, message: str) -> None:
    """What is wrong in a file stops the start, naming the key and the file."""
    config.write_text(content)
    with pytest.raises(ConfigError, match=message):
        load(config, environ={})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        ("missing", r"There is no configuration file .*config\.yaml\."),
        ("folder", r"The configuration file .*config\.yaml cannot be read: Is a directory\."),
        ("bytes", r"The configuration file .*config\.yaml is not UTF-8 text\."),
    ],
)
def test_unreadable_files(tmp_path: Path, make: str, message: str) -> None:
    """A file that was asked for and cannot be read stops the start."""
    file = tmp_path / "config.yaml"
    if make == "folder":
        file.mkdir()
    elif make == "bytes":
        file.write_bytes(b"\xff\xff")
    with pytest.raises(ConfigError, match=message):
        load(file, environ={})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("FLAMENCO_WORKER_NMAE", "x", "Unknown key 'FLAMENCO_WORKER_NMAE' in the environment.*'FLAMENCO_WORKER_NAME'"),
        ("FLAMENCO_WORKER_RESTART_EXIT_CODE", "x", r"restart_exit_code: .*\(environment FLAMENCO_WORKER_RESTART_EXIT"),
        ("FLAMENCO_WORKER_OOM_SCORE_ADJUST", "high", "oom_score_adjust"),
    ],
)
def test_wrong_environment(config: Path, name: str, value: str, message: str) -> None:
    """What is wrong in the environment stops the start, naming the variable."""
    with pytest.raises(ConfigError, match=message):
        load(config, environ={name: value})


def test_wrong_command_line(config: Path) -> None:
    """What is wrong on the command line stops the start."""
    with pytest.raises(ConfigError, match=r"may_i_run: 'often' is not a duration.*\(command line\)"):
        load(config, {"may_i_run": "often"}, {})


def test_settings_are_described() -> None:
    """`--help` is made of the declarations, so each has a sentence, and an environment variable of its own."""
    settings = settings_list()
    assert all(setting.help.endswith(".") for setting in settings)
    assert len({environment_name(setting.key) for setting in settings}) == len(settings)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("jemoeder:1234", "http://jemoeder:1234"),
        ("jemoeder", "http://jemoeder/"),
        (" farm ", "http://farm/"),
        ("http://farm:8080/", "http://farm:8080/"),
        ("https://farm", "https://farm/"),
        ("https://farm/below/", "https://farm/below/"),
        ("ftp://farm/", "ftp://farm/"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("192.168.3.4:8080", "http://192.168.3.4:8080"),
    ],
)
def test_manager_urls(text: str, url: str) -> None:
    """The scheme may be left out; what is there is kept."""
    assert parse_manager_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "http://farm:8080/api/v3",
        "farm:8080/api",
        "http://farm:8080/api/",
        "http://farm:8080/api/v3/version?x=1",
        "http://farm:8080/api/x/overview",
        "http://farm:8080/api/v1/",
    ],
)
def test_addresses_of_the_api_lead_to_their_manager(text: str) -> None:
    """What people copy from documents and browsers has the API behind it, which every request adds by itself."""
    assert parse_manager_url(text) == "http://farm:8080/"
    assert parse_manager_url(text.replace("farm:8080", "proxy/key/abc")) == "http://proxy/key/abc/"
    assert parse_manager_url("http://proxy/api-farm/") == "http://proxy/api-farm/"


@pytest.mark.parametrize("text", ["", "http://", ":8080", "farm:port", "http://[::1", "farm:99999"])
def test_no_manager_urls(text: str) -> None:
    """Without a host or with a port that is none it is refused, saying how it should look."""
    with pytest.raises(ConfigError, match=r"is no manager URL.*write http://HOST:PORT"):
        parse_manager_url(text)


@pytest.mark.parametrize("url", ["ftp://farm/", "http://fa rm/", "http://farm\x00"])
def test_urls_that_cannot_be_called(url: str) -> None:
    """A client is not made for what it could never call."""
    with pytest.raises(ConfigError, match="is no manager URL"):
        ManagerClient(url)


def test_types_of_tasks_that_no_command_is_for_are_warned_about() -> None:
    """A misspelt one would leave the worker idle without a word; one of a plugin that is here is fine."""
    commands = builtin.core_hooks({}).command_types()
    with capture_logs() as said:
        warn_of_task_types(("blender", " Misc", "ffmpg", "gpu"), commands)
    lines = [line["event"] for line in said]
    assert lines[0] == "no command here is for tasks of the type 'ffmpg'; did you mean 'ffmpeg'?"
    assert lines[1].startswith("no command here is for tasks of the type 'gpu'; there are blender, ")
    assert len(lines) == 2
