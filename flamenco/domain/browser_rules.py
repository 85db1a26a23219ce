"""Which requests a web page of somebody else may have made a browser send. Pure.

A browser sends requests on behalf of any page that a person opens, into the network that the person is in. What it
says of where they come from tells them from those of our own pages; workers, the add-on and scripts say nothing of it.
By DNS rebinding a page makes the browser take the manager for its own server; then only the name gives it away.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""What these ask for changes nothing, and no page of somebody else gets to see the answer."""

_OF_OUR_PAGES: Final = frozenset({"same-origin", "none"})
"""Values of `Sec-Fetch-Site`: from a page of the same server, and what a person typed or chose from the bookmarks."""

_PRIVATE_SUFFIXES: Final = (".localhost", ".local", ".internal", ".home.arpa", ".test")
"""Nobody can register a name below these, so that it stands for what the network itself says. See RFC 6761 and 6762."""

EVERY_HOST: Final = "*"


def is_foreign(method: str, site: str | None, origin: str | None, host: str, allowed: Collection[str] = ()) -> bool:
    """Whether a page that is none of ours, nor of the `allowed` origins, has a browser change something.

    `site`, `origin` and `host` are the headers `Sec-Fetch-Site`, `Origin` and `Host`; what was not sent is None.
    Browsers send the first to servers with TLS and to this machine alone, and the second with all that changes a thing.
    """
    if method in SAFE_METHODS or (origin is not None and origin in allowed):
        return False
    if site is not None:
        return site not in _OF_OUR_PAGES
    return origin is not None and _netloc(origin) != host.lower()


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def name_in(host: str) -> str | None:
    """The name or address in the header `Host`, in small letters, without port or brackets; None for none."""
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return None
    return name.rstrip(".") if name else None


def is_nobodys(name: str) -> bool:
    """Whether no stranger can have a name server say that `name` is the manager: addresses, names of this network."""
    return "." not in name or name.endswith(_PRIVATE_SUFFIXES) or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
