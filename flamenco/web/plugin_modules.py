"""Modules of plugins' pages, and what they import of ours: at addresses that stay, so asked for anew each time."""

from __future__ import annotations

import hashlib

import falcon

from flamenco.domain.access import Access
from flamenco.farm.context import Farm
from flamenco.web.assets import Assets

_SCRIPT = "text/javascript; charset=utf-8"


class Surface:
    """`/web/ui.js`: the parts of the page that plugins use, under a name that is the same in every version.

    It leads to the very modules that the page runs: two copies of them would know nothing of each other.
    """

    access = Access.PUBLIC

    def __init__(self, assets: Assets) -> None:
        self._assets = assets

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Send it."""
        _send_script(req, resp, f'export * from "./{self._assets.version}/app/ui.js";\n'.encode())

    on_head = on_get


class PluginModule:
    """`/web/plugins/{plugin}/{file}`: the module of a page. Nothing else that lies beside a plugin is sent."""

    access = Access.PUBLIC

    def __init__(self, farm: Farm) -> None:
        pages = farm.hooks.web_pages(farm.config)
        self._files = {(each.plugin, each.file.name): each.file for each in pages}

    def on_get(self, req: falcon.Request, resp: falcon.Response, plugin: str, file: str) -> None:
        """Send it as it is now: whoever writes one sees what they do. Raises `HTTPNotFound`."""
        known = self._files.get((plugin, file))
        try:
            content = known.read_bytes() if known else None
        except OSError:
            content = None
        if content is None:
            raise falcon.HTTPNotFound
        _send_script(req, resp, content)

    on_head = on_get


def _send_script(req: falcon.Request, resp: falcon.Response, content: bytes) -> None:
    resp.etag = hashlib.sha256(content).hexdigest()[:16]
    resp.cache_control = ["no-cache"]
    resp.set_header("X-Content-Type-Options", "nosniff")
    if any(tag == "*" or tag == resp.etag.strip('"') for tag in req.if_none_match or ()):
        resp.status = falcon.HTTP_304
        return
    resp.content_type = _SCRIPT
    resp.data = content
