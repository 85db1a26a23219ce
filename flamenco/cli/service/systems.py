"""Which system keeps services here, where it wants their files, and what is told to it. Each a row, and no more."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from flamenco.cli.service import launchd, systemd, windows
from flamenco.cli.service.description import Service
from flamenco.domain.errors import Refused


class System(Struct, frozen=True, kw_only=True):
    """How services are kept. Commands are lists of words; `{file}`, `{name}` and `{domain}` in them are filled in.

    `text` makes the file, `encoding` is how it is written. `domain`: how launchd calls where a service lives.
    `is_read_once`: it keeps what it has read of a file until the service is taken away.
    """

    name: str
    text: Callable[[Service], str]
    file_name: Callable[[Service], str]
    service_name: Callable[[Service], str]
    folder: Path
    install: list[list[str]]
    uninstall: list[list[str]]
    status: list[str]
    logs: str
    encoding: str = "utf-8"
    domain: str = ""
    is_read_once: bool = False

    def filled(self, command: list[str], service: Service) -> list[str]:
        """A command as it is run for a service."""
        names = {"file": str(self.file(service)), "name": self.service_name(service), "domain": self.domain}
        return [word.format_map(names) for word in command]

    def file(self, service: Service) -> Path:
        """Where the service's file is."""
        return self.folder / self.file_name(service)


def here(*, of_user: bool) -> System:
    """The one of this machine. Raises `Refused` where there is none that is known."""
    system = platform.system()
    if system == "Darwin":
        return _launchd(of_user=of_user)
    if system == "Windows":
        return _windows()
    if shutil.which("systemctl") is None:
        raise Refused(
            "There is no systemd here. Have what looks after programs on this machine run the command that "
            "`flamenco service show` prints, and start it again when it ends."
        )
    return linux(of_user=of_user)


def linux(*, of_user: bool) -> System:
    """systemd's, of the machine or of the user who is signed in."""
    control = ["systemctl", "--user"] if of_user else ["systemctl"]
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return System(
        name="systemd",
        text=systemd.unit,
        file_name=systemd.file_name,
        service_name=systemd.file_name,
        folder=home / "systemd/user" if of_user else Path("/etc/systemd/system"),
        install=[[*control, "daemon-reload"], [*control, "enable", "--now", "{name}"]],
        uninstall=[[*control, "disable", "--now", "{name}"]],
        status=[*control, "status", "--no-pager", "--full", "{name}"],
        logs=f"journalctl {'--user ' if of_user else ''}-u {{name}} -f",
    )


def _launchd(*, of_user: bool) -> System:
    domain = f"gui/{os.getuid()}" if of_user else "system"
    return System(
        name="launchd",
        text=launchd.property_list,
        file_name=launchd.file_name,
        service_name=launchd.label,
        folder=Path.home() / "Library/LaunchAgents" if of_user else Path("/Library/LaunchDaemons"),
        install=[["launchctl", "bootstrap", "{domain}", "{file}"]],
        uninstall=[["launchctl", "bootout", "{domain}/{name}"]],
        status=["launchctl", "print", "{domain}/{name}"],
        logs="tail -f {name}.log, in its folder",
        domain=domain,
        is_read_once=True,
    )


def _windows() -> System:
    return System(
        name="the task scheduler",
        text=windows.task,
        file_name=windows.file_name,
        service_name=windows.task_name,
        folder=Path(os.environ.get("PROGRAMDATA", "C:\\ProgramData")) / "Flamenco",
        install=[
            ["schtasks", "/create", "/f", "/tn", "{name}", "/xml", "{file}"],
            ["schtasks", "/run", "/tn", "{name}"],
        ],
        uninstall=[["schtasks", "/end", "/tn", "{name}"], ["schtasks", "/delete", "/f", "/tn", "{name}"]],
        status=["schtasks", "/query", "/v", "/fo", "list", "/tn", "{name}"],
        logs="the manager's page, or what it prints when it is started in a terminal",
        encoding="utf-16",
    )
