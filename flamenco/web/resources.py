"""The addresses of the page: that of each view, which are all the same document, and those of its files."""

from __future__ import annotations

from functools import cached_property
from html import escape
from typing import Final

import falcon

from flamenco import __version__
from flamenco.domain.access import Access
from flamenco.farm.context import Farm
from flamenco.web import plugin_modules
from flamenco.web.addresses import VIEWS
from flamenco.web.assets import STATIC, Asset, Assets, page_assets

PREFIX: Final = "/web"

_FOREVER: Final = ["public", "max-age=31536000", "immutable"]

_POLICY: Final = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""Scripts and styles from the manager's own files alone: whatever gets into a page as text stays that."""


def routes(farm: Farm) -> dict[str, object]:
    """A falcon resource for each path."""
    assets = page_assets()
    view = View(farm, assets)
    return {
        f"{PREFIX}/{{version}}/{{path:path}}": File(assets),
        f"{PREFIX}/ui.js": plugin_modules.Surface(assets),
        f"{PREFIX}/plugins/{{plugin}}/{{file}}": plugin_modules.PluginModule(farm),
        **dict.fromkeys(VIEWS, view),
    }


class View:
    """The document that every view of the page begins as. It says nothing that is not for everybody."""

    access = Access.PUBLIC

    def __init__(self, farm: Farm, assets: Assets) -> None:
        self._farm = farm
        self._assets = assets

    @cached_property
    def _document(self) -> str:
        files = f"web/{self._assets.version}"
        preloads = "\n".join(f'<link rel="modulepreload" href="{files}/{name}">' for name in self._assets.modules())
        text = (STATIC / "index.html").read_text("utf-8")
        texts = {"files": files, "name": escape(self._farm.config.manager_name), "version": escape(__version__)}
        return text.format_map(texts | {"preloads": preloads, "base": "{base}"})

    def on_get(self, req: falcon.Request, resp: falcon.Response, **_: str) -> None:
        """Send it. All else in it is relative to the manager's own address, wherever a proxy may have put that.

        Raises `HTTPNotFound` for programs, which do not ask for HTML, and have nothing to do here.
        """
        if "text/html" not in req.accept:
            raise falcon.HTTPNotFound
        resp.vary = ["Accept"]
        resp.content_type = falcon.MEDIA_HTML
        resp.text = self._document.format(base="../" * (req.path.count("/") - 1) or "./")
        resp.cache_control = ["no-cache"]
        resp.set_header("Content-Security-Policy", _POLICY)
        resp.set_header("X-Content-Type-Options", "nosniff")
        resp.set_header("Referrer-Policy", "no-referrer")

    on_head = on_get


class File:
    """`/web/{version}/{path}`: a script, a style, the icons."""

    access = Access.PUBLIC

    def __init__(self, assets: Assets) -> None:
        self._assets = assets

    def on_get(self, req: falcon.Request, resp: falcon.Response, version: str, path: str) -> None:
        """Send the file, to be kept for ever. Raises `HTTPNotFound`, for another version too: tabs of old reload."""
        asset = self._assets.by_path.get(path)
        if asset is None or version != self._assets.version:
            raise falcon.HTTPNotFound
        resp.content_type = asset.content_type
        resp.cache_control = _FOREVER
        resp.set_header("X-Content-Type-Options", "nosniff")
        resp.data = _as_wanted(asset, req, resp)

    on_head = on_get


def _as_wanted(asset: Asset, req: falcon.Request, resp: falcon.Response) -> bytes:
    if asset.packed is None:
        return asset.plain
    resp.vary = ["Accept-Encoding"]
    if "gzip" not in (req.get_header("Accept-Encoding") or ""):
        return asset.plain
    resp.set_header("Content-Encoding", "gzip")
    return asset.packed
