"""`/upnp/description.xml`: the manager describes itself to those who found it by what it says on the network."""

from __future__ import annotations

import falcon

from flamenco.discovery import messages
from flamenco.domain.access import Access


class Description:
    """Served only by a manager that lets itself be found; of any other nobody has heard the address."""

    access = Access.PUBLIC

    def __init__(self) -> None:
        self._document = messages.description()

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Send the description."""
        resp.content_type = 'text/xml; charset="utf-8"'
        resp.data = self._document

    on_head = on_get
