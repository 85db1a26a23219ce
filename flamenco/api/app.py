"""The WSGI application over a farm."""

from __future__ import annotations

from typing import Final, TypeAlias
from urllib.parse import urlsplit

import falcon

from flamenco.api import approval_page, downloads, errors, health, pages, plugin_routes, reference, sign_in_page
from flamenco.api.middleware.answers import Bodiless, UnreadBody
from flamenco.api.middleware.authentication import Authentication, KeyInPath
from flamenco.api.middleware.body import Body
from flamenco.api.middleware.browsers import Browsers
from flamenco.api.middleware.clients import Gone
from flamenco.api.middleware.parameters import Parameters
from flamenco.api.middleware.requests import RequestId, Timing
from flamenco.api.openapi import Document
from flamenco.api.routes import SURFACES
from flamenco.api.upnp import Description
from flamenco.discovery.messages import DESCRIPTION_PATH
from flamenco.discovery.networks import interfaces
from flamenco.discovery.own_urls import own_urls
from flamenco.domain.access import Mode
from flamenco.farm.context import Farm
from flamenco.web import resources as web

Application: TypeAlias = "falcon.App[falcon.Request, falcon.Response]"

_MEBIBYTE = 1024 * 1024

_DEVELOPMENT_PORT: Final = 8081
"""Where the web interface of today's Flamenco is served while it is being worked on, beside a manager."""


def create_app(farm: Farm) -> Application:
    """Every surface over `farm`, and what plugins add. Safe for many threads at once.

    Raises `ConfigError` when a plugin's route cannot be used.
    """
    body_limit = farm.config.max_body_mb * _MEBIBYTE
    # Where people sign in, a page that comes from this machine by another port need not be of who looks after it.
    origins = _development_pages(farm.config.host) if farm.config.mode is Mode.OPEN else []
    app = falcon.App(
        # In this order: nobody learns what is wrong with a request before saying who they are.
        middleware=(
            falcon.CORSMiddleware(allow_origins=origins),
            Timing(farm.request_times),
            RequestId(),
            KeyInPath(),
            Browsers(_names(farm), origins, farm.trusted_proxies),
            Authentication(farm),
            Parameters(),
            Body(body_limit),
            Gone(),
            UnreadBody(),
            Bodiless(),
        )
    )
    app.resp_options.default_media_type = None  # type: ignore[assignment] # see `Bodiless`
    errors.install(app)
    taken = []
    for name, surface in SURFACES.items():
        app.add_route(surface.document, Document(name))
        taken.append(surface.document)
        for path, resource in surface.routes.items():
            app.add_route(surface.prefix + path, resource(farm))
            taken.append(surface.prefix + path)
    app.add_route(reference.PATH, reference.Index())
    app.add_route(reference.SURFACE_PATH, reference.Reference())
    taken += [reference.PATH, reference.SURFACE_PATH]
    app.add_route(downloads.JOB_FILES_PATH, downloads.JobFiles(farm))
    taken.append(downloads.JOB_FILES_PATH)
    for path, resource in ((health.HEALTH_PATH, health.Alive), (health.READY_PATH, health.Ready)):
        app.add_route(path, resource(farm))
        taken.append(path)
    app.add_route(f"{approval_page.PATH}/{{token}}", approval_page.ApprovalPage(farm))
    taken.append(f"{approval_page.PATH}/{{token}}")
    if farm.config.autodiscoverable:
        app.add_route(DESCRIPTION_PATH, Description())
        taken.append(DESCRIPTION_PATH)
    views = web.routes(farm)
    replaceable = {
        pages.HOME: views.pop(pages.HOME),
        sign_in_page.PATH: sign_in_page.SignInPage(farm),
        **dict.fromkeys(downloads.ADDON_PATHS, downloads.Addon(farm)),
    }
    for path, view in views.items():
        app.add_route(path, view)
    mounted = plugin_routes.mount(app, farm, [*taken, *views], body_limit)
    # Where no plugin has pages of its own, which are better than these.
    for path, page in replaceable.items():
        if path not in mounted:
            app.add_route(path, page)
    return app


def _names(farm: Farm) -> list[str]:
    """By which names the manager may be asked for: those that are allowed, the one by which people find it where a
    proxy is before it, and those of its certificate, since browsers believe nobody else who has one of them."""
    host = urlsplit(farm.config.public_url).hostname
    return [*farm.config.allowed_hosts, *farm.certified_names, *([host] if host else [])]


def _development_pages(host: str) -> list[str]:
    """Which web pages of other origins may use the API: those of today's web interface while it is worked on.

    They come from a manager that listens on `host`, or from localhost, but from that other port.
    """
    names = [urlsplit(url).netloc.rpartition(":")[0] for url in own_urls(host, _DEVELOPMENT_PORT, interfaces())]
    return [f"http://{name}:{_DEVELOPMENT_PORT}" for name in (*names, "localhost")]
