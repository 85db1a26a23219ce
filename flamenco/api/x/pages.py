"""Which pages plugins have in the web page."""

from __future__ import annotations

import falcon

from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import Resource, send
from flamenco.domain.access import Access
from flamenco.farm.context import Farm
from flamenco.hooks.web_pages import PluginPage
from flamenco.protocol.x import pages as schemas


class Pages(Resource):
    """`/pages`: those of all plugins."""

    def __init__(self, farm: Farm) -> None:
        super().__init__(farm)
        self._pages = _listed(farm.hooks.web_pages(farm.config))

    @Operation(
        id="getPages",
        summary="The pages that plugins add to the web page.",
        tag="pages",
        access=Access.LOOK,
        returns={200: Answer("In the order of the plugins.", schemas.Pages)},
    )
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """List them."""
        send(resp, self._pages)


def _listed(pages: list[PluginPage]) -> schemas.Pages:
    # Several plugins may share a page: it is named once.
    first = {each.file: each for each in reversed(pages)}
    return schemas.Pages(
        pages=[
            schemas.Page(
                plugin=each.plugin,
                path=each.page.path,
                title=each.page.title,
                icon=each.page.icon,
                module=f"web/plugins/{each.plugin}/{each.file.name}",
                listed=first[each.file] is each,
            )
            for each in pages
        ]
    )
