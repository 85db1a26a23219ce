"""What a manager is asked about frames of a job."""

from __future__ import annotations

from typing import Final

from flamenco.client.connection import Connection, in_path
from flamenco.protocol.x.frames import FramesAgain, FramesWanted

_PATIENCE_S: Final = 90.0
"""A thousand tasks are split some at a time, so that others get at the manager."""


class FrameCalls:
    """Frames that are to run again. Raises `ManagerError` with status 404 for a job that is not there."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run_again(self, job_id: str, wanted: FramesWanted) -> FramesAgain:
        """Run frames of a job again, or try what that would be."""
        path = f"/api/x/jobs/{in_path(job_id)}/frames"
        answer = self._connection.call("POST", path, wanted, timeout_s=_PATIENCE_S)
        return self._connection.decoded(answer, FramesAgain)
