"""Every setting, declared once: its key in the file, its type and limits, its default, and what it means.

The declarations are the fields of `Config`: reading, checking, `flamenco config show` and the
documentation are all made from them. Keys are spelt as in Flamenco's own configuration file, so that an
existing file can be used. Relative paths are made absolute by `layers`; in a `Config` that was made by
hand they count from `data_dir`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, field

from flamenco.config.access_settings import AccessConfig, NetworkRoles, WorkersConfig, networks
from flamenco.config.addresses import database_url, is_loopback, parse_listen
from flamenco.config.failure_settings import FailuresConfig
from flamenco.config.keeping_settings import RetentionRules, TrashConfig
from flamenco.config.paths import absolute, default_data_dir
from flamenco.config.plugins import NO_PLUGINS, Values
from flamenco.config.self_test_settings import SelfTestConfig
from flamenco.domain.access import Mode
from flamenco.domain.durations import Duration
from flamenco.domain.errors import ConfigError
from flamenco.domain.variables import JOBS, Variable, VariableValue, everywhere

ADDON_NAME: Final = "flamenco3-addon.zip"
"""What Blender's add-on is called, by all who have a link to it."""

WebServer = Literal["gunicorn", "cheroot"]
LogLevel = Literal["debug", "info", "warning", "error"]
ShamanLinks = Literal["symlink", "hardlink", "copy"]
LogFormat = Literal["auto", "console", "logfmt", "json"]
AutomaticTimeLimit = Literal["off", "warn", "fail"]


_ONLY_IN_FILE: Final = {"only_in_file": True}
"""For what decides which code runs in the manager, what it opens, and how much it may use. Whoever can only reach the
API cannot change that."""


class ShamanGarbageCollectConfig(Struct, frozen=True, kw_only=True, rename="camel"):
    """When stored files that no job needs any more are removed."""

    period: Annotated[Duration, Meta(description="Time between two collections; 0s never collects.")] = Duration(86_400)
    max_age: Annotated[Duration, Meta(description="How long a file that no job uses is kept.")] = Duration(2_678_400)


class ShamanConfig(Struct, frozen=True, kw_only=True, rename="camel"):
    """The store through which clients hand in the files of a job, each of them once."""

    # It needs symbolic links, which Windows does not give to everybody.
    enabled: Annotated[bool, Meta(description="Let clients store the files of jobs through Shaman.")] = (
        sys.platform != "win32"
    )
    garbage_collect: ShamanGarbageCollectConfig = ShamanGarbageCollectConfig()
    checkout_links: Annotated[
        ShamanLinks,
        Meta(
            description="What the folder of a job has of each file: symlink, hardlink or copy. Where the storage "
            "cannot do it, the next of these is used."
        ),
    ] = field(default="symlink", name="checkout_links")


class MqttClientConfig(Struct, frozen=True, kw_only=True):
    """The broker that events are sent to."""

    # Existing files say this and nothing of plugins.
    enabled: Annotated[bool, Meta(description="Send events to an MQTT broker.", extra={"enables": "mqtt"})] = False
    broker: Annotated[
        str,
        Meta(
            description="URL of the broker, such as tcp://host:1883, ssl://host:8883 or ws://host.", extra={"url": True}
        ),
    ] = ""
    client_id: Annotated[str, Meta(description="Name of this manager at the broker.")] = field(
        default="flamenco", name="clientID"
    )
    topic_prefix: Annotated[str, Meta(description="Put before the topic of every event.")] = "flamenco"
    username: Annotated[str, Meta(description="User at the broker; empty for none.")] = ""
    password: Annotated[str, Meta(description="Password of that user.", extra={"secret": True})] = ""


class MqttConfig(Struct, frozen=True, kw_only=True):
    """Events over MQTT."""

    client: MqttClientConfig = MqttClientConfig()


class TlsConfig(Struct, frozen=True, kw_only=True):
    """The manager's own TLS, where no proxy before it does that."""

    certificate: Annotated[
        str,
        Meta(
            description="PEM file of the certificate that the manager shows, and of those that vouch for it; with it, "
            "the manager speaks https and nothing else. Renewed files are taken up within seconds, without a restart.",
            extra={**_ONLY_IN_FILE, "path": True},
        ),
    ] = ""
    key: Annotated[
        str,
        Meta(
            description="PEM file of the certificate's key, for the manager's user alone (0600), not encrypted.",
            extra={**_ONLY_IN_FILE, "path": True},
        ),
    ] = ""


