"""What plugins add to the API: each `Route` becomes a resource that speaks plain values with the plugin.

Whatever a plugin does there, the client gets an answer in our form, and the log says whose mistake it was.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from http import HTTPStatus
from typing import Any, Final, get_args

import falcon
import structlog

from flamenco.api.errors import send_error
from flamenco.api.middleware.body import read_body
from flamenco.api.middleware.requests import request_id
from flamenco.api.operation import Answer, Operation
from flamenco.api.resource import client_address, public_path, send
from flamenco.api.sessions import is_secure, keep_session, kept_place
from flamenco.domain.access import Access
from flamenco.domain.errors import ConfigError, FarmError
from flamenco.farm import sign_in, users
from flamenco.farm.context import Farm
from flamenco.farm.reader import FarmReading
from flamenco.hooks.discovery import one_line, place_of
from flamenco.hooks.routes import ApiRequest, ApiResponse, FarmReader, Method, Route, RouteAccess
from flamenco.web.addresses import HOME

log = structlog.get_logger(__name__)

_PREFIX = "/api"
_METHODS = frozenset(get_args(Method))
ACCESSES: Final = get_args(RouteAccess)
"""What a route may need of whoever asks it."""
COOKIE_LASTS_S: Final = 600
_SEGMENT = r"(?:[\w.~!$&'()*+,;=:@-]|\{[a-zA-Z_]\w*\})+"
_PATH = re.compile(rf"/|(?:/{_SEGMENT})+", re.ASCII)
_VARIABLE = re.compile(r"\{\w+\}")
_CONTENT_TYPE = re.compile(r"[\x20-\x7e]*")
_LOWEST_STATUS, _HIGHEST_STATUS = 200, 599


def mount(
    app: falcon.App[falcon.Request, falcon.Response], farm: Farm, taken: Iterable[str], limit: int
) -> frozenset[str]:
    """Add the routes of all plugins to `app`. `taken` are the paths of the core, `limit` is that of bodies, in bytes.

    Returns all paths that are taken then, with `{}` for each variable. Raises `ConfigError` naming the plugin when a
    route cannot be used.
    """
    reader: FarmReader = FarmReading(farm)
    taken = list(taken)
    ours = {path.split("/")[1] for path in taken}
    files = {plugin.name: plugin.file for plugin in farm.hooks.plugins()}
    owners = {_shape(path): "the manager itself" for path in taken}
    for plugin, route in farm.hooks.api_routes(farm.config):
        who = f"plugin {plugin!r} ({files[plugin] or '<no file>'}): the route {route.path!r}"
        path = _path_of(plugin, route, who, ours)
        if owner := owners.get(_shape(path)):
            raise ConfigError(f"{who} is taken already, by {owner}; give it another path, and one route all methods.")
        owners[_shape(path)] = f"the plugin {plugin!r}"
        try:
            app.add_route(path, _PluginRoute(farm, plugin, files[plugin], route, reader, limit))
        except ValueError as error:  # of falcon, about one variable twice for instance
            raise ConfigError(f"{who} cannot be used: {error}") from error
    return frozenset(owners)


def _path_of(plugin: str, route: Route, who: str, ours: Collection[str]) -> str:
    own = f"{_PREFIX}/x/{plugin}/"
    path = route.path if route.path.startswith("/") else own + route.path
    if not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise ConfigError(f"{who} is no path; write something like 'shows/{{show}}'.")
    first = path.split("/")[1]
    if not path.startswith(own) and (first in ours or "{" in first):
        raise ConfigError(f"{who} is among the paths of the manager; begin with another name, or with {own}.")
    if not route.methods or set(route.methods) - _METHODS:
        raise ConfigError(f"{who} has the methods {route.methods!r}; there are {', '.join(sorted(_METHODS))}.")
    if route.access not in ACCESSES:
        raise ConfigError(f"{who} has the access {route.access!r}; there are {', '.join(ACCESSES)}.")
    return path


def _shape(path: str) -> str:
    """The path without the names of its variables: two of one shape are the same."""
    return _VARIABLE.sub("{}", path)


class _Nonsense(Exception):
    """What a plugin gave is no answer."""


class _PluginRoute:
    """The resource of one route."""

    def __init__(self, farm: Farm, plugin: str, file: str, route: Route, reader: FarmReader, limit: int) -> None:
        self._farm = farm
        self._plugin = plugin
        self._file = file
        self._route = route
        self._reader = reader
        self._limit = limit
        self._operation = Operation(
            id=f"{plugin}:{route.path}",
            summary=route.summary,
            tag=plugin,
            access=Access(route.access),
            returns={200: Answer("What the plugin answers.")},
        )
        for method in route.methods:
            setattr(self, f"on_{method.lower()}", self._responder(method))
            if method == "GET":
                self.on_head = self.on_get  # type: ignore[attr-defined]

    def _responder(self, method: Method) -> Any:  # a falcon responder with its declaration
        def respond(req: falcon.Request, resp: falcon.Response, /, **path_values: str) -> None:
            asked = ApiRequest(
                method=method,
                path=req.path,
                path_values=path_values,
                query={name: value[-1] if isinstance(value, list) else value for name, value in req.params.items()},
                cookies=req.cookies,
                body=read_body(req, self._limit, self._operation),
            )
            self._answer(asked, req, resp)

        vars(respond)["operation"] = self._operation
        return respond

    def _answer(self, asked: ApiRequest, req: falcon.Request, resp: falcon.Response) -> None:
        """Let the plugin answer. Raises what it raises of the farm's own errors; the rest is a 500."""
        try:
            answer = self._route.respond(asked, self._reader)
            _send(resp, answer)
            if answer.sign_in is not None:
                user = users.of_plugin(self._farm, self._plugin, answer.sign_in)
                keep_session(self._farm, req, resp, sign_in.start_session(self._farm, user, client_address(req)))
            _send_along(req, resp, answer)
        except FarmError:
            raise
        except (Exception, SystemExit) as error:  # whatever a plugin does, the manager goes on
            at = place_of(error, self._file)
            log.exception(
                "a plugin failed to answer", plugin=self._plugin, path=asked.path, at=at, error=one_line(error)
            )
            message = f"the plugin {self._plugin!r} made a mistake; the manager's log says more: {request_id()}"
            send_error(req, resp, HTTPStatus.INTERNAL_SERVER_ERROR, message)


