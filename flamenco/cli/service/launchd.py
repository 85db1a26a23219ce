"""Property lists of launchd, which keeps services running on macOS. `man launchd.plist` says what each key does."""

from __future__ import annotations

import plistlib
from pathlib import PurePosixPath
from typing import Any

from flamenco.cli.service.description import STOP_WITHIN_S, Kind, Service


def label(service: Service) -> str:
    """By what launchd knows it."""
    return f"studio.flamenco.{service.name}"


def file_name(service: Service) -> str:
    """What the file is called: launchd wants it to be the label."""
    return f"{label(service)}.plist"


def property_list(service: Service) -> str:
    """The text of the file.

    launchd knows nothing of exit codes: what ends by itself is started again, unless it ended well. So it is not
    restarted by a worker that was sent home; of one that cannot be started it waits ten seconds each time.
    """
    log = str(PurePosixPath(service.folder) / f"{service.name}.log")
    found: dict[str, Any] = {
        "Label": label(service),
        "ProgramArguments": list(service.command),
        "WorkingDirectory": str(service.folder),
        "RunAtLoad": True,
        "KeepAlive": True if service.kind is Kind.MANAGER else {"SuccessfulExit": False},
        "ThrottleInterval": 10,
        "ExitTimeOut": STOP_WITHIN_S[service.kind],
        "ProcessType": "Interactive",  # or it gets less of the processors than what people use
        "StandardOutPath": log,
        "StandardErrorPath": log,
    }
    if service.run_as and not service.is_of_user:
        found["UserName"] = service.run_as
    if service.environment:
        found["EnvironmentVariables"] = dict(service.environment)
    return plistlib.dumps(found, sort_keys=False).decode()
