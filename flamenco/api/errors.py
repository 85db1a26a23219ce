"""What went wrong, as HTTP: the one place where errors become statuses and bodies.

The original API and our own additions say `{"code", "message"}` always. Today's Flamenco says so for what
the farm refuses, and only `{"message"}` for what never got as far: bad requests, unknown paths, wrong secrets.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Any

import falcon
import structlog

from flamenco.api.middleware.requests import request_id
from flamenco.api.operation import Operation
from flamenco.api.pages import is_for_people, send_nothing_here
from flamenco.api.resource import send
from flamenco.domain.access import without_tokens
from flamenco.domain.errors import (
    AccessDenied,
    Busy,
    ConfigError,
    Conflict,
    Failed,
    FarmError,
    NotFound,
    Refused,
    Replaced,
    SignInNeeded,
    StoreError,
    Unavailable,
)
from flamenco.farm.attempts import Repeated
from flamenco.protocol.fields import BriefError, Error

log = structlog.get_logger(__name__)


class BadRequest(FarmError):
    """A request that is wrong by itself, whatever the farm's state. The text names the field, header or parameter.

    `brief`: where the surface knows brief errors, this is one.
    """

    def __init__(self, message: str, status: int = 400, *, brief: bool = True) -> None:
        super().__init__(message)
        self.status = status
        self.brief = brief


_STATUS_OF: dict[type[FarmError], int] = {
    Refused: 400,
    SignInNeeded: 401,
    AccessDenied: 403,
    NotFound: 404,
    Conflict: 409,
    Replaced: 410,
    # What Flamenco has always answered to these.
    ConfigError: 500,
    Failed: 500,
    StoreError: 500,
    # It is expected to come back.
    Busy: 503,
    Unavailable: 503,
}
"""What an operation does not say otherwise, in its `statuses`. A subclass has the status of its nearest base."""

RETRY_AFTER_UNAVAILABLE_S = 5
"""When to come back after the database did not answer or a disk was full: somebody may have to do something first."""


def install(app: falcon.App[falcon.Request, falcon.Response]) -> None:
    """Let `app` answer every error in our words."""
    app.add_error_handler(Exception, _on_accident)
    app.add_error_handler(falcon.HTTPError, _on_http_error)
    app.add_error_handler(FarmError, partial(_on_farm_error, Repeated()))


def _on_farm_error(
    repeated: Repeated, req: falcon.Request, resp: falcon.Response, error: FarmError, _params: dict[str, Any]
) -> None:
    if isinstance(error, BadRequest):
        send_error(req, resp, error.status, str(error), brief=error.brief)
        return
    status = _status_of(error, req.context.get("operation"))
    if status is None:
        _on_accident(req, resp, error, _params)
        return
    if isinstance(error, StoreError):
        # All workers and whoever looks at the farm meet the same trouble again and again.
        times = repeated.times(type(error).__name__ if isinstance(error, Unavailable) else str(error))
        if times:
            log.error("what the farm keeps cannot be used", error=str(error), times=times)
    if status == HTTPStatus.UNAUTHORIZED:
        # No browser asks a person for a password because of this one; pages and programs see that they have to.
        resp.set_header("WWW-Authenticate", 'Bearer realm="flamenco"')
    if isinstance(error, Unavailable):
        resp.set_header("Retry-After", str(RETRY_AFTER_UNAVAILABLE_S))
    if isinstance(error, Busy):
        resp.set_header("Retry-After", str(error.retry_after))
    send_error(req, resp, status, str(error), brief=isinstance(error, AccessDenied))


def _status_of(error: FarmError, declared: Operation | None) -> int | None:
    """What the operation has for that kind of error, else what all have; None when nobody thought of it."""
    statuses = _STATUS_OF | dict(declared.statuses if declared else {})
    return next((statuses[kind] for kind in type(error).__mro__ if kind in statuses), None)


def _on_http_error(req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, _p: dict[str, Any]) -> None:
    """Answer what the framework found: an unknown path, a method that the path does not have, a broken header."""
    for name, value in dict(error.headers or {}).items():
        resp.set_header(name, value)
    path = without_tokens(req.path)
    if error.status_code == HTTPStatus.NOT_FOUND:
        message = "Not Found" if _is_v3(req) else f"there is nothing at {path}"
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        message = "Method Not Allowed" if _is_v3(req) else f"{path} cannot be used with {req.method}"
    else:
        message = error.description or error.title or str(error.status)
    send_error(req, resp, error.status_code, message, brief=True)


def _is_v3(req: falcon.Request) -> bool:
    return f"{req.path}/".startswith("/api/v3/")


def _on_accident(req: falcon.Request, resp: falcon.Response, error: Exception, _params: dict[str, Any]) -> None:
    """Answer for an error of ours. The client gets the number under which the log has the rest."""
    log.error("a request failed", method=req.method, path=without_tokens(req.path), exc_info=error)
    send_error(req, resp, 500, f"the manager made a mistake; its log says more about request {request_id()}")


def send_error(req: falcon.Request, resp: falcon.Response, status: int, message: str, *, brief: bool = False) -> None:
    """Answer with an error: the one place where it is decided what it looks like, in which API and to whom."""
    declared = req.context.get("operation")
    if status == HTTPStatus.NOT_FOUND and declared is None and is_for_people(req):
        send_nothing_here(req, resp, message)
    elif declared is not None and status in declared.plain:
        send(resp, message, status)
    elif brief and _is_v3(req) and not (declared and declared.coded):
        send(resp, BriefError(message), status)
    else:
        send(resp, Error(status, message), status)