def _send(resp: falcon.Response, answer: object) -> None:
    """Answer what a plugin said. Raises whatever comes of an answer that is none."""
    if not isinstance(answer, ApiResponse):
        raise _Nonsense(f"it gave {answer!r:.200}, expected an ApiResponse")
    if not isinstance(answer.status, int) or not _LOWEST_STATUS <= answer.status <= _HIGHEST_STATUS:
        raise _Nonsense(f"it gave the status {answer.status!r:.200}")
    if not isinstance(answer.content_type, str) or not _CONTENT_TYPE.fullmatch(answer.content_type):
        raise _Nonsense(f"it gave the content type {answer.content_type!r:.200}")
    match answer.body:
        case None:
            resp.status = answer.status
        case str():
            _send_bytes(resp, answer, answer.body.encode(), falcon.MEDIA_TEXT)
        case bytes():
            _send_bytes(resp, answer, answer.body, "application/octet-stream")
        case _:
            send(resp, answer.body, answer.status)
            resp.content_type = answer.content_type or resp.content_type


def _send_along(req: falcon.Request, resp: falcon.Response, answer: ApiResponse) -> None:
    """Where the browser is to go on, and what it is to keep."""
    location = answer.location
    if answer.sign_in is not None and location == HOME:
        location = kept_place(req)  # which the plugin need not know of
    if location:
        # As whoever asks has to write it.
        resp.location = public_path(req, location) if location.startswith("/") else location
    for name, value in answer.cookies.items():
        lasts = COOKIE_LASTS_S if value else 0
        resp.set_cookie(name, value, max_age=lasts, path="/", secure=is_secure(req), http_only=True, same_site="Lax")


def _send_bytes(resp: falcon.Response, answer: ApiResponse, body: bytes, usual_type: str) -> None:
    resp.status = answer.status
    resp.content_type = answer.content_type or usual_type
    resp.data = body
