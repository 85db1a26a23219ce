"""The cookie by which a browser says that somebody has signed in with it, and what it keeps while they do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote

import falcon

from flamenco.farm.context import Farm
from flamenco.web.addresses import HOME, on_the_page

SESSION_COOKIE: Final = "flamenco_session"
SECURE_SESSION_COOKIE: Final = "__Host-flamenco_session"
"""What the cookie is called where it only ever goes over TLS: under that name, no other host can have set it."""

PLACE_COOKIE: Final = "flamenco_next"
"""Where in the page somebody was who now signs in elsewhere, by a plugin, and comes back."""

_PLACE_LASTS_S: Final = 600
_LONGEST_PLACE: Final = 3_500

_OVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


def is_secure(req: falcon.Request) -> bool:
    """Whether the browser is connected by TLS: to this manager, or to a proxy before it, that says so."""
    return "https" in (req.scheme, req.forwarded_scheme)


def session_in(req: falcon.Request) -> str:
    """The secret of the session that a browser sends; empty for none."""
    # Under TLS the other one may have been set by another host of the same domain.
    return req.cookies.get(SECURE_SESSION_COOKIE if is_secure(req) else SESSION_COOKIE, "")


def forget_session(resp: falcon.Response, name: str) -> None:
    """Have the browser forget the cookie of that name, one of ours. It does so only on terms that it was set on."""
    secure = name == SECURE_SESSION_COOKIE
    # By a moment that is over: Falcon leaves out an age of 0.
    resp.set_cookie(name, "", expires=_OVER, path="/", secure=secure, http_only=True, same_site="Lax")


def keep_session(farm: Farm, req: falcon.Request, resp: falcon.Response, secret: str) -> None:
    """Have the browser keep that it is signed in, out of reach of scripts and of pages of others."""
    secure = is_secure(req)
    resp.set_cookie(
        SECURE_SESSION_COOKIE if secure else SESSION_COOKIE,
        secret,
        max_age=int(farm.config.access.session),
        path="/",
        secure=secure,
        http_only=True,
        same_site="Lax",
    )


def keep_place(req: falcon.Request, resp: falcon.Response, place: str) -> None:
    """Have the browser keep where in the page somebody is to be led who comes back signed in."""
    kept = quote(place, safe="")
    resp.set_cookie(
        PLACE_COOKIE,
        kept if len(kept) <= _LONGEST_PLACE else quote(HOME, safe=""),
        max_age=_PLACE_LASTS_S,
        path="/",
        secure=is_secure(req),
        http_only=True,
        same_site="Lax",
    )


def kept_place(req: falcon.Request) -> str:
    """Where that is: an address of the page, whoever has set the cookie."""
    return on_the_page(unquote(req.cookies.get(PLACE_COOKIE, HOME)))
