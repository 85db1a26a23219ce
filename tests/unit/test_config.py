"""Settings: their defaults, and what is made of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from flamenco import bootstrap, builtin
from flamenco.config import Config, Duration, ShamanConfig
from flamenco.config.addresses import database_url, mask_password, parse_listen
from flamenco.config.declared import settings_of
from flamenco.config.paths import absolute, default_data_dir, flamenco_home
from flamenco.domain.errors import ConfigError

DEFAULTS = [
    ("manager_name", "Flamenco"),
    ("listen", "127.0.0.1:8080"),
    ("database", ""),
    ("database_check_period", Duration(600)),
    ("shared_storage_path", ""),
    ("task_timeout", Duration(600)),
    ("worker_timeout", Duration(60)),
    ("blocklist_threshold", 3),
    ("task_fail_after_softfail_count", 3),
    ("autodiscoverable", True),
    ("shaman.enabled", sys.platform != "win32"),
    ("shaman.garbageCollect.period", Duration(24 * 3600)),
    ("shaman.garbageCollect.maxAge", Duration(744 * 3600)),
    ("mqtt.client.enabled", False),
    ("mqtt.client.clientID", "flamenco"),
    ("mqtt.client.topic_prefix", "flamenco"),
    ("policies", {}),
]


@pytest.mark.parametrize(("key", "default"), DEFAULTS)
def test_defaults(key: str, default: object) -> None:
    """A farm without any configuration has the documented settings, under Flamenco's keys."""
    assert {setting.key: setting.default for setting in settings_of(Config)}[key] == default


def test_every_setting_is_explained() -> None:
    """Each setting says in a sentence what it is for."""
    for setting in settings_of(Config):
        assert setting.help.endswith("."), setting.key


def test_environment_names_are_unique() -> None:
    """No two settings share the name of an environment variable."""
    names = [setting.environment_name for setting in settings_of(Config)]
    assert len(names) == len(set(names))


def test_a_config_is_frozen() -> None:
    """Nobody changes a setting behind the back of those who read it already."""
    with pytest.raises(AttributeError):
        Config().manager_name = "other"  # type: ignore[misc]


# -- listen -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [
        (":8080", "::", 8080),
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("localhost:0", "localhost", 0),
        ("farm-1.studio.lan:80", "farm-1.studio.lan", 80),
        ("[::1]:8080", "::1", 8080),
        ("[::]:65535", "::", 65535),
        ("[fe80::1%eth0]:8080", "fe80::1%eth0", 8080),
    ],
)
def test_listen(listen: str, host: str, port: int) -> None:
    """An address is read as host and port; without a host it means every interface."""
    assert parse_listen(listen) == (host, port)
    assert (Config(listen=listen).host, Config(listen=listen).port) == (host, port)


@pytest.mark.parametrize(
    "listen",
    [
        "",
        "8080",
        ":",
        ":x",
        "localhost",
        "localhost:",
        ":65536",
        "::1:8080",
        "[::1]",
        "http://x:80",
        "a b:80",
        ":-1",
        ":٣",
    ],
)
def test_bad_listen(listen: str) -> None:
    """An address that cannot be listened on is refused with examples of ones that can."""
    with pytest.raises(ConfigError, match=r"^listen: .*; write 127\.0\.0\.1:8080, \[::1\]:8080, or :8080 for all\.$"):
        _ = Config(listen=listen).port


@given(st.text(max_size=20))
def test_any_listen_is_read_or_refused(listen: str) -> None:
    """Whatever is written, the answer is a port that exists or a `ValueError`."""
    try:
        host, port = parse_listen(listen)
    except ValueError:
        return
    assert host
    assert 0 <= port <= 65535


# -- database -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("database", "url"),
    [
        ("", "sqlite:////data/flamenco-manager.sqlite"),
        ("  ", "sqlite:////data/flamenco-manager.sqlite"),
        ("farm.db", "sqlite:////data/farm.db"),
        ("sub/farm.db", "sqlite:////data/sub/farm.db"),
        ("/elsewhere/farm.db", "sqlite:////elsewhere/farm.db"),
        ("file:farm.db", "sqlite:////data/farm.db"),
        ("file:/elsewhere/my%20farm.db", "sqlite:////elsewhere/my farm.db"),
        ("file:///elsewhere/farm.db", "sqlite:////elsewhere/farm.db"),
        ("sqlite:///farm.db", "sqlite:////data/farm.db"),
        ("sqlite:////elsewhere/farm.db", "sqlite:////elsewhere/farm.db"),
        ("postgresql://u:p@host:5432/farm", "postgresql+psycopg://u:p@host:5432/farm"),
        ("postgres://host/farm?sslmode=require", "postgresql+psycopg://host/farm?sslmode=require"),
        ("postgresql+psycopg://host/farm", "postgresql+psycopg://host/farm"),
    ],
)
def test_database_url(database: str, url: str) -> None:
    """Files and servers are named in every way people know, and the store gets one form of each."""
    assert database_url(database, Path("/data")) == url
    assert Config(database=database, data_dir=Path("/data")).database_url == url


