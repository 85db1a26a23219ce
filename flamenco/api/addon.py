"""`/flamenco3-addon.zip`: Blender's add-on, as the studio put it beside the manager, for artists to install."""

from __future__ import annotations

from typing import Final

import falcon

from flamenco.api.downloads import send_file
from flamenco.api.pages import is_for_people, send_nothing_here
from flamenco.api.resource import Resource
from flamenco.config.manager_settings import ADDON_NAME
from flamenco.domain.errors import NotFound
from flamenco.files.public import open_file

PATHS: Final = (f"/{ADDON_NAME}", "/flamenco-addon.zip")
"""Where it always was, and where Flamenco's own page has its link."""

WHERE_FROM: Final = "https://flamenco.blender.org/download/"

_NONE: Final = (
    f"Nobody has put Blender's add-on here yet. It comes with Flamenco, from {WHERE_FROM}; whoever looks after this "
    f"manager can save it as {ADDON_NAME} in its data directory, or name it in the setting addon_file."
)


class Addon(Resource):
    """The one file."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Send it. Where there is none, say what to do about it; to programs, by raising `NotFound`."""
        try:
            found = open_file(self.farm.config.addon_path)
        except NotFound as error:
            if not is_for_people(req):
                raise NotFound(_NONE) from error
            send_nothing_here(req, resp, _NONE, WHERE_FROM)
            return
        resp.downloadable_as = ADDON_NAME
        send_file(req, resp, found, "application/zip")
