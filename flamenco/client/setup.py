"""The first steps of a farm: where its files go, what renders, and a frame that shows whether it does."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from flamenco.client.connection import Connection


class SetUpState(Struct, frozen=True, kw_only=True):
    """How far the farm is set up: `storage` is empty while nobody has chosen one, `file` is what is written into.

    `addresses` are the manager's, the most useful first; `is_alone` says that no other machine reaches it.
    """

    is_first_run: bool
    storage: str
    platform: str
    addresses: tuple[str, ...]
    is_alone: bool
    file: str


class TrialRender(Struct, frozen=True):
    """A job of one frame, and the folder that goes into, as the manager sees it."""

    id: str
    name: str
    folder: str


class SetUpCalls:
    """Setting up; for administrators."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def state(self) -> SetUpState:
        """How far that is."""
        return self._connection.fetch("/api/x/setup", SetUpState)

    def set_up(self, storage: str, blender: str = "", elsewhere: Mapping[str, str] | None = None) -> None:
        """Have it tried and written down; the manager starts anew with it. Raises `ManagerError` for what will not do.

        `elsewhere` says by platform where others have the same folder; an empty `blender` leaves that as it is.
        """
        body = {"storage": storage, "blender": blender, "elsewhere": dict(elsewhere or {})}
        self._connection.call("POST", "/api/x/setup", body)

    def trial_render(self) -> TrialRender:
        """Have a small scene put into the shared storage, and one frame of it rendered."""
        return self._connection.decoded(self._connection.call("POST", "/api/x/setup/trial-render"), TrialRender)
