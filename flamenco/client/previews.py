"""What a manager is asked about the frames of a job that are looked at first."""

from __future__ import annotations

from flamenco.client.connection import Connection, in_path
from flamenco.protocol.x.previews import ApprovalLink, LinkWanted


class PreviewCalls:
    """Previews. Approving one is in `actions`. Raises `ManagerError` with status 409 where nothing waits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def make_link(self, job_id: str, hours: int) -> ApprovalLink:
        """A link by which whoever has it approves the preview of a job once."""
        path = f"/api/x/jobs/{in_path(job_id)}/approval-links"
        return self._connection.decoded(self._connection.call("POST", path, LinkWanted(hours=hours)), ApprovalLink)
