"""Scheduled tasks of Windows: what runs from the start of the machine without anything else being installed.

https://learn.microsoft.com/windows/win32/taskschd/task-scheduler-schema says what each element does.
"""

from __future__ import annotations

import subprocess
from typing import Final
from xml.etree import ElementTree as ET

from flamenco.cli.service.description import Service

_NAMESPACE: Final = "http://schemas.microsoft.com/windows/2004/02/mit/task"

_SYSTEM: Final = "S-1-5-18"
"""LocalSystem, which sees no drive letters that a user has mapped."""

_MOST_RESTARTS: Final = 999


def task_name(service: Service) -> str:
    """By what the task scheduler knows it."""
    return f"Flamenco\\{service.name}"


def file_name(service: Service) -> str:
    """What the file is called from which the task is made."""
    return f"{service.name}.xml"


def task(service: Service) -> str:
    """The text of the file. Windows wants UTF-16, and says so in it."""
    ET.register_namespace("", _NAMESPACE)
    root = ET.Element(f"{{{_NAMESPACE}}}Task", version="1.2")
    _add(root, "RegistrationInfo", {"Description": service.title})
    trigger = "LogonTrigger" if service.is_of_user else "BootTrigger"
    _add(_add(root, "Triggers"), trigger, {"Enabled": "true", **({} if service.is_of_user else {"Delay": "PT30S"})})
    _add(_add(root, "Principals"), "Principal", _principal(service)).set("id", "Author")
    settings = _add(root, "Settings")
    _add(settings, "RestartOnFailure", {"Interval": "PT1M", "Count": str(_MOST_RESTARTS)})
    for name, value in _SETTINGS.items():
        _add(settings, name).text = value
    actions = _add(root, "Actions")
    actions.set("Context", "Author")
    program, *arguments = service.command
    line = {
        "Command": program,
        "Arguments": subprocess.list2cmdline(arguments),
        "WorkingDirectory": str(service.folder),
    }
    _add(actions, "Exec", line)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-16"?>\n{ET.tostring(root, encoding="unicode")}\n'


_SETTINGS: Final = {
    "MultipleInstancesPolicy": "IgnoreNew",
    "DisallowStartIfOnBatteries": "false",
    "StopIfGoingOnBatteries": "false",
    "StartWhenAvailable": "true",
    "RunOnlyIfNetworkAvailable": "false",
    "ExecutionTimeLimit": "PT0S",  # for ever
    "Priority": "7",
    "Enabled": "true",
}


def _principal(service: Service) -> dict[str, str]:
    if service.is_of_user:
        return {"LogonType": "InteractiveToken", "RunLevel": "LeastPrivilege"}
    if service.run_as:
        # Without a password Windows lets it reach nothing on the network; `schtasks /create /ru` asks for one.
        return {"UserId": service.run_as, "LogonType": "Password", "RunLevel": "LeastPrivilege"}
    return {"UserId": _SYSTEM, "RunLevel": "LeastPrivilege"}


def _add(parent: ET.Element, name: str, children: dict[str, str] | None = None) -> ET.Element:
    added = ET.SubElement(parent, f"{{{_NAMESPACE}}}{name}")
    for child, value in (children or {}).items():
        ET.SubElement(added, f"{{{_NAMESPACE}}}{child}").text = value
    return added
