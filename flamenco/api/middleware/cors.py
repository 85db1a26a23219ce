"""Which web pages of other origins may use the API: those of today's web interface while somebody develops it."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

import falcon

from flamenco.discovery.networks import interfaces
from flamenco.discovery.own_urls import own_urls

DEVELOPMENT_PORT: Final = 8081
"""Where the web interface of today's Flamenco is served while it is being worked on, beside a manager."""


def cors(host: str) -> falcon.CORSMiddleware[Any, Any]:
    """Lets pages in that come from a manager that listens on `host`, or from localhost, but from that other port."""
    names = [urlsplit(url).netloc.rpartition(":")[0] for url in own_urls(host, DEVELOPMENT_PORT, interfaces())]
    return falcon.CORSMiddleware(allow_origins=[f"http://{name}:{DEVELOPMENT_PORT}" for name in (*names, "localhost")])