def default_variables() -> dict[str, Variable]:
    """The variables that every farm has, unless its configuration gives them other values."""
    linux, windows, mac = ("linux", "windows", "darwin")
    return {
        "blender": Variable(
            values=(
                VariableValue(platform=linux, value="blender"),
                VariableValue(platform=windows, value="blender.exe"),
                VariableValue(platform=mac, value="blender"),
            )
        ),
        "blenderArgs": everywhere("-b -y"),
        "ffmpeg": Variable(
            values=(
                VariableValue(platform="all", value="ffmpeg"),
                VariableValue(platform=windows, value="ffmpeg.exe"),
            )
        ),
    }


def _default_server() -> WebServer:
    return "cheroot" if sys.platform == "win32" else "gunicorn"


def _default_processes() -> int:
    return min(2, os.cpu_count() or 1)


class Config(Struct, frozen=True, kw_only=True):
    """The settings of a manager. Frozen: a changed configuration is another `Config`."""

    manager_name: Annotated[str, Meta(description="Name of the farm, shown to people.")] = "Flamenco"
    data_dir: Annotated[
        Path, Meta(description="The folder below which all state of the manager lies.", extra=_ONLY_IN_FILE)
    ] = field(default_factory=default_data_dir)
    listen: Annotated[
        str,
        Meta(
            description="HOST:PORT to listen on; :8080 means every interface. Who can submit jobs runs programs.",
            extra=_ONLY_IN_FILE,
        ),
    ] = "127.0.0.1:8080"
    allowed_hosts: Annotated[
        tuple[str, ...],
        Meta(
            description="Names by which this manager is reached, such as farm.studio.com; addresses, names without a "
            "dot, below .local, .internal or .home.arpa, and its own need not be said. '*' allows any, and with it "
            "every web page that an artist opens.",
            extra=_ONLY_IN_FILE,
        ),
    ] = ()
    public_url: Annotated[
        str,
        Meta(
            description="Where people find this manager, such as https://farm.studio.com/flamenco, when a proxy is "
            "before it.",
            extra=_ONLY_IN_FILE,
        ),
    ] = ""
    database: Annotated[
        str,
        Meta(
            description="SQLite file, or postgresql://USER:PASSWORD@HOST/NAME; empty for a file in data_dir.",
            extra={**_ONLY_IN_FILE, "path": True, "url": True},
        ),
    ] = ""
    database_check_period: Annotated[
        Duration,
        Meta(description="Time between checks of an SQLite file; a broken one ends the manager. 0s for none."),
    ] = Duration(600)
    local_manager_storage_path: Annotated[
        str,
        Meta(
            description="Folder of task logs and images; empty for one in data_dir.",
            extra={**_ONLY_IN_FILE, "path": True},
        ),
    ] = ""
    shared_storage_path: Annotated[
        str,
        Meta(
            description="Folder that manager, workers and artists share; empty for one in data_dir.",
            extra={**_ONLY_IN_FILE, "path": True},
        ),
    ] = ""
    job_types_dir: Annotated[
        str,
        Meta(
            description="Folder of the studio's job types; empty for jobtypes in data_dir.",
            extra={**_ONLY_IN_FILE, "path": True},
        ),
    ] = ""
    archives_dir: Annotated[
        str,
        Meta(
            description="Folder of archived jobs; empty for archives in data_dir.",
            extra={**_ONLY_IN_FILE, "path": True},
        ),
    ] = ""
    plugins_dir: Annotated[
        str,
        Meta(
            description="Folder of the studio's plugins; empty for plugins in data_dir.",
            extra={**_ONLY_IN_FILE, "path": True},
        ),
    ] = ""
    plugins: Annotated[
        Values,
        Meta(
            description="The plugins to use, in the order they are asked, each with its settings below it.",
            extra=_ONLY_IN_FILE,
        ),
    ] = NO_PLUGINS
    addon_file: Annotated[
        str,
        Meta(
            description="Blender's add-on, for artists to download; empty for flamenco3-addon.zip in data_dir.",
            extra={**_ONLY_IN_FILE, "path": True},
        ),
    ] = ""
    blender_folders: Annotated[
        tuple[str, ...],
        Meta(
            description="Folders on the manager's machine that may have a Blender in them or below, besides those "
            "where programs are installed: the set-up assistant runs none from elsewhere.",
            extra=_ONLY_IN_FILE,
        ),
    ] = ()
    autodiscoverable: Annotated[bool, Meta(description="Let workers find this manager on the network.")] = True
    shaman: ShamanConfig = ShamanConfig()
    trash: TrashConfig = TrashConfig()
    retention: RetentionRules = ()
    self_test: SelfTestConfig = SelfTestConfig()
    task_timeout: Annotated[
        Duration,
        Meta(description="A task nobody reported on for this long fails; 0s switches task and worker timeouts off."),
    ] = Duration(600)
    worker_timeout: Annotated[Duration, Meta(description="A worker that was silent for this long is in error.")] = (
        Duration(60)
    )
    put_workers_away_after: Annotated[
        Duration,
        Meta(
            description="A worker that was not seen for this long is put away: it is in no list, until it signs on "
            "again. 0s puts away none."
        ),
    ] = Duration(30 * 86_400)
    timeout_check_interval: Annotated[Duration, Meta(description="Time between two checks for timeouts.")] = Duration(
        60
    )
    timeout_check_delay: Annotated[
        Duration,
        Meta(description="Time from the start to the first check for timeouts, for workers to come back."),
    ] = Duration(300)
    blocklist_threshold: Annotated[
        int,
        Meta(
            description="So many failed tasks of one type block a worker from that type in that job.",
            ge=0,
            le=1_000_000,
        ),
    ] = 3
    task_fail_after_softfail_count: Annotated[
        int,
        Meta(description="So many workers have to fail a task before it counts as failed.", ge=0, le=1_000_000),
    ] = 3
    failures: FailuresConfig = FailuresConfig()
    automatic_time_limit: Annotated[
        AutomaticTimeLimit,
        Meta(
            description="What becomes of a task without max_run_time that takes more than five minutes, and six times "
            "what half of at least eight others of its job and type took: off, warn, or fail, which tries it elsewhere."
        ),
    ] = "warn"
    policies: Annotated[
        dict[str, float],
        Meta(description="The scheduling policies in use, each with the weight of its say; empty for all there are."),
    ] = field(default_factory=dict)
    server: Annotated[
        WebServer,
        Meta(
            description="The web server: gunicorn, which answers in several processes, or cheroot, in one, for Windows "
            "and wherever processes cannot be forked (the extra `cheroot`, docs/packages.md).",
            extra=_ONLY_IN_FILE,
        ),
    ] = field(default_factory=_default_server)
    processes: Annotated[
        int,
        Meta(description="Processes that answer requests; cheroot has one.", ge=1, le=64, extra=_ONLY_IN_FILE),
    ] = field(default_factory=_default_processes)
    threads: Annotated[
        int, Meta(description="Threads in each of those processes.", ge=1, le=256, extra=_ONLY_IN_FILE)
    ] = 8
    connections: Annotated[
        int,
        Meta(
            description="Most connections that each of those processes keeps open. Where more come, those that are "
            "waited for longest are closed.",
            ge=16,
            le=100_000,
            extra=_ONLY_IN_FILE,
        ),
    ] = 6_000
    connections_per_address: Annotated[
        int,
        Meta(
            description="Most of them from one address; 0 for any number. All clients behind a proxy or a router have "
            "its address, and each worker keeps one or two open.",
            ge=0,
            le=100_000,
            extra=_ONLY_IN_FILE,
        ),
    ] = 4_000
    compile_timeout: Annotated[
        Duration,
        Meta(
            description="Most processor time that a job type's script may take; on a busy machine, it may take thirty "
            "times as long.",
            extra=_ONLY_IN_FILE,
        ),
    ] = Duration(10)
    compile_memory_mb: Annotated[
        int, Meta(description="Most memory a job type's script may use, in MiB.", ge=64, le=65_536, extra=_ONLY_IN_FILE)
    ] = 512
    max_tasks_per_job: Annotated[
        int, Meta(description="Most tasks one job may have.", ge=1, le=10_000_000, extra=_ONLY_IN_FILE)
    ] = 1_000_000
    max_commands_per_task: Annotated[
        int, Meta(description="Most commands one task may have.", ge=1, le=100_000, extra=_ONLY_IN_FILE)
    ] = 1_000
    max_text_kb: Annotated[
        int,
        Meta(
            description="Longest text in a job's settings and parameters, in thousands of characters.",
            ge=1,
            le=1_048_576,
            extra=_ONLY_IN_FILE,
        ),
    ] = 1_024
    max_body_mb: Annotated[
        int,
        Meta(
            description="Largest request body, in MiB; rendered images among them.",
            ge=1,
            le=65_536,
            extra=_ONLY_IN_FILE,
        ),
    ] = 32
    max_events: Annotated[
        int,
        Meta(
            description="So many events are kept at most, for sinks and programs that come later; the oldest go first, "
            "and all of them after seven days.",
            ge=1000,
            le=1_000_000_000,
            extra=_ONLY_IN_FILE,
        ),
    ] = 250_000
    task_log_mb: Annotated[
        int,
        Meta(
            description="Longest log of a task, in MiB: of a longer one the beginning and the newest stay, and a line "
            "says how much is missing; 0 for no limit.",
            ge=0,
            le=1_048_576,
            extra=_ONLY_IN_FILE,
        ),
    ] = 100
    registrations_per_hour: Annotated[
        int,
        Meta(
            description="Most workers that may register from one address within an hour; 0 for any number. A worker "
            "registers once.",
            ge=0,
            le=1_000_000,
            extra=_ONLY_IN_FILE,
        ),
    ] = 1_000
    tls: TlsConfig = TlsConfig()
    access: AccessConfig = AccessConfig()
    workers: WorkersConfig = WorkersConfig()
    mqtt: MqttConfig = MqttConfig()
    log_level: Annotated[LogLevel, Meta(description="How much is logged: debug, info, warning or error.")] = "info"
    log_format: Annotated[
        LogFormat,
        Meta(
            description="console for people, logfmt or json for machines; auto is console on a terminal, else logfmt."
        ),
    ] = "auto"
    variables: Annotated[
        dict[str, Variable],
        Meta(description="What {name} means on each platform; added to the variables that every farm has."),
    ] = field(default_factory=default_variables)

    @property
    def host(self) -> str:
        """The host to listen on, without brackets; :: for every interface."""
        return self._address()[0]

    @property
    def port(self) -> int:
        """The port to listen on; 0 for any that is free."""
        return self._address()[1]

    def _address(self) -> tuple[str, int]:
        try:
            return parse_listen(self.listen)
        except ValueError as error:
            raise ConfigError(f"listen: {error}.") from error

    @property
    def mode(self) -> Mode:
        """What somebody may do who brings no credentials."""
        if self.access.mode != "auto":
            return Mode(self.access.mode)
        # Whoever reaches it by another name, or by a proxy, need not be on this machine.
        is_alone = not (self.public_url or self.allowed_hosts or self.access.proxy.trusted)
        return Mode.OPEN if is_loopback(self.host) and is_alone else Mode.LAN

    @property
    def registration(self) -> str:
        """How programs become workers: open, approve, secret or closed."""
        if self.workers.registration != "auto":
            return self.workers.registration
        return "approve" if self.mode is Mode.LOGIN else "open"

    def check_networks(self) -> None:
        """Raise `ConfigError` for what is no network."""
        NetworkRoles(self.access.networks)
        networks("access.proxy.trusted", self.access.proxy.trusted)

    @property
    def database_url(self) -> str:
        """The database as SQLAlchemy names it: `sqlite:////absolute/file` or `postgresql+psycopg://…`."""
        try:
            return database_url(self.database, self.data_dir)
        except ValueError as error:
            raise ConfigError(f"database: {error}.") from error

    @property
    def tls_files(self) -> tuple[Path, Path] | None:
        """Certificate and key, absolute, where the manager is to speak TLS itself."""
        if bool(self.tls.certificate) != bool(self.tls.key):
            there, missing = ("certificate", "key") if self.tls.certificate else ("key", "certificate")
            raise ConfigError(f"tls.{there} is set, and tls.{missing} is not; set both of them, or none.")
        files = self._below_data_dir(self.tls.certificate), self._below_data_dir(self.tls.key)
        return files if self.tls.certificate else None

    @property
    def job_types_path(self) -> Path:
        """The folder of the studio's job types, absolute; it may not exist."""
        return self._below_data_dir(self.job_types_dir or "jobtypes")

    @property
    def archives_path(self) -> Path:
        """The folder of archived jobs, absolute; it may not exist."""
        return self._below_data_dir(self.archives_dir or "archives")

    @property
    def plugins_path(self) -> Path:
        """The folder of the studio's plugins, absolute; it may not exist."""
        return self._below_data_dir(self.plugins_dir or "plugins")

    @property
    def local_storage_path(self) -> Path:
        """The folder of task logs and images, absolute; it may not exist yet."""
        return self._below_data_dir(self.local_manager_storage_path or "storage")

    @property
    def addon_path(self) -> Path:
        """Blender's add-on, absolute; it may not exist."""
        return self._below_data_dir(self.addon_file or ADDON_NAME)

    @property
    def shared_path(self) -> Path:
        """The folder that manager, workers and artists share, as the manager sees it."""
        return self._below_data_dir(self.shared_storage_path or "shared")

    @property
    def effective_storage_path(self) -> str:
        """Where the files of jobs are, as the manager sees it: the value of the variable `jobs`."""
        return str(self.shared_path / "jobs" if self.shaman.enabled else self.shared_path)

    @property
    def effective_variables(self) -> dict[str, Variable]:
        """The variables with the one that is computed, `jobs`, in place of any that was configured."""
        return {**self.variables, JOBS: everywhere(self.effective_storage_path)}

    def _below_data_dir(self, path: str) -> Path:
        return Path(absolute(path, self.data_dir))
