"""The WSGI application over a farm."""

from __future__ import annotations

from typing import TypeAlias

import falcon

from flamenco.api import addon, errors, job_files, pages, plugin_routes
from flamenco.api.middleware.authentication import Authentication
from flamenco.api.middleware.bodiless import Bodiless
from flamenco.api.middleware.body import Body
from flamenco.api.middleware.cors import cors
from flamenco.api.middleware.gone import Gone
from flamenco.api.middleware.parameters import Parameters
from flamenco.api.middleware.request_id import RequestId
from flamenco.api.middleware.timing import Timing
from flamenco.api.middleware.unread import UnreadBody
from flamenco.api.openapi import Document
from flamenco.api.routes import SURFACES
from flamenco.api.upnp import Description
from flamenco.discovery.messages import DESCRIPTION_PATH
from flamenco.farm.context import Farm

Application: TypeAlias = "falcon.App[falcon.Request, falcon.Response]"

_MEBIBYTE = 1024 * 1024


def create_app(farm: Farm) -> Application:
    """Every surface over `farm`, and what plugins add. Safe for many threads at once.

    Raises `ConfigError` when a plugin's route cannot be used.
    """
    body_limit = farm.config.max_body_mb * _MEBIBYTE
    app = falcon.App(
        # In this order: nobody learns what is wrong with a request before saying who they are.
        middleware=(
            cors(farm.config.host),
            Timing(farm.request_times),
            RequestId(),
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
    for surface in SURFACES.values():
        app.add_route(surface.document, Document(surface))
        taken.append(surface.document)
        for path, resource in surface.routes.items():
            app.add_route(surface.prefix + path, resource(farm))
            taken.append(surface.prefix + path)
    app.add_route(job_files.PATH, job_files.JobFiles(farm))
    taken.append(job_files.PATH)
    if farm.config.autodiscoverable:
        app.add_route(DESCRIPTION_PATH, Description())
        taken.append(DESCRIPTION_PATH)
    mounted = plugin_routes.mount(app, farm, taken, body_limit)
    # Where no plugin has pages of its own, which are better than these.
    for path, page in {pages.HOME: pages.Home, **dict.fromkeys(addon.PATHS, addon.Addon)}.items():
        if path not in mounted:
            app.add_route(path, page(farm))
    return app