@pytest.mark.parametrize(
    ("database", "problem"),
    [
        ("mysql://u:secret@h/farm", r"'mysql://u:\*\*\*@h/farm' is no database we know"),
        ("sqlite://", "in memory"),
        (":memory:", "in memory"),
        ("file::memory:", "in memory"),
        ("farm.db?mode=ro", "question mark"),
        ("file:farm.db?mode=ro", "without options"),
        ("file://nas/farm.db", "without a host"),
    ],
)
def test_bad_database(database: str, problem: str) -> None:
    """What cannot be a farm's database is refused with the reason, and without its password."""
    with pytest.raises(ConfigError, match=rf"^database: .*{problem}"):
        _ = Config(database=database).database_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:secret@h/x", "postgresql://u:***@h/x"),
        ("postgresql://u:sec@ret/1@h/x", "postgresql://u:***@h/x"),
        ("postgresql://u@h/x?password=secret&sslmode=on", "postgresql://u@h/x?password=***&sslmode=on"),
        ("postgresql://u@h/x", "postgresql://u@h/x"),
        ("C:\\a:b@c.sqlite", "C:\\a:b@c.sqlite"),
        ("", ""),
    ],
)
def test_passwords_are_masked(url: str, shown: str) -> None:
    """A URL is shown without its password, wherever it stands."""
    assert mask_password(url) == shown


# -- places -------------------------------------------------------------------------------------------------------


def test_everything_lies_below_the_data_directory() -> None:
    """Without other settings, all that a manager keeps is in its data directory."""
    config = Config(data_dir=Path("/data"))
    assert config.job_types_path == Path("/data/jobtypes")
    assert config.plugins_path == Path("/data/plugins")
    assert config.local_storage_path == Path("/data/storage")
    assert config.effective_storage_path == str(Path("/data/shared/jobs"))


def test_places_can_be_chosen() -> None:
    """Each place can be set; a relative one is below the data directory."""
    config = Config(
        data_dir=Path("/data"), job_types_dir="/studio/types", plugins_dir="more", local_manager_storage_path="logs"
    )
    assert config.job_types_path == Path("/studio/types")
    assert config.plugins_path == Path("/data/more")
    assert config.local_storage_path == Path("/data/logs")


@pytest.mark.parametrize(("shaman", "path"), [(True, "/mnt/farm/jobs"), (False, "/mnt/farm")])
def test_effective_storage_path(shaman: bool, path: str) -> None:
    """Jobs are stored in the shared folder, and with Shaman in its folder of checkouts."""
    config = Config(shared_storage_path="/mnt/farm", shaman=ShamanConfig(enabled=shaman))
    assert config.effective_storage_path == path
    (value,) = config.effective_variables["jobs"].values
    assert (value.value, value.platform, value.audience) == (path, "all", "all")


@pytest.mark.parametrize(
    ("environ", "system", "home"),
    [
        ({"FLAMENCO_HOME": "/srv/farm", "XDG_DATA_HOME": "/xdg"}, "linux", Path("/srv/farm")),
        ({"XDG_DATA_HOME": "/xdg"}, "linux", Path("/xdg/flamenco")),
        ({"XDG_DATA_HOME": "xdg"}, "linux", Path.home() / ".local/share/flamenco"),
        ({}, "linux", Path.home() / ".local/share/flamenco"),
        ({"XDG_DATA_HOME": "/xdg"}, "darwin", Path.home() / "Library/Application Support/Flamenco"),
        ({"LOCALAPPDATA": "/local"}, "win32", Path("/local/Blender Foundation/Flamenco")),
        ({}, "win32", Path.home() / "AppData/Local/Blender Foundation/Flamenco"),
    ],
)
def test_default_data_dir(environ: dict[str, str], system: str, home: Path) -> None:
    """The data directory is in the platform's place for data, apart from that of workers."""
    assert flamenco_home(environ, system) == home
    assert default_data_dir(environ, system) == home / "manager"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("x/y", "/base/x/y"),
        ("/x", "/x"),
        ("~/x", str(Path.home() / "x")),
        ("~no-such-user-here/x", "/base/~no-such-user-here/x"),
        ("S:\\renders", "S:\\renders"),
        ("\\\\NAS\\renders", "\\\\NAS\\renders"),
    ],
)
def test_absolute(path: str, expected: str) -> None:
    """Relative paths get a place; the home, absolute paths and Windows' paths keep theirs."""
    assert absolute(path, Path("/base")) == expected


@pytest.mark.parametrize(
    ("path", "reason"),
    [("{tmp}/none", "does not exist"), (r"\\server\share", "UNC"), ("{tmp}/file", "not a directory")],
)
def test_a_shared_storage_that_cannot_be_used_is_warned_about(tmp_path: Path, path: str, reason: str) -> None:
    """The manager starts, since it may be mounted later, and says what is wrong with it."""
    (tmp_path / "file").write_text("")
    config = Config(data_dir=tmp_path / "data", shared_storage_path=path.format(tmp=tmp_path))
    with capture_logs() as said:
        bootstrap.prepare(config, builtin.core_hooks({}))
    (line,) = [each for each in said if each["event"] == "the shared storage cannot be used"]
    assert reason in line["reason"]


def test_a_shared_storage_that_is_there_is_no_warning(tmp_path: Path) -> None:
    """Nor is the one in the data directory, which clients make when they need it."""
    for storage in ("", str(tmp_path)):
        with capture_logs() as said:
            bootstrap.prepare(Config(data_dir=tmp_path / "data", shared_storage_path=storage), builtin.core_hooks({}))
        assert not [each for each in said if each["log_level"] == "warning"]
