"""What plugins add to the HTTP API: routes that get plain values and give plain values, and a look at the farm."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

from msgspec import Struct, field

from flamenco.domain.scheduling.accounts import Usage
from flamenco.hooks.authentication import Identity
from flamenco.hooks.statistics import FarmStatistics, LimitUse

Method = Literal["GET", "POST", "PUT", "DELETE"]
RouteAccess = Literal["public", "prepare", "look", "manage", "administer"]


class ApiRequest(Struct, frozen=True, kw_only=True):
    """A request to a plugin's route. `path_values` are the parts of the path that the route has in braces."""

    method: Method
    path: str
    path_values: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class ApiResponse(Struct, frozen=True, kw_only=True):
    """The answer. `body` is sent as it is when it is text or bytes, and as JSON otherwise; None sends nothing.

    A `location` is where the browser is to go on, with a status such as 303. `cookies` are kept by it for ten minutes,
    out of reach of scripts; those with an empty value are forgotten. With `sign_in`, it is signed in as that one.
    """

    body: Any = None
    status: int = 200
    content_type: str = ""
    location: str = ""
    cookies: Mapping[str, str] = field(default_factory=dict)
    sign_in: Identity | None = None


class FarmReader(Protocol):
    """A look at the farm, for plugins' routes. Each call is one read of the database."""

    @property
    def now(self) -> datetime:
        """The present moment, with its time zone."""

    def statistics(self) -> FarmStatistics:
        """The farm in numbers."""

    def limits(self) -> Sequence[LimitUse]:
        """Every limit of the farm, by name."""

    def usage(self, policy: str) -> Mapping[str, Usage]:
        """What the accounts of the scheduling policy of that name have used, by account."""


class Route(Struct, frozen=True, kw_only=True):
    """Something that can be asked of the manager: `/api/x/<plugin>/<path>`, or `path` itself when it begins with `/`.

    `path` may have parts in braces, such as `shows/{show}`. `respond` may raise what the farm raises (`Refused`,
    `NotFound` …), which become their statuses; anything else is a 500 that names the plugin in the log.
    `access` says for whom it is: administer, for administrators; manage, for those as well who look after workers and
    all jobs; look, for everybody who may look at the farm; prepare, for those who submit, too; public, for everybody
    at all, in every mode.
    """

    path: str
    respond: Callable[[ApiRequest, FarmReader], ApiResponse]
    summary: str
    methods: tuple[Method, ...] = ("GET",)
    access: RouteAccess = "administer"
