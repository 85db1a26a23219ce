"""Units of systemd: what is in them, and why.

https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html says what each line does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from flamenco.cli.service.description import STOP_WITHIN_S, Kind, Service

_PLAIN: Final = re.compile(r"[\w@+=:,./-]+", re.ASCII)

_AT_WORK_ALONE: Final = """\
# A manager writes its own files, and nothing else of the machine.
NoNewPrivileges=yes
ProtectSystem=strict
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
CapabilityBoundingSet=
UMask=0027
"""

_WITH_RENDERERS: Final = """\
# A worker runs what studios render with, which needs graphics cards, the shared storage, and folders of its own.
NoNewPrivileges=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
RestrictRealtime=yes
"""


def unit(service: Service) -> str:
    """The text of a unit."""
    return "\n".join(_lines(service)) + "\n"


def file_name(service: Service) -> str:
    """What the unit's file is called."""
    return f"{service.name}.service"


def quoted(word: str) -> str:
    r"""A word of a command line as systemd reads it.

    >>> quoted("/srv/a b/50%")
    '"/srv/a b/50%%"'
    """
    if _PLAIN.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t") + '"'


def _path(word: str) -> str:
    """A path where systemd takes no quotes: percent signs have a meaning there, and nothing else has."""
    return word.replace("%", "%%")


def _assigned(name: str, value: str) -> str:
    escaped = f"{name}={value}".replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n")
    return f'Environment="{escaped}"'


def _lines(service: Service) -> Iterator[str]:
    is_manager = service.kind is Kind.MANAGER
    yield from ("[Unit]", f"Description={service.title.replace('%', '%%')}")
    if not service.is_of_user:
        yield from ("Wants=network-online.target", "After=network-online.target remote-fs.target")
    # Whatever ends it, it is tried again for ever, and not only five times within ten seconds.
    yield from ("StartLimitIntervalSec=0", "", "[Service]")
    if is_manager:
        yield from ("# It says when it is ready, and when it stops.", "Type=notify", "NotifyAccess=main")
        yield "ExecReload=/bin/kill -HUP $MAINPID"
    yield f"ExecStart={' '.join(quoted(word) for word in service.command)}"
    yield f"WorkingDirectory={_path(str(service.folder))}"
    if service.run_as and not service.is_of_user:
        yield f"User={service.run_as}"
    for name, value in sorted(service.environment.items()):
        yield _assigned(name, value)
    yield from ("Restart=always" if is_manager else "Restart=on-failure", "RestartSec=5")
    # A wrong configuration, or a worker's folder that somebody copied: starting again mends neither.
    yield "RestartPreventExitStatus=2"
    # The main process is asked to end; it ends all that it has started.
    yield from ("KillMode=mixed", f"TimeoutStopSec={STOP_WITHIN_S[service.kind]}")
    if not service.is_of_user:
        yield ""
        yield (_AT_WORK_ALONE if is_manager else _WITH_RENDERERS).rstrip("\n")
        if is_manager:
            yield f"ReadWritePaths={' '.join(quoted('-' + str(path)) for path in service.writes)}"
    yield from ("", "[Install]", f"WantedBy={'default' if service.is_of_user else 'multi-user'}.target")
