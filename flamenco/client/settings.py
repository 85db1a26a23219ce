"""The settings of a manager, as it tells them, and changing them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from flamenco.client.connection import Connection


class ManagerSetting(Struct, frozen=True, kw_only=True):
    """A setting: its value as the manager runs, where that comes from, and why it cannot be changed here, if so."""

    key: str
    topic: str
    kind: str
    help: str
    value: Any
    source: str
    fixed: str = ""


class _Settings(Struct, frozen=True):
    settings: tuple[ManagerSetting, ...]


class SettingCalls:
    """Settings; for administrators."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> tuple[ManagerSetting, ...]:
        """Every setting, secrets masked."""
        return self._connection.fetch("/api/x/settings", _Settings).settings

    def change(self, values: Mapping[str, Any]) -> None:
        """Let the manager's file say these values by key, text as on the command line; None takes one out."""
        self._connection.call("PATCH", "/api/x/settings", {"values": dict(values)})
