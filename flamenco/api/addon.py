"""`/flamenco3-addon.zip`: Blender's add-on, as the studio put it beside the manager, for artists to install."""

from __future__ import annotations

from typing import Final

import falcon

from flamenco.api.downloads import send_file
from flamenco.api.resource import Resource
from flamenco.config.settings import ADDON_NAME
from flamenco.domain.errors import NotFound
from flamenco.files.public import open_file

PATHS: Final = (f"/{ADDON_NAME}", "/flamenco-addon.zip")
"""Where it always was, and where Flamenco's own page has its link."""

WHERE_FROM: Final = "https://flamenco.blender.org/download/"


class Addon(Resource):
    """The one file."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Send it. Raises `NotFound`, with what to do about it."""
        try:
            found = open_file(self.farm.config.addon_path)
        except NotFound as error:
            raise NotFound(
                f"Nobody has put Blender's add-on here yet. It comes with Flamenco, from {WHERE_FROM}; whoever looks "
                f"after this manager can save it as {ADDON_NAME} in its data directory, or name it in the setting "
                "addon_file."
            ) from error
        resp.downloadable_as = ADDON_NAME
        send_file(req, resp, found, "application/zip")
